#include "controller/hookapi/hook_service.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "common/log/log.h"
#include "common/rpc/reply.h"

namespace lockstep::controller::hookapi {
namespace {

constexpr int kMaxChallenges = 100;      // names of one order, as Let's Encrypt allows
constexpr size_t kThumbprintChars = 43;  // base64url of a SHA-256 (RFC 7638)

bool IsThumbprint(std::string_view text) {
  return text.size() == kThumbprintChars && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
         });
}

// Never quotes the key authorization.
Status CheckKeyAuthorization(const types::v1::Challenge& challenge) {
  const std::string& text = challenge.key_authorization();
  const std::string prefix = challenge.token() + ".";
  if (!text.starts_with(prefix) || !IsThumbprint(std::string_view(text).substr(prefix.size()))) {
    return InvalidArgument("must be the token, a dot and the account key's thumbprint");
  }
  return Status::Ok();
}

Result<model::Challenge> ReadChallenge(const OrderId& order, const types::v1::Challenge& challenge,
                                       const std::string& path) {
  Result<Hostname> host = Hostname::Parse(challenge.host());
  if (!host.ok()) return host.status().Prefixed(path + ".host");
  Result<ChallengeToken> token = ChallengeToken::Parse(challenge.token());
  if (!token.ok()) return token.status().Prefixed(path + ".token");
  LS_RETURN_IF_ERROR(CheckKeyAuthorization(challenge).Prefixed(path + ".key_authorization"));
  return model::Challenge{order, *std::move(host), *std::move(token),
                          challenge.key_authorization()};
}

Result<OrderId> ReadOrder(const std::string& text, const std::string& secret) {
  Result<OrderId> order = OrderId::Parse(text);
  if (!order.ok()) return order.status().Prefixed("order");
  if (secret.empty()) return InvalidArgument("secret: is missing");
  return order;
}

}  // namespace

Result<std::vector<model::Challenge>> ReadChallenges(const OrderId& order,
                                                     const hook::v1::PerformRequest& request) {
  if (request.challenges().empty() || request.challenges_size() > kMaxChallenges) {
    return InvalidArgument("challenges: must be 1 to " + std::to_string(kMaxChallenges) + ", are " +
                           std::to_string(request.challenges_size()));
  }
  std::vector<model::Challenge> challenges;
  std::set<std::pair<Hostname, ChallengeToken>> seen;
  std::string errors;
  for (int i = 0; i < request.challenges_size(); ++i) {
    const std::string path = "challenges[" + std::to_string(i) + "]";
    Result<model::Challenge> challenge = ReadChallenge(order, request.challenges(i), path);
    if (challenge.ok() && !seen.emplace(challenge->host, challenge->token).second) {
      challenge = InvalidArgument(path + ": is there twice");
    }
    if (challenge.ok()) {
      challenges.push_back(*std::move(challenge));
    } else {
      errors += (errors.empty() ? "" : "\n") + challenge.status().message();
    }
  }
  if (!errors.empty()) return InvalidArgument(errors);
  return challenges;
}

grpc::ServerUnaryReactor* HookService::Perform(grpc::CallbackServerContext* context,
                                               const hook::v1::PerformRequest* request,
                                               hook::v1::PerformResponse* /*response*/) {
  const Result<OrderId> order = ReadOrder(request->order(), request->secret());
  if (!order.ok()) return rpc::FinishNow(context, order.status());
  Result<std::vector<model::Challenge>> challenges = ReadChallenges(*order, *request);
  if (!challenges.ok()) return rpc::FinishNow(context, challenges.status());
  auto* reactor = context->DefaultReactor();
  auto reply = std::make_shared<rpc::Reply>(reactor);
  log::Info("hook.perform", {{"order", order->str()}, {"challenges", request->challenges_size()}});
  state_.Post(
      [this, reply, order = *order, request, challenges = *std::move(challenges)]() mutable {
        events_.Perform(order, crypto::Secret::CopyOf(request->secret()), std::move(challenges),
                        [reply, order](const Status& status) {
                          log::Info("hook.performed", {{"order", order.str()}, {"status", status}});
                          reply->Finish(status);
                        });
      });
  return reactor;
}

grpc::ServerUnaryReactor* HookService::Cleanup(grpc::CallbackServerContext* context,
                                               const hook::v1::CleanupRequest* request,
                                               hook::v1::CleanupResponse* /*response*/) {
  const Result<OrderId> order = ReadOrder(request->order(), request->secret());
  if (!order.ok()) return rpc::FinishNow(context, order.status());
  auto* reactor = context->DefaultReactor();
  auto reply = std::make_shared<rpc::Reply>(reactor);
  state_.Post([this, reply, order = *order, request] {
    events_.Cleanup(order, crypto::Secret::CopyOf(request->secret()),
                    [reply](const Status& status) { reply->Finish(status); });
  });
  return reactor;
}

}  // namespace lockstep::controller::hookapi

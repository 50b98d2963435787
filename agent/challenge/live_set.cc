#include "agent/challenge/live_set.h"

#include <map>
#include <set>
#include <utility>

#include "common/base/encoding.h"
#include "common/crypto/digest.h"

namespace lockstep::agent::challenge {
namespace {

constexpr Micros kLongestLease = std::chrono::hours(1);

Result<Challenge> ParseOne(const types::v1::Challenge& in) {
  LS_ASSIGN_OR_RETURN(OrderId order, OrderId::Parse(in.order()));
  LS_ASSIGN_OR_RETURN(Hostname host, Hostname::Parse(in.host()));
  LS_ASSIGN_OR_RETURN(ChallengeToken token, ChallengeToken::Parse(in.token()));
  if (!IsKeyAuthorization(in.key_authorization(), token)) {
    return InvalidArgument("key_authorization is not token \".\" thumbprint");
  }
  return Challenge{std::move(order), std::move(host), std::move(token), in.key_authorization()};
}

}  // namespace

Result<LiveSet> ParseLaneSet(const agent::v1::LaneSet& set) {
  LiveSet out;
  out.sequence = set.sequence();
  if (out.sequence == 0) return InvalidArgument("lane_set.sequence is missing");
  out.lease = Seconds(set.lease().seconds()) + Micros(set.lease().nanos() / 1000);
  if (out.lease <= Micros(0) || out.lease > kLongestLease) {
    return InvalidArgument("lane_set.lease is not between 0 and 1 hour");
  }
  std::map<std::string, std::string> contents;
  for (int i = 0; i < set.challenges_size(); ++i) {
    Result<Challenge> one = ParseOne(set.challenges(i));
    if (!one.ok()) {
      return one.status().Prefixed("lane_set.challenges[" + std::to_string(i) + "]");
    }
    const auto [known, fresh] = contents.emplace(one->token.str(), one->key_authorization);
    if (!fresh && known->second != one->key_authorization) {
      return InvalidArgument("lane_set.challenges[" + std::to_string(i) +
                             "] has a token of another with other contents");
    }
    out.challenges.push_back(*std::move(one));
  }
  return out;
}

bool IsKeyAuthorization(std::string_view text, const ChallengeToken& token) {
  if (!text.starts_with(token.str())) return false;
  text.remove_prefix(token.str().size());
  if (!text.starts_with('.')) return false;
  const Result<std::string> thumbprint = Base64UrlDecode(text.substr(1));
  return thumbprint.ok() && thumbprint->size() == crypto::kSha256Bytes;
}

std::vector<Challenge> Gone(const std::vector<Challenge>& before,
                            const std::vector<Challenge>& after) {
  std::set<std::pair<std::string, std::string>> kept;
  for (const Challenge& challenge : after) {
    kept.emplace(challenge.host.ascii(), challenge.token.str());
  }
  std::vector<Challenge> gone;
  for (const Challenge& challenge : before) {
    if (!kept.contains({challenge.host.ascii(), challenge.token.str()})) gone.push_back(challenge);
  }
  return gone;
}

bool ShowsOurBytes(const Challenge& challenge, const types::v1::Observation& seen) {
  return seen.has_http() && seen.http().status() == 200 &&
         seen.http().body_sha256() == crypto::Sha256(challenge.key_authorization);
}

}  // namespace lockstep::agent::challenge

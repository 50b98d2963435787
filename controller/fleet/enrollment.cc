#include "controller/fleet/enrollment.h"

#include <memory>

#include "common/crypto/digest.h"
#include "common/crypto/issue.h"
#include "controller/identity/join_token.h"

namespace lockstep::controller::fleet {
namespace {

constexpr Micros kMaxTokenLifetime = std::chrono::hours(24);
constexpr Micros kTokenKeptAfterExpiry = std::chrono::hours(24 * 7);

// What one transaction found out and wrote.
struct Attempt {
  model::Node node;
  Enrollment::Identity identity;
};

model::Node MakeNode(const NodeName& name, const PopName& pop, const crypto::Certificate& made,
                     std::string spki_sha256, WallTime now) {
  model::Node node;
  node.name = name;
  node.pop = pop;
  node.identity_serial = made.SerialHex();
  node.identity_not_after = made.NotAfter();
  node.spki_sha256 = std::move(spki_sha256);
  node.enrolled_at = now;
  return node;
}

}  // namespace

void Enrollment::CreateToken(const NodeName& node, const PopName& pop, Micros lifetime,
                             std::function<void(Result<NewToken>)> done) {
  if (lifetime.count() == 0) lifetime = identity::kTokenLifetime;
  if (lifetime < Seconds(1) || lifetime > kMaxTokenLifetime) {
    return done(InvalidArgument("a token's lifetime must be between 1 s and 24 h"));
  }
  if (fleet_.Find(node) != nullptr) {
    return done(AlreadyExists("node " + node.str() +
                              " is enrolled; ban and remove it before it can join again"));
  }
  const WallTime now = state_.clock().Now();
  auto made = std::make_shared<identity::NewTokenResult>(
      identity::NewToken(node, pop, ca_.Pin(), now, lifetime));
  database_.Run(
      [made, now](store::Stores& stores) -> Status {
        LS_RETURN_IF_ERROR(stores.tokens.Prune(now - kTokenKeptAfterExpiry).status());
        return stores.tokens.Create(made->record);
      },
      [this, made, done = std::move(done)](const Status& status) {
        if (!status.ok()) return done(status);
        journal_.Info(
            "token.created", made->record.node.str(),
            "join token " + made->record.id + " until " + FormatTime(made->record.expires_at));
        done(NewToken{std::string(made->token.Render().Reveal()), made->record});
      },
      state_);
}

void Enrollment::ListTokens(std::function<void(Result<std::vector<model::JoinToken>>)> done) {
  auto tokens = std::make_shared<std::vector<model::JoinToken>>();
  database_.Run(
      [tokens](store::Stores& stores) -> Status {
        LS_ASSIGN_OR_RETURN(*tokens, stores.tokens.List());
        return Status::Ok();
      },
      [tokens, done = std::move(done)](const Status& status) {
        if (!status.ok()) return done(status);
        done(std::move(*tokens));
      },
      state_);
}

void Enrollment::RevokeToken(const std::string& id, std::function<void(Status)> done) {
  database_.Run([id](store::Stores& stores) { return stores.tokens.Revoke(id); },
                [this, id, done = std::move(done)](const Status& status) {
                  if (status.ok()) journal_.Info("token.revoked", id, "the join token was revoked");
                  done(status);
                },
                state_);
}

void Enrollment::Enroll(const NodeName& node, const std::string& token_id, std::string secret,
                        const std::string& csr_pem, Issued done) {
  auto csr = crypto::ParseCsr(csr_pem);
  if (!csr.ok()) return done(csr.status().Prefixed("csr_pem"));
  const WallTime now = state_.clock().Now();
  auto attempt = std::make_shared<Attempt>();
  auto held = std::make_shared<crypto::Secret>(std::move(secret));
  // The whole decision runs inside one transaction: a hundred requests at once are a hundred
  // transactions one after another, and only the first finds the token unused.
  database_.Run(
      [this, attempt, held, node, token_id, now,
       csr = std::move(*csr)](store::Stores& stores) -> Status {
        const std::string spki = csr.public_key.SpkiSha256();
        LS_ASSIGN_OR_RETURN(const auto record, stores.tokens.Find(token_id));
        const auto redemption =
            identity::Redeem(record ? &*record : nullptr, held->Reveal(), spki, now);
        LS_RETURN_IF_ERROR(identity::ToStatus(redemption));
        if (record->node != node) {
          return Unauthenticated("the token was made for another node name");
        }
        LS_RETURN_IF_ERROR(stores.tokens.Redeem(token_id, spki));
        LS_ASSIGN_OR_RETURN(const crypto::Certificate made, ca_.IssueNode(node, csr, now));
        attempt->node = MakeNode(node, record->pop, made, spki, now);
        attempt->identity = {made.Pem(), ca_.certificate().Pem(), record->pop, made.NotAfter()};
        LS_ASSIGN_OR_RETURN(const auto existing, stores.nodes.Find(node));
        if (!existing) return stores.nodes.Create(attempt->node);
        if (existing->spki_sha256 != spki) {
          return AlreadyExists("node " + node.str() + " is enrolled with another key");
        }
        if (existing->banned) return PermissionDenied("node " + node.str() + " is banned");
        model::Node renewed = *existing;
        renewed.identity_serial = attempt->node.identity_serial;
        renewed.identity_not_after = attempt->node.identity_not_after;
        return stores.nodes.Update(renewed);
      },
      [this, attempt, node, done = std::move(done)](const Status& status) {
        if (!status.ok()) {
          journal_.Warning("node.enroll_refused", node.str(), status.message());
          return done(status);
        }
        fleet_.Adopt(attempt->node);
        done(attempt->identity);
      },
      state_);
}

void Enrollment::Renew(const NodeName& node, const std::string& csr_pem, Issued done) {
  auto csr = crypto::ParseCsr(csr_pem);
  if (!csr.ok()) return done(csr.status().Prefixed("csr_pem"));
  const LiveNode* live = fleet_.Find(node);
  if (live == nullptr)
    return done(
        PermissionDenied("node " + node.str() + " is not enrolled; enrol it with a new token"));
  if (live->node.banned) return done(PermissionDenied("node " + node.str() + " is banned"));
  auto made = ca_.IssueNode(node, *csr, state_.clock().Now());
  if (!made.ok()) return done(made.status());
  model::Node renewed = live->node;
  renewed.identity_serial = made->SerialHex();
  renewed.identity_not_after = made->NotAfter();
  renewed.spki_sha256 = csr->public_key.SpkiSha256();
  const Identity identity{made->Pem(), ca_.certificate().Pem(), live->node.pop, made->NotAfter()};
  database_.Run([renewed](store::Stores& stores) { return stores.nodes.Update(renewed); },
                [this, renewed, identity, done = std::move(done)](const Status& status) {
                  if (!status.ok()) return done(status);
                  fleet_.Adopt(renewed);
                  done(identity);
                },
                state_);
}

}  // namespace lockstep::controller::fleet

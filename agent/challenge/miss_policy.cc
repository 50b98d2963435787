#include "agent/challenge/miss_policy.h"

#include <algorithm>

namespace lockstep::agent::challenge {
namespace {

constexpr std::string_view kPrefix = "/.well-known/acme-challenge/";

// A CA's Host header may carry ":80".
std::string_view WithoutPort(std::string_view host) {
  const size_t colon = host.find(':');
  return colon == std::string_view::npos ? host : host.substr(0, colon);
}

}  // namespace

MissRules MakeMissRules(const reconcile::Desired* desired, const LiveSet* live) {
  MissRules rules;
  if (live != nullptr) {
    for (const Challenge& challenge : live->challenges) rules.hosts.insert(challenge.host.ascii());
  }
  if (desired == nullptr) return rules;
  rules.pull = desired->pull_challenges;
  rules.thumbprint = desired->account_thumbprint;
  for (const reconcile::Site& site : desired->sites) {
    for (const Hostname& host : site.hosts) rules.hosts.insert(host.ascii());
  }
  for (const reconcile::Peer& peer : desired->peers) {
    if (!peer.addresses.empty()) rules.peers.push_back({peer.node, peer.addresses.front()});
  }
  return rules;
}

MissRuling RuleOn(const MissRequest& request, const MissRules& rules) {
  MissRuling ruling;
  if (request.method != "GET" && request.method != "HEAD") {
    ruling.verdict = MissVerdict::kMethodNotAllowed;
    return ruling;
  }
  // Asking further would go round in circles.
  if (request.from_peer) {
    ruling.verdict = MissVerdict::kOnlyFromDisk;
    return ruling;
  }
  const Result<Hostname> host = Hostname::Parse(WithoutPort(request.host));
  if (!host.ok() || !rules.hosts.contains(host->ascii())) return ruling;
  if (!request.target.starts_with(kPrefix)) return ruling;
  Result<ChallengeToken> token = ChallengeToken::Parse(request.target.substr(kPrefix.size()));
  if (!token.ok() || !rules.pull || rules.thumbprint.empty()) return ruling;
  ruling.verdict = MissVerdict::kAsk;
  ruling.host = *host;
  ruling.token = *std::move(token);
  return ruling;
}

std::string ExpectedAnswer(const ChallengeToken& token, const MissRules& rules) {
  return token.str() + "." + rules.thumbprint;
}

bool RateLimit::Spend(MonoTime now) {
  if (!filled_at_) left_ = burst_;
  const double seconds =
      filled_at_ ? std::chrono::duration<double>(now - *filled_at_).count() : 0.0;
  left_ = std::min(burst_, left_ + seconds * per_second_);
  filled_at_ = now;
  if (left_ < 1) return false;
  left_ -= 1;
  return true;
}

}  // namespace lockstep::agent::challenge

#include "controller/challenges/challenges.h"

#include <memory>

#include "common/base/encoding.h"
#include "common/crypto/digest.h"
#include "common/log/log.h"

namespace lockstep::controller::challenges {
namespace {

using crypto::Sha256;

bool ShowsOurBytes(const types::v1::Observation& observation, const std::string& digest) {
  return observation.has_http() && observation.http().body_sha256() == digest;
}

// "Nobody answered" proves nothing: the bytes may be served again in a moment.
bool ShowsGone(const types::v1::Observation& observation, const std::string& digest) {
  return observation.has_http() && !ShowsOurBytes(observation, digest);
}

}  // namespace

Challenges::Challenges(Options options, uint64_t start_ordinal, store::Database& database,
                       task::Executor& state, fleet::Fleet& fleet)
    : options_(options),
      database_(database),
      state_(state),
      fleet_(fleet),
      sequence_(start_ordinal << 32) {
  RebuildMessage();
}

void Challenges::RebuildMessage() {
  ++sequence_;
  agent::v1::ControllerMessage message;
  auto* set = message.mutable_lane_set();
  set->set_sequence(sequence_);
  set->mutable_lease()->set_seconds(options_.lease.count() / 1'000'000);
  set->mutable_lease()->set_nanos(static_cast<int32_t>(options_.lease.count() % 1'000'000) * 1000);
  for (const auto& [order, challenges] : live_) {
    for (const model::Challenge& challenge : challenges) {
      auto* out = set->add_challenges();
      out->set_order(order.str());
      out->set_host(challenge.host.ascii());
      out->set_token(challenge.token.str());
      out->set_key_authorization(challenge.key_authorization);
    }
  }
  message_ = std::make_shared<const std::string>(message.SerializeAsString());
}

void Challenges::Send(const NodeName& node) { fleet_.link().SendLane(node, message_); }

void Challenges::SendToAll() {
  RebuildMessage();
  for (const auto& [name, live] : fleet_.nodes()) {
    if (live.connected) Send(name);
  }
  RenewLater();
}

void Challenges::RenewLater() {
  state_.Cancel(renew_timer_);
  renew_timer_ = 0;
  if (live_.empty()) return;
  renew_timer_ = state_.PostAfter(options_.lease / 3, [this] { SendToAll(); });
}

void Challenges::Publish(const OrderId& order, const std::vector<model::Challenge>& challenges) {
  fleet_.proofs().ExpectChallenges(order, challenges);
  live_[order] = challenges;
  database_.Run(
      [challenges](store::Stores& stores) { return stores.challenges.Put(challenges); },
      [order](const Status& status) {
        // Only for cleaning up after a crash, and the lease does that too.
        if (!status.ok()) {
          log::Warning("challenges.not_stored", {{"order", order.str()}, {"status", status}});
        }
      },
      state_);
  SendToAll();
}

void Challenges::Withdraw(const OrderId& order, std::function<void(Gone)> done) {
  const auto found = live_.find(order);
  if (found == live_.end()) {
    if (done) done({});
    return;
  }
  Leaving leaving;
  leaving.done = std::move(done);
  std::set<std::pair<std::string, std::string>> looks;
  for (const model::Challenge& challenge : found->second) {
    leaving.digest_by_token[challenge.token.str()] = Sha256(challenge.key_authorization);
    for (const IpAddress& address : fleet_.service_addresses()) {
      looks.emplace(challenge.token.str(), address.ToString());
    }
  }
  for (const auto& [name, live] : fleet_.nodes()) {
    if (live.connected) leaving.open.emplace(name, looks);
  }
  leaving.deadline =
      state_.PostAfter(options_.gone_deadline, [this, order] { FinishLeaving(order); });
  leaving_.insert_or_assign(order, std::move(leaving));
  live_.erase(found);
  fleet_.proofs().ForgetChallenges(order);
  database_.Run(
      [order](store::Stores& stores) { return stores.challenges.DeleteOf(order); },
      [order](const Status& status) {
        if (!status.ok()) {
          log::Warning("challenges.not_deleted", {{"order", order.str()}, {"status", status}});
        }
      },
      state_);
  SendToAll();
  leaving_.at(order).sequence = sequence_;
  if (leaving_.at(order).open.empty()) FinishLeaving(order);
}

void Challenges::FinishLeaving(const OrderId& order) {
  auto node = leaving_.extract(order);
  if (node.empty()) return;
  Leaving& leaving = node.mapped();
  state_.Cancel(leaving.deadline);
  Gone gone;
  gone.proved = leaving.proved;
  for (const auto& [name, looks] : leaving.open) gone.unproved.push_back(name);
  if (leaving.done) leaving.done(std::move(gone));
}

const model::Challenge* Challenges::Find(const Hostname& host, const ChallengeToken& token) const {
  for (const auto& [order, challenges] : live_) {
    for (const model::Challenge& challenge : challenges) {
      if (challenge.host == host && challenge.token == token) return &challenge;
    }
  }
  return nullptr;
}

std::vector<model::Challenge> Challenges::List() const {
  std::vector<model::Challenge> out;
  for (const auto& [order, challenges] : live_) {
    out.insert(out.end(), challenges.begin(), challenges.end());
  }
  return out;
}

std::vector<barrier::Target> Challenges::TargetsOf(const OrderId& order) const {
  std::vector<barrier::Target> targets;
  const auto found = live_.find(order);
  if (found == live_.end()) return targets;
  for (const model::Challenge& challenge : found->second) {
    targets.push_back({model::ProbeKind::kChallenge, challenge.host, challenge.token.str(),
                       HexEncode(Sha256(challenge.key_authorization))});
  }
  return targets;
}

void Challenges::OnConnected(const fleet::LiveNode& node, const agent::v1::Hello&) {
  // Always, also when empty: a returning agent may still hold yesterday's.
  Send(node.node.name);
}

void Challenges::OnLaneAck(const fleet::LiveNode& node, const agent::v1::LaneAck& ack) {
  if (!ack.error().empty()) {
    log::Warning("challenges.lane_error", {{"node", node.node.name.str()}, {"error", ack.error()}});
  }
  std::vector<OrderId> finished;
  for (auto& [order, leaving] : leaving_) {
    const auto open = leaving.open.find(node.node.name);
    if (open == leaving.open.end() || ack.sequence() < leaving.sequence) continue;
    for (const auto& observation : ack.observations()) {
      const auto digest = leaving.digest_by_token.find(observation.token());
      if (digest == leaving.digest_by_token.end()) continue;
      if (!ShowsGone(observation, digest->second)) continue;
      open->second.erase({observation.token(), observation.address()});
    }
    if (!open->second.empty()) continue;
    leaving.open.erase(open);
    ++leaving.proved;
    if (leaving.open.empty()) finished.push_back(order);
  }
  for (const OrderId& order : finished) FinishLeaving(order);
}

void Challenges::OnDisconnected(const fleet::LiveNode& node) {
  // Its lease takes the bytes down; nobody can show it.
  std::vector<OrderId> finished;
  for (auto& [order, leaving] : leaving_) {
    if (leaving.open.erase(node.node.name) > 0 && leaving.open.empty()) finished.push_back(order);
  }
  for (const OrderId& order : finished) FinishLeaving(order);
}

}  // namespace lockstep::controller::challenges

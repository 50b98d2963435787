#include "controller/publish/pusher.h"

#include <memory>

#include "common/log/log.h"

namespace lockstep::controller::publish {

void Pusher::OnConnected(const NodeName& node, const std::string& serving_digest) {
  NodeState& state = nodes_[node];
  state.push_id = 0;
  state.applied_generation = 0;
  state.said_digest = serving_digest;
  // What was acknowledged before is a base only if the node still says so.
  state.held_known = state.held_known && state.held.Digest() == serving_digest;
}

uint64_t Pusher::AppliedBy(const NodeName& node) const {
  const auto found = nodes_.find(node);
  return found == nodes_.end() ? 0 : found->second.applied_generation;
}

void Pusher::Push(const NodeName& node, const Release& release) {
  auto snapshot = release.plan->SnapshotFor(node);
  if (!snapshot.ok()) return;  // it joined after this plan was made: the next one has it
  NodeState& state = nodes_[node];
  const uint64_t number = release.generation.number;
  if (state.push_id != 0 && state.release.generation.number == number) return;
  if (state.push_id == 0 && state.applied_generation == number) return;
  state.release = release;
  state.sent = std::move(*snapshot);
  // After a restart of the controller nothing is known of what the node holds, but if it says that
  // it holds just this, an empty delta is enough.
  if (!state.held_known && state.said_digest == state.sent.Digest()) {
    state.held = state.sent;
    state.held_known = true;
  }
  Send(node, &state, !state.held_known);
}

void Pusher::Send(const NodeName& node, NodeState* state, bool whole) {
  agent::v1::ControllerMessage message;
  auto* push = message.mutable_push();
  state->push_id = next_push_++;
  push->set_push_id(state->push_id);
  *push->mutable_manifest() =
      manifests_.Sign(node, state->release.generation, state->sent.Digest());
  const snapshot::Delta delta =
      snapshot::Difference(whole ? snapshot::Snapshot() : state->held, state->sent);
  if (!whole) push->set_base_digest(state->held.Digest());
  for (const auto& [key, body] : delta.upserts) {
    auto* resource = push->add_upserts();
    resource->set_type(key.type);
    resource->set_name(key.name);
    resource->set_body(*body);
  }
  for (const snapshot::ResourceKey& key : delta.removals) {
    auto* removal = push->add_removals();
    removal->set_type(key.type);
    removal->set_name(key.name);
  }
  log::Info("publish.push", {{"node", node.str()},
                             {"generation", state->release.generation.number},
                             {"form", whole ? "whole" : "delta"},
                             {"upserts", delta.upserts.size()},
                             {"removals", delta.removals.size()}});
  fleet_.link().Push(node, std::make_shared<const std::string>(message.SerializeAsString()));
}

Pusher::Outcome Pusher::OnAck(const NodeName& node, const agent::v1::Ack& ack) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end() || found->second.push_id == 0 ||
      found->second.push_id != ack.push_id()) {
    return Outcome::kNotOurs;
  }
  NodeState& state = found->second;
  switch (ack.outcome()) {
    case agent::v1::Ack::OUTCOME_APPLIED:
      // Its word for the digest must be ours: anything else is a rejection in disguise.
      if (ack.serving_digest() != state.sent.Digest()) break;
      state.push_id = 0;
      state.held = state.sent;
      state.held_known = true;
      state.applied_generation = state.release.generation.number;
      return Outcome::kApplied;
    case agent::v1::Ack::OUTCOME_NEED_FULL:
      state.held_known = false;
      Send(node, &state, true);
      return Outcome::kResent;
    case agent::v1::Ack::OUTCOME_STALE:
      state.push_id = 0;
      return Outcome::kStale;
    default:
      break;
  }
  state.push_id = 0;
  state.held_known = state.held_known && ack.serving_digest() == state.held.Digest();
  return Outcome::kRejected;
}

}  // namespace lockstep::controller::publish

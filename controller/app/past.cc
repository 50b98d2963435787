#include "controller/app/past.h"

#include <algorithm>
#include <cstdlib>

#include "common/base/encoding.h"
#include "common/log/log.h"
#include "controller/keys/rotation.h"
#include "controller/planner/edge.h"
#include "controller/policy/policy_file.h"
#include "controller/promises/records.h"

namespace lockstep::controller::app {
namespace {

constexpr size_t kRememberedGenerations = 200;

Status ReadEpoch(store::Stores& stores, model::Epoch* epoch) {
  LS_ASSIGN_OR_RETURN(const auto stored, stores.meta.FindEpoch());
  if (stored) {
    *epoch = *stored;
    return Status::Ok();
  }
  *epoch = {1, RandomBytes(16)};
  return stores.meta.PutEpoch(*epoch);
}

// A policy that this release does not read stops the start: going on without it would change what
// every node serves.
Status ReadPolicy(store::Stores& stores, Past* past) {
  LS_ASSIGN_OR_RETURN(const auto stored, stores.policy.Find());
  if (!stored) return Status::Ok();
  past->policy_applied_at = stored->applied_at;
  Result<model::EdgePolicy> policy = policy::ParsePolicy(stored->text, "the stored edge policy");
  if (!policy.ok()) return DataLoss(policy.status().message());
  past->policy = *std::move(policy);
  return Status::Ok();
}

Status ReadQuicKeys(store::Stores& stores, WallTime now, model::QuicKeys* keys) {
  LS_ASSIGN_OR_RETURN(const auto stored, stores.quic_keys.Find());
  if (stored) {
    *keys = *stored;
    return Status::Ok();
  }
  *keys = keys::MakeFirst(now);
  return stores.quic_keys.Put(*keys);
}

// The newest generation that every node had proved. What was on its way when the controller
// stopped is planned anew.
Result<std::optional<model::Generation>> FindStable(store::Stores& stores, WallTime now,
                                                    std::vector<model::Generation>* generations) {
  for (model::Generation& generation : *generations) {
    if (generation.state == model::GenerationState::kSoaking ||
        generation.state == model::GenerationState::kLastKnownGood) {
      LS_ASSIGN_OR_RETURN(model::Generation whole, stores.generations.Get(generation.number));
      return std::optional(std::move(whole));
    }
    if (generation.state == model::GenerationState::kRollingOut ||
        generation.state == model::GenerationState::kQueued) {
      generation.state = model::GenerationState::kSuperseded;
      generation.problem = "the controller stopped in the middle of it";
      generation.ended_at = now;
      LS_RETURN_IF_ERROR(stores.generations.Update(generation));
    }
  }
  return std::optional<model::Generation>();
}

Status RebuildStable(store::Stores& stores, const std::vector<model::Node>& nodes, WallTime now,
                     publish::PublishedPast* past) {
  LS_ASSIGN_OR_RETURN(past->stable_generation, FindStable(stores, now, &past->generations));
  if (!past->stable_generation) return Status::Ok();
  snapshot::Snapshot shared;
  for (const model::GenerationResource& resource : past->stable_generation->resources) {
    LS_ASSIGN_OR_RETURN(const auto body, stores.resources.Find(resource.sha256));
    if (!body) {
      // Without it there is nothing to roll back to; what is desired is planned anew all the same.
      log::Warning("app.resource_missing", {{"type", resource.type}, {"name", resource.name}});
      past->stable_generation.reset();
      return Status::Ok();
    }
    shared.Put({resource.type, resource.name}, *body);
  }
  LS_ASSIGN_OR_RETURN(planner::Plan plan, planner::PlanFromStored(std::move(shared), nodes));
  past->stable = std::make_shared<const planner::Plan>(std::move(plan));
  return Status::Ok();
}

// A node that came back after the proved generation was made gets it all the same: booked before
// anything is sent.
Status ReadPromises(store::Stores& stores, Past* past) {
  LS_ASSIGN_OR_RETURN(past->promises, stores.promises.List());
  LS_ASSIGN_OR_RETURN(past->keeping, stores.promises.GetKeeping());
  if (past->published.stable == nullptr) return Status::Ok();
  promises::Records records({}, past->promises);
  const auto changed =
      records.Book(*past->published.stable, promises::IdOf(*past->published.stable_generation));
  LS_RETURN_IF_ERROR(stores.promises.Put(records.Stored(changed)));
  LS_ASSIGN_OR_RETURN(past->promises, stores.promises.List());
  return Status::Ok();
}

Status Read(store::Stores& stores, WallTime now, Past* past) {
  LS_RETURN_IF_ERROR(ReadEpoch(stores, &past->epoch));
  LS_ASSIGN_OR_RETURN(past->start_ordinal, stores.meta.CreateStart(RandomBytes(16), now));
  LS_ASSIGN_OR_RETURN(past->published.starts, stores.meta.ListStarts());
  LS_ASSIGN_OR_RETURN(const auto read_only, stores.meta.FindFlag(store::kReadOnlyFlag));
  past->published.read_only_reason = read_only.value_or("");
  LS_ASSIGN_OR_RETURN(past->nodes, stores.nodes.List());
  LS_ASSIGN_OR_RETURN(past->sites, stores.sites.List());
  LS_ASSIGN_OR_RETURN(past->certificates, stores.certificates.List());
  LS_ASSIGN_OR_RETURN(past->renewals, stores.renewals.List());
  LS_ASSIGN_OR_RETURN(past->open_orders, stores.orders.ListOpen());
  LS_ASSIGN_OR_RETURN(past->proofs, stores.proofs.List());
  LS_RETURN_IF_ERROR(ReadPolicy(stores, past));
  LS_RETURN_IF_ERROR(ReadQuicKeys(stores, now, &past->quic_keys));
  LS_ASSIGN_OR_RETURN(past->published.generations,
                      stores.generations.List(kRememberedGenerations, 0));
  std::vector<model::Node> served;
  for (const model::Node& node : past->nodes) {
    if (!node.banned) served.push_back(node);
  }
  LS_RETURN_IF_ERROR(RebuildStable(stores, served, now, &past->published));
  return ReadPromises(stores, past);
}

Status BookUnknown(store::Stores& stores, uint64_t epoch) {
  Past past;
  LS_RETURN_IF_ERROR(ReadPolicy(stores, &past));
  LS_ASSIGN_OR_RETURN(const auto sites, stores.sites.List());
  LS_ASSIGN_OR_RETURN(const auto nodes, stores.nodes.List());
  LS_ASSIGN_OR_RETURN(const auto stored, stores.promises.List());
  std::vector<NodeName> names;
  for (const model::Node& node : nodes) names.push_back(node.name);
  promises::Records records({}, stored);
  std::set<std::string> changed;
  for (const model::Site& site : sites) {
    const auto ceiling = planner::ResolveSite(past.policy, site.name).alt_svc_ceiling.value;
    changed.merge(records.BookUnknown({site.name}, names, epoch,
                                      std::chrono::duration_cast<Seconds>(ceiling)));
  }
  return stores.promises.Put(records.Stored(changed));
}

}  // namespace

Result<Past> ReadPast(store::Database& database, WallTime now) {
  Past past;
  const Status read = database.RunNow([&](store::Stores& stores) -> Status {
    Past fresh;
    LS_RETURN_IF_ERROR(Read(stores, now, &fresh));
    past = std::move(fresh);
    return Status::Ok();
  });
  if (!read.ok()) return read;
  return past;
}

Status Recover(store::Database& database) {
  return database.RunNow([](store::Stores& stores) -> Status {
    LS_ASSIGN_OR_RETURN(const auto stored, stores.meta.FindEpoch());
    // Beyond what nodes have seen too: the lost database may have been recovered before.
    LS_ASSIGN_OR_RETURN(const auto seen, stores.meta.FindFlag(store::kSeenEpochFlag));
    uint64_t counter = stored ? stored->counter : 0;
    if (seen) counter = std::max<uint64_t>(counter, std::strtoull(seen->c_str(), nullptr, 10));
    LS_RETURN_IF_ERROR(stores.meta.PutEpoch({counter + 1, RandomBytes(16)}));
    LS_RETURN_IF_ERROR(BookUnknown(stores, counter + 1));
    // Who was marked for withdrawal when the copy was made says nothing of today.
    LS_RETURN_IF_ERROR(stores.promises.PutKeeping({}));
    LS_RETURN_IF_ERROR(stores.meta.DeleteFlag(store::kSeenEpochFlag));
    return stores.meta.DeleteFlag(store::kReadOnlyFlag);
  });
}

}  // namespace lockstep::controller::app

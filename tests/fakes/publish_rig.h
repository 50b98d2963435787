// A publisher over a fleet that a test plays, with a database that outlives its controllers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/snapshot/mark.h"
#include "common/snapshot/version.h"
#include "controller/identity/fleet_ca.h"
#include "controller/publish/publisher.h"
#include "tests/fakes/fleet_rig.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::fakes {

// Looks that the controller takes itself: nothing is ever there.
class BlindObserver final : public look::Observer {
 public:
  types::v1::Observation Observe(const look::Look& look, Micros, std::stop_token) override {
    auto out = look::Unseen(look, Clock::System().Now());
    out.set_error("connection refused");
    return out;
  }
};

inline controller::model::Site SiteOf(const std::string& host, const std::string& body = "hello") {
  controller::model::Site site;
  site.name = host;
  site.hosts = {Host(host)};
  site.content = controller::model::Preset{200, "text/plain", body};
  return site;
}

// A certificate whose leaf is `leaf` 64 times; PEMs are not looked at below controller/certs.
inline controller::model::Certificate CertificateOf(const std::string& name,
                                                    const std::vector<std::string>& hosts,
                                                    char leaf, WallTime created_at,
                                                    Micros lifetime = std::chrono::hours(90 * 24)) {
  controller::model::Certificate out;
  out.name = name;
  out.revision = 1;
  for (const std::string& host : hosts) out.hosts.push_back(Host(host));
  out.chain_pem = "chain";
  out.key_pem = "key";
  out.leaf_sha256 = std::string(64, leaf);
  out.not_before = created_at;
  out.not_after = created_at + lifetime;
  out.created_at = created_at;
  return out;
}

class PublishRig : public FleetRig, private controller::publish::DesiredSource {
 public:
  using State = controller::model::GenerationState;

  explicit PublishRig(Micros soak = Micros(0))
      : ca(*controller::identity::FleetCa::Create(directory / "ca", "test", clock.Now())),
        pool("looks", 1),
        witnesses({}, state, fleet, pool, observer),
        publisher({{{1, 0}, {2, 0}}, {soak, Seconds(60)}}, ca, {1, std::string(16, 'e')}, database,
                  state, fleet, witnesses, journal, *this) {
    controller::publish::PublishedPast past;
    past.starts = {{1, std::string(16, 's'), clock.Now(), 1}};
    publisher.Load(std::move(past));
    fleet.AddObserver(&publisher);
    fleet.AddObserver(&witnesses);
  }
  ~PublishRig() override { pool.Stop(); }

  // Applies the newest push that the node got and says so, with all leaves it now has to show.
  void Apply(const std::string& name) {
    const agent::v1::Push push = link.PushesTo(Node(name)).back();
    const auto manifest = *snapshot::ParseManifest(push.manifest());
    agent::v1::AgentMessage message;
    auto* ack = message.mutable_ack();
    ack->set_push_id(push.push_id());
    ack->set_generation(manifest.generation());
    ack->set_serving_digest(manifest.digest());
    ack->set_outcome(agent::v1::Ack::OUTCOME_APPLIED);
    Say(name, message);
    seen[name] = push.manifest();
  }
  void Answer(const std::string& name, agent::v1::Ack::Outcome outcome,
              const std::string& reason = "") {
    const agent::v1::Push push = link.PushesTo(Node(name)).back();
    agent::v1::AgentMessage message;
    auto* ack = message.mutable_ack();
    ack->set_push_id(push.push_id());
    ack->set_generation(snapshot::ParseManifest(push.manifest())->generation());
    ack->set_outcome(outcome);
    ack->set_reason(reason);
    Say(name, message);
  }
  // The number in the newest push to the node; 0 if it got none.
  uint64_t PushedTo(const std::string& name) const {
    const auto pushes = link.PushesTo(Node(name));
    return pushes.empty() ? 0 : snapshot::ParseManifest(pushes.back().manifest())->generation();
  }
  // The mark of the site that came to the node with the newest push.
  std::string MarkPushedTo(const std::string& name) const {
    const agent::v1::Push push = link.PushesTo(Node(name)).back();
    for (const auto& resource : push.upserts()) {
      if (resource.type() != "site") continue;
      return snapshot::MarkOf({nullptr, crypto::Sha256(resource.body())}).str();
    }
    return "";
  }
  uint64_t Change(const std::string& cause = "a test") {
    const auto number = publisher.Changed(cause);
    state.RunAll();
    return number.value_or(0);
  }
  // Everybody applies whatever comes until nothing is under way.
  void Settle(const std::vector<std::string>& names) {
    for (int i = 0; i < 20 && publisher.FindProgress(); ++i) {
      for (const std::string& name : names) {
        if (PushedTo(name) != 0 && publisher.AppliedBy(Node(name)) != PushedTo(name)) Apply(name);
      }
      state.AdvanceBy(Seconds(1));
    }
  }
  controller::model::Generation Stored(uint64_t number) {
    controller::model::Generation out;
    const Status read = database.RunNow([&](controller::store::Stores& stores) -> Status {
      LS_ASSIGN_OR_RETURN(out, stores.generations.Get(number));
      return Status::Ok();
    });
    LS_CHECK(read.ok());
    return out;
  }
  State StateOf(uint64_t number) { return Stored(number).state; }

  TempDirectory directory;
  controller::identity::FleetCa ca;
  BlindObserver observer;
  task::WorkerPool pool;
  controller::witness::Witnesses witnesses;
  controller::planner::DesiredState desired;  // its nodes are the fleet's
  // What other rooms have to say to it.
  std::function<void(controller::planner::DesiredState*)> complete =
      [](controller::planner::DesiredState*) {};
  controller::publish::Publisher publisher;
  std::map<std::string, types::v1::SignedManifest> seen;

 private:
  controller::planner::DesiredState GetDesired() const override {
    controller::planner::DesiredState out = desired;
    out.service_addresses = fleet.service_addresses();
    out.nodes = fleet.EnrolledNodes();
    complete(&out);
    return out;
  }
};

}  // namespace lockstep::fakes

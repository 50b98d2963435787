// session_server: the controller's session room under the benchmark's commands. The domain behind
// it does no more than the floor server does, so that what differs is the room itself.
#include <CLI/CLI.hpp>
#include <future>
#include <iostream>
#include <memory>
#include <unordered_map>

#include "common/heap/heap.h"
#include "common/log/log.h"
#include "common/rpc/settings.h"
#include "common/task/strand.h"
#include "controller/identity/fleet_ca.h"
#include "controller/session/agent_server.h"
#include "controller/session/sessions.h"
#include "tests/bench/commands.h"
#include "tests/bench/fleet_payload.h"
#include "tests/bench/limits.h"
#include "tests/bench/round_meter.h"

namespace lockstep::bench {
namespace {

using controller::link::Bytes;

uint64_t PushKey(uint64_t push_id) { return push_id * 2; }
uint64_t LaneKey(uint64_t sequence) { return sequence * 2 + 1; }
Bytes Shared(std::string message) {
  return std::make_shared<const std::string>(std::move(message));
}

// Nobody enrols during a benchmark.
class NoIssuer final : public controller::session::IdentityIssuer {
 public:
  void Enroll(const NodeName&, const std::string&, crypto::Secret, const std::string&,
              Done done) override {
    done(PermissionDenied("nobody enrols here"));
  }
  void Renew(const NodeName&, const std::string&, Done done) override {
    done(PermissionDenied("nobody renews here"));
  }
};

class NoChallenges final : public controller::session::ChallengeLookup {
 public:
  Result<std::string> Get(const NodeName&, const Hostname&, const ChallengeToken&) override {
    return NotFound("no challenge lives here");
  }
};

// Lives on the state strand, but for the commands.
class BenchDomain final : public controller::link::AgentEvents, public BenchServer {
 public:
  BenchDomain(task::Strand& state, controller::session::Sessions& sessions)
      : state_(state), sessions_(sessions), full_push_(Shared(payload_.FullPush())) {}

  Result<agent::v1::Welcome> OnHello(const NodeName& node, uint64_t session,
                                     const agent::v1::Hello&) override {
    open_[session] = node;
    sessions_.SendLane(node, Shared(payload_.LaneSet()));
    sessions_.Push(node, full_push_);
    agent::v1::ControllerMessage welcome;
    LS_CHECK(welcome.ParseFromString(payload_.Welcome()));
    return welcome.welcome();
  }
  void OnMessage(const NodeName&, uint64_t, const agent::v1::AgentMessage& message) override {
    if (message.has_ack()) meter_.OnAnswer(PushKey(message.ack().push_id()));
    if (message.has_lane_ack()) meter_.OnAnswer(LaneKey(message.lane_ack().sequence()));
  }
  void OnClosed(const NodeName&, uint64_t session, const Status&) override { open_.erase(session); }

  uint64_t Streams() override {
    uint64_t count = 0;
    state_.RunAndWait([&] { count = open_.size(); });
    return count;
  }
  std::string Push(size_t bytes, uint64_t expect) override {
    state_.RunAndWait([&] {
      payload_.Advance(bytes);
      full_push_ = Shared(payload_.FullPush());
      const Bytes message = Shared(payload_.DeltaPush());
      meter_.Begin(PushKey(payload_.generation()), expect);
      for (const auto& [session, node] : open_) sessions_.Push(node, message);
      meter_.Issued();
    });
    return meter_.Finish(Seconds(30));
  }
  std::string Lane(size_t bytes, uint64_t expect) override {
    state_.RunAndWait([&] {
      payload_.AdvanceLane(bytes);
      const Bytes message = Shared(payload_.LaneSet());
      meter_.Begin(LaneKey(payload_.lane_sequence()), expect);
      for (const auto& [session, node] : open_) sessions_.SendLane(node, message);
      meter_.Issued();
    });
    return meter_.Finish(Seconds(30));
  }

 private:
  task::Strand& state_;
  controller::session::Sessions& sessions_;
  RoundMeter meter_;
  FleetPayload payload_{5000};
  Bytes full_push_;
  std::unordered_map<uint64_t, NodeName> open_;
};

Status Serve(const std::string& directory, const std::string& listen) {
  RaiseDescriptorLimit();
  rpc::ConfigureProcess();
  LS_ASSIGN_OR_RETURN(const Endpoint agents, Endpoint::Parse(listen));
  const std::string pair = directory + "/server/current";
  controller::session::AgentServer::Options options;
  options.agents = agents;
  options.enrollment = {agents.address, 0};
  options.files = {pair + "/cert.pem", pair + "/key.pem", directory + "/ca/ca.pem"};

  task::Strand state("state");
  controller::session::Sessions sessions({}, state);
  BenchDomain domain(state, sessions);
  const auto nobody_is_banned = [](const NodeName&) { return false; };
  sessions.Serve(domain, nobody_is_banned);
  const controller::session::Gate gate({.is_banned = nobody_is_banned}, Clock::System());
  NoIssuer issuer;
  NoChallenges challenges;
  LS_ASSIGN_OR_RETURN(const auto server, controller::session::AgentServer::Start(
                                             options, gate, sessions, issuer, challenges, state));
  std::cout << "{\"listening\":\"" << server->agents().ToString() << "\",\"allocator\":\""
            << heap::Name() << "\"}" << std::endl;
  ServeCommands(domain);
  server->Stop();
  state.Stop();
  return Status::Ok();
}

}  // namespace
}  // namespace lockstep::bench

int main(int argc, char** argv) {
  std::string directory;
  std::string listen = "127.0.0.1:7443";
  CLI::App app("the controller's session room, for benchmarks");
  app.add_option("--identity", directory, "what bench_identity made")->required();
  app.add_option("--listen", listen, "address:port");
  CLI11_PARSE(app, argc, argv);
  lockstep::log::Configure(lockstep::log::Level::kError);
  const lockstep::Status served = lockstep::bench::Serve(directory, listen);
  if (served.ok()) return 0;
  std::cerr << "session_server: " << served << "\n";
  return 1;
}

// One simulated agent: a session stream over its own mTLS connection, with its own node identity.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/ip.h"
#include "common/base/names.h"
#include "common/frame/assembler.h"
#include "common/snapshot/snapshot.h"
#include "lockstep/agent/v1/session.pb.h"
#include "tests/bench/grpc_stream.h"
#include "tests/bench/poller.h"
#include "tests/bench/tls_connection.h"

namespace lockstep::bench {

enum class Behaviour {
  kAnswers,     // acknowledges everything
  kNeverReads,  // stops reading once it serves its first generation
  kNeverAcks,   // reads, and says nothing
};

// Counted over all agents of the process.
struct FleetCounts {
  uint64_t ready = 0;  // agents that serve a generation and have said so
  uint64_t pushes = 0;
  uint64_t lane_sets = 0;
  uint64_t bad_digests = 0;  // pushes whose content was not what their manifest says
  uint64_t received_bytes = 0;
  std::string first_failure;  // why a connection ended; empty if none did
};

class LeanAgent final : public Pollable {
 public:
  struct Options {
    NodeName name;
    IpAddress address;  // its own, as it says in its Hello
    Behaviour behaviour = Behaviour::kAnswers;
    int proofs = 0;       // observations in every Ack
    Micros ack_delay{0};  // of what it says of itself; it looks at others at once
  };
  LeanAgent(Options options, TlsConnection connection, Poller& poller, FleetCounts& counts);

  void OnReady() override;
  // Sends what is due at `now`: delayed answers, heartbeats.
  void Tick(MonoTime now);
  bool failed() const { return failed_; }

 private:
  void Drive();
  void OnBytes(std::string_view serialised);
  void OnMessage(const agent::v1::ControllerMessage& message);
  void OnPush(const agent::v1::Push& push);
  void OnLaneSet(const agent::v1::LaneSet& lane);
  void OnWitnessRequest(const agent::v1::WitnessRequest& request);
  void Answer(const agent::v1::AgentMessage& message);
  void Send(const agent::v1::AgentMessage& message);
  void Flush();
  void UpdateInterest();
  void Fail(const Status& why);

  Options options_;
  TlsConnection connection_;
  Poller& poller_;
  FleetCounts& counts_;
  GrpcStream stream_;
  frame::Inbox<agent::v1::ControllerMessage> inbox_;
  snapshot::Snapshot serving_;
  std::map<std::string, std::string> key_authorizations_;  // by token, of the last lane set
  bool opened_ = false;
  bool ready_ = false;
  bool failed_ = false;
  bool reads_ = true;
  bool polls_write_ = true;
  Micros heartbeat_interval_{0};
  MonoTime heartbeat_due_;
  std::string delayed_;  // a serialised answer
  MonoTime delayed_due_;
};

}  // namespace lockstep::bench

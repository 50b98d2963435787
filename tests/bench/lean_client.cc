// lean_client: a fleet of simulated agents in one process and one thread, to load a controller
// with.
//
// Connects them all (at most `--inflight` on their way at once), prints `{"ready":N,"storm_us":N}`
// once each serves its first generation, and then a line of counts for each line on standard input,
// until that ends.
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <random>
#include <vector>

#include "common/crypto/issue.h"
#include "controller/identity/fleet_ca.h"
#include "tests/bench/fleet_names.h"
#include "tests/bench/lean_agent.h"
#include "tests/bench/limits.h"

namespace lockstep::bench {
namespace {

struct Options {
  std::string controller;
  std::string ca_directory;
  int agents = 100;
  int inflight = 200;
  int never_read = 0;
  int never_ack = 0;
  int proofs = 0;
  int ack_delay_max_ms = 0;
  int seconds = 600;
};

struct Identity {
  crypto::PrivateKey key;
  crypto::Certificate certificate;
};

class LeanFleet {
 public:
  explicit LeanFleet(Options options) : options_(std::move(options)) {}
  int Run();

 private:
  Status Prepare();
  Status StartOne(size_t index);
  Status Connect();
  void Turn();
  void PrintCounts() const;

  Options options_;
  Endpoint controller_;
  Poller poller_;
  FleetCounts counts_;
  std::vector<Identity> identities_;
  std::unique_ptr<TlsContext> context_;
  std::vector<std::unique_ptr<LeanAgent>> agents_;
  MonoTime next_tick_;
};

// Identities are made before the clock starts: the storm is the server's, not ours.
Status LeanFleet::Prepare() {
  RaiseDescriptorLimit();
  LS_ASSIGN_OR_RETURN(controller_, Endpoint::Parse(options_.controller));
  LS_ASSIGN_OR_RETURN(const controller::identity::FleetCa ca,
                      controller::identity::FleetCa::Open(options_.ca_directory));
  LS_ASSIGN_OR_RETURN(TlsContext context, TlsContext::Client(ca.certificate()));
  context_ = std::make_unique<TlsContext>(std::move(context));
  const WallTime now = Clock::System().Now();
  for (size_t i = 0; i < static_cast<size_t>(options_.agents); ++i) {
    crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
    const crypto::Csr csr = {key.Public(), NameOf(i).str()};
    LS_ASSIGN_OR_RETURN(crypto::Certificate certificate, ca.IssueNode(NameOf(i), csr, now));
    identities_.push_back({std::move(key), std::move(certificate)});
  }
  return Status::Ok();
}

Status LeanFleet::StartOne(size_t index) {
  static std::mt19937 random(1);
  LeanAgent::Options agent;
  agent.name = NameOf(index);
  agent.address = AddressOf(index);
  agent.proofs = options_.proofs;
  const int number = static_cast<int>(index);
  if (number < options_.never_read) {
    agent.behaviour = Behaviour::kNeverReads;
  } else if (number < options_.never_read + options_.never_ack) {
    agent.behaviour = Behaviour::kNeverAcks;
  }
  agent.ack_delay =
      Millis(std::uniform_int_distribution<int>(0, options_.ack_delay_max_ms)(random));
  LS_ASSIGN_OR_RETURN(Fd fd, StartConnect(controller_));
  agents_.push_back(std::make_unique<LeanAgent>(
      std::move(agent),
      TlsConnection::Connect(*context_, std::move(fd), identities_[index].certificate,
                             identities_[index].key),
      poller_, counts_));
  return Status::Ok();
}

void LeanFleet::Turn() {
  poller_.RunOnce(Millis(options_.ack_delay_max_ms > 0 ? 1 : 20));
  const MonoTime now = Clock::System().Mono();
  if (now < next_tick_) return;
  for (const auto& agent : agents_) agent->Tick(now);
  next_tick_ = now + Millis(options_.ack_delay_max_ms > 0 ? 2 : 500);
}

Status LeanFleet::Connect() {
  const MonoTime started = Clock::System().Mono();
  const auto wanted = static_cast<uint64_t>(options_.agents);
  while (counts_.ready < wanted) {
    while (agents_.size() < wanted &&
           agents_.size() - counts_.ready < static_cast<size_t>(options_.inflight)) {
      LS_RETURN_IF_ERROR(StartOne(agents_.size()));
    }
    Turn();
    if (!counts_.first_failure.empty()) return Unavailable(counts_.first_failure);
    if (Clock::System().Mono() - started > Seconds(options_.seconds)) {
      return DeadlineExceeded(std::to_string(counts_.ready) + " of " + std::to_string(wanted) +
                              " agents are ready");
    }
  }
  const Micros took = Clock::System().Mono() - started;
  std::cout << "{\"ready\":" << counts_.ready << ",\"storm_us\":" << took.count() << "}"
            << std::endl;
  return Status::Ok();
}

void LeanFleet::PrintCounts() const {
  std::cout << "{\"pushes\":" << counts_.pushes << ",\"lane_sets\":" << counts_.lane_sets
            << ",\"bad_digests\":" << counts_.bad_digests
            << ",\"received_bytes\":" << counts_.received_bytes
            << ",\"failed\":" << (counts_.first_failure.empty() ? "false" : "true") << "}"
            << std::endl;
}

int LeanFleet::Run() {
  Status status = Prepare();
  if (status.ok()) status = Connect();
  if (!status.ok()) {
    std::cerr << "lean_client: " << status << "\n";
    return 1;
  }
  const MonoTime started = Clock::System().Mono();
  while (Clock::System().Mono() - started < Seconds(options_.seconds)) {
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    if (poll(&input, 1, 0) > 0) {
      char line[64];
      if (read(STDIN_FILENO, line, sizeof line) <= 0) break;
      PrintCounts();
    }
    Turn();
  }
  return 0;
}

}  // namespace
}  // namespace lockstep::bench

int main(int argc, char** argv) {
  lockstep::bench::Options options;
  CLI::App app("a fleet of simulated agents");
  app.add_option("--controller", options.controller, "address:port")->required();
  app.add_option("--ca", options.ca_directory, "the fleet CA's directory")->required();
  app.add_option("--agents", options.agents);
  app.add_option("--inflight", options.inflight, "connections on their way at once");
  app.add_option("--never-read", options.never_read, "so many agents stop reading");
  app.add_option("--never-ack", options.never_ack, "so many agents never acknowledge");
  app.add_option("--proofs", options.proofs, "observations in every acknowledgement");
  app.add_option("--ack-delay-max-ms", options.ack_delay_max_ms, "uniform from 0, one per agent");
  app.add_option("--seconds", options.seconds, "at most; then it ends");
  CLI11_PARSE(app, argc, argv);
  return lockstep::bench::LeanFleet(options).Run();
}

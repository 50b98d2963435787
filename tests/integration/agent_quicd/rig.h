// A server on loopback, on a thread of its own, and a real HTTP/3 client (gtlsclient) to ask it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "agent/quicd/loop/loop.h"
#include "agent/quicd/server/server.h"
#include "common/probe/probe.h"
#include "tests/fakes/loopback/tls_server.h"
#include "tests/fakes/temp_directory.h"
#include "tests/integration/agent_quicd/fake_upstream.h"

namespace lockstep::agent::quicd {

// The site that the rig serves.
inline constexpr const char* kName = "www.example.test";

// PEM of a certificate for `names`, and its fingerprint.
struct Pair {
  std::string chain_pem;
  std::string key_pem;
  std::string fingerprint;
  static Pair Make(const std::vector<std::string>& names);
};

// What a node of a test fleet serves: 127.0.0.1 and ::1, one site www.example.test. `node` makes
// its server id and its own keys; what the fleet shares is the same for all.
server::Settings MakeSettings(std::string_view node, uint16_t port, const Pair& pair);
server::Site MakeSite(std::vector<std::string> hosts, const Pair& pair);

class Rig {
 public:
  Rig();
  ~Rig();

  Status Configure(server::Settings settings);
  // Runs `work` on the server's thread and waits for it.
  void OnLoop(const std::function<void()>& work);
  server::Counters counters();
  server::Server::State state();
  // Waits until `holds` of the counters, at most 5 s.
  bool Eventually(const std::function<bool(const server::Counters&)>& holds);
  server::Server& server() { return *server_; }
  loop::Loop& loop() { return *loop_; }
  FakeUpstream::Log& upstream() { return *log_; }

 private:
  std::unique_ptr<loop::Loop> loop_;
  std::shared_ptr<FakeUpstream::Log> log_ = std::make_shared<FakeUpstream::Log>();
  std::unique_ptr<server::Server> server_;
  std::thread thread_;
};

// A UDP port that is free on all loopback addresses of the tests.
uint16_t FreePort();
probe::QuicObservation Look(std::string_view host, uint16_t port, std::string_view name);

struct Asked {
  bool ok = false;
  std::string output;  // of gtlsclient, its debug output included
  std::string body;    // of what it downloaded
};
// gtlsclient against `address`:`port` for https://www.example.test<path>.
Asked Ask(std::string_view address, uint16_t port, std::string_view path,
          const std::vector<std::string>& options = {});

}  // namespace lockstep::agent::quicd

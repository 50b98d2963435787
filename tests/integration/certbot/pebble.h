// A real Pebble with its DNS server, and a web server where it looks for challenges.
#pragma once

#include <sys/types.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "controller/model/certificate.h"
#include "tests/fakes/loopback/servers.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::controller::drivers::certbot {

// Answers /.well-known/acme-challenge/TOKEN for the challenges that were put, 404 otherwise.
class ChallengeServer {
 public:
  ChallengeServer();
  void Put(const std::vector<model::Challenge>& challenges);
  void Clear();
  size_t hits() const;
  uint16_t port() const { return server_.endpoint().port; }

 private:
  void Serve(int fd);

  mutable std::mutex mutex_;
  std::map<std::string, std::string> files_;  // guarded by mutex_
  size_t hits_ = 0;                           // guarded by mutex_
  fakes::TcpServer server_;                   // last: its thread uses the rest
};

// Every name resolves to 127.0.0.1; "blocked.example" is refused.
class Pebble {
 public:
  explicit Pebble(uint16_t challenge_port);
  ~Pebble();
  Pebble(const Pebble&) = delete;
  Pebble& operator=(const Pebble&) = delete;

  // How often its log holds `text`.
  size_t CountInLog(const std::string& text) const;
  void Stop();
  std::string directory_url() const;
  std::string ca_bundle() const { return home_ / "ca.pem"; }

 private:
  void WriteServerCertificate();
  pid_t Spawn(const std::vector<std::string>& argv, const std::string& log);

  fakes::TempDirectory home_;
  uint16_t port_ = 0;
  std::vector<pid_t> pids_;
};

}  // namespace lockstep::controller::drivers::certbot

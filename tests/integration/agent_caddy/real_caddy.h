// A real Caddy on loopback, as the package ships it, and what a test asks of it.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "agent/drivers/caddy/driver.h"
#include "agent/reconcile/desired.h"
#include "common/crypto/certificate.h"
#include "common/crypto/key.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::agent::drivers::caddy {

// Starts with an admin socket and nothing else; everything it serves was put there by the driver.
class RealCaddy {
 public:
  RealCaddy();
  RealCaddy(const RealCaddy&) = delete;
  RealCaddy& operator=(const RealCaddy&) = delete;
  ~RealCaddy();

  void Start();
  void Kill();  // with SIGKILL
  // Options of a driver for it, with ports that nobody else uses.
  CaddyOptions Options() const;
  std::string Log() const;
  const fakes::TempDirectory& home() const { return home_; }
  uint16_t http_port() const { return http_port_; }
  uint16_t https_port() const { return https_port_; }

 private:
  fakes::TempDirectory home_;
  pid_t pid_ = -1;
  uint16_t http_port_ = 0;
  uint16_t https_port_ = 0;
};

// Issues certificates of a test CA.
class TestCa {
 public:
  TestCa();
  reconcile::Certificate Issue(const std::string& name, uint64_t revision,
                               const std::vector<std::string>& hosts);

 private:
  crypto::PrivateKey key_;
  crypto::Certificate root_;
};

// What a fleet of one on 127.0.0.1 and ::1 serves: nothing yet.
reconcile::Desired LoopbackDesired();
reconcile::Site PresetSite(const std::string& host, const std::string& body, bool secure);

struct WebAnswer {
  int status = 0;  // 0: none came, see error
  std::string error;
  std::string body;
  std::string version;                                // "HTTP/1.1", "HTTP/2"
  std::multimap<std::string, std::string> headers;    // names in lower case
  std::string Header(const std::string& name) const;  // "" if absent
};

struct WebRequest {
  uint16_t port = 0;
  std::string host;
  std::string path = "/";
  std::string method = "GET";
  bool tls = false;
  bool http2 = false;
  std::string address = "127.0.0.1";
  std::string host_header = {};  // `host` if empty; that is the SNI
};
WebAnswer Ask(const WebRequest& request);

}  // namespace lockstep::agent::drivers::caddy

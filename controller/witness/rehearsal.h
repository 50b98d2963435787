// Rehearsal: asks for each challenge as the CA is going to, before the CA may look.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ip.h"
#include "common/dns/resolver.h"
#include "controller/model/certificate.h"

namespace lockstep::controller::witness {

enum class RehearsalMode { kRequire, kWarn, kOff };

struct RehearsalOptions {
  RehearsalMode mode = RehearsalMode::kRequire;
  // The fleet's: the only addresses that are ever dialled.
  std::vector<IpAddress> service_addresses;
  // The CA's domain in CAA records ("letsencrypt.org"); empty: CAA is shown, not judged.
  std::string ca_domain;
  Micros deadline = Seconds(15);  // of all of it
  uint16_t http_port = 80;
  uint16_t https_port = 443;
  // Also asks service addresses that this machine holds itself; for tests on loopback.
  bool ask_own_addresses = false;
};

struct RehearsalReport {
  bool passed = false;
  // For an operator, in order: "www.example.test: A 203.0.113.10, AAAA 2001:db8:a::10",
  // "www.example.test: 203.0.113.10 answered with the right bytes (3 ms)".
  std::vector<std::string> lines;
  // The first thing that a CA would fail on; empty if passed.
  std::string problem;
};

// Looks names up at their authoritative servers, checks CAA, and GETs each challenge on each
// address of the name, following redirects as a CA does (RFC 8555 §8.3; ports 80 and 443, at most
// 10). Only the fleet's own service addresses are dialled; any other is a problem and is reported.
class Rehearsal {
 public:
  Rehearsal(RehearsalOptions options, const dns::Resolver& resolver)
      : options_(std::move(options)), resolver_(resolver) {}

  RehearsalMode mode() const { return options_.mode; }

  // Blocking; for a worker thread.
  RehearsalReport Run(const std::vector<model::Challenge>& challenges, std::stop_token stop) const;

 private:
  RehearsalOptions options_;
  const dns::Resolver& resolver_;
};

}  // namespace lockstep::controller::witness

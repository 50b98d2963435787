// Lookups as a certificate authority makes them: fresh, without a cache, with reasons.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/ip.h"
#include "common/dns/caa.h"
#include "common/dns/message.h"
#include "common/dns/service_binding.h"
#include "common/net/limit.h"
#include "common/status/status.h"

namespace lockstep::dns {

struct Config {
  std::vector<Endpoint> servers;  // empty = those of resolv_conf, read anew for each lookup
  Micros timeout = Seconds(2);    // for one question to one server; each is asked twice
  Micros deadline = Seconds(15);  // for a whole lookup
  std::string resolv_conf = "/etc/resolv.conf";
};

// The addresses of a name.
struct Addresses {
  std::vector<IpAddress> addresses;  // sorted, each once
  std::vector<std::string> chain;    // the name asked for, then each CNAME's target
};

// What one of a zone's own servers said.
struct AuthorityAnswer {
  std::string name;         // what it was asked for: the name, or where a CNAME had led
  std::string server_name;  // "ns1.example.net"; "" for a configured server
  Endpoint server;          // port 0 if the server has no address that may be dialled
  Status status;            // ok, or why there is no answer
  Addresses addresses;      // none, with a chain of two or more: the CNAME leads out of its zones
};

struct Authority {
  std::vector<AuthorityAnswer> answers;

  // All addresses of all answers, sorted, each once.
  std::vector<IpAddress> AllAddresses() const;
  // The first answer that failed, with its server's name; ok if none did.
  Status FirstFailure() const;
};

// Thread-safe; holds no state but its configuration. Every lookup blocks until an answer, the
// deadline or the stop. Failures: NotFound (no such name, or nothing of this kind there),
// DeadlineExceeded, Unavailable (SERVFAIL, REFUSED, unreachable), DataLoss (records that cannot be
// read), Cancelled; each names the server and what it said.
class Resolver {
 public:
  explicit Resolver(Config config) : config_(std::move(config)) {}

  // A and AAAA, CNAMEs followed (at most eight).
  Result<Addresses> LookupAddresses(const Hostname& name, std::stop_token stop = {}) const;

  // The relevant CAA records: those of the name or of its closest ancestor that has some (RFC 8659
  // §3). An empty set, with no owner, if there are none up to the top.
  Result<CaaSet> LookupCaa(const Hostname& name, std::stop_token stop = {}) const;

  // HTTPS records by priority; empty if there are none. Aliases are not followed.
  Result<std::vector<ServiceBinding>> LookupHttps(const Hostname& name,
                                                  std::stop_token stop = {}) const;

  // Asks the servers of the name's zone themselves, each on its own: with configured servers
  // exactly those; otherwise the zone's NS set (at most eight), found through those of resolv_conf,
  // and asked without recursion; also for the zones that CNAMEs lead to. Fails only if a zone
  // cannot be found: what each server said is in the answers.
  Result<Authority> AskAuthoritative(const Hostname& name, std::stop_token stop = {}) const;

 private:
  friend class AuthorityWalk;

  // The servers this lookup asks.
  std::vector<Endpoint> Servers() const;
  // The first answer with NOERROR or NXDOMAIN that one of `servers` gives.
  Result<Message> Ask(const std::vector<Endpoint>& servers, const Query& query,
                      const net::Limit& limit) const;

  Config config_;
};

// Whether a name server that we learned of from the network may be dialled: never loopback,
// link-local, multicast, reserved or unspecified addresses, also in IPv6 form.
Status CheckLearnedServer(const IpAddress& address);

}  // namespace lockstep::dns

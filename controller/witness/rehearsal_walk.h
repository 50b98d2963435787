// RehearsalWalk: one challenge, asked for as a CA asks, redirects included.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "common/probe/probe.h"
#include "controller/model/certificate.h"
#include "controller/witness/rehearsal.h"

namespace lockstep::controller::witness {

// An absolute http or https URL as a redirect names it.
struct Target {
  probe::HttpScheme scheme = probe::HttpScheme::kHttp;
  Hostname host;
  uint16_t port = 80;
  std::string path = "/";

  // "http://www.example.test:80/x".
  std::string ToString() const;
};

// Resolves a Location header against where it was read (RFC 9110 §10.2.2). FAILED_PRECONDITION for
// what a CA does not follow: other schemes, IP addresses, ports other than 80 and 443, user info.
Result<Target> ResolveLocation(const Target& base, std::string_view location);

class RehearsalWalk {
 public:
  RehearsalWalk(const RehearsalOptions& options, const dns::Resolver& resolver, MonoTime deadline,
                std::stop_token stop)
      : options_(options), resolver_(resolver), deadline_(deadline), stop_(std::move(stop)) {}

  // Starts at `address`. FAILED_PRECONDITION in words for an operator unless the right bytes came.
  Status Fetch(const model::Challenge& challenge, const IpAddress& address) const;

  // The addresses of a name at its own servers, each of them checked to be the fleet's.
  Result<std::vector<IpAddress>> Resolve(const Hostname& host) const;

 private:
  Status CheckIsOurs(const Hostname& host, const IpAddress& address) const;
  probe::HttpObservation Get(const Target& target, const IpAddress& address) const;
  // The words for an answer that is neither the right bytes nor a redirect.
  Status Explain(const Target& target, const IpAddress& address,
                 const probe::HttpObservation& seen) const;

  const RehearsalOptions& options_;
  const dns::Resolver& resolver_;
  MonoTime deadline_;
  std::stop_token stop_;
};

}  // namespace lockstep::controller::witness

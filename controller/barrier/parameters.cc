#include "controller/barrier/parameters.h"

#include <algorithm>

#include "common/status/status.h"
#include "lockstep/types/v1/observation.pb.h"

namespace lockstep::controller::barrier {
namespace {

constexpr uint16_t kPort = 443;

std::string Word(bool value) { return value ? "true" : "false"; }

std::string InMillis(Micros duration) { return std::to_string(duration.count() / 1000) + " ms"; }

// "10.77.1.2:443"; empty if none of the family is wanted.
std::string WantedOf(const model::QuicParameters& wanted, Family family) {
  const auto found = std::ranges::find(wanted.preferred_addresses, family, &IpAddress::family);
  if (found == wanted.preferred_addresses.end()) return "";
  return Endpoint{*found, kPort}.ToString();
}

// Not empty and not foreign text that drives a terminal.
std::string Shown(const std::string& address) { return address.empty() ? "none" : Quoted(address); }

std::string JudgeAddress(const std::string& seen, const std::string& wanted,
                         const std::string& family) {
  if (seen == wanted) return "";
  return "offers preferred " + family + " address " + Shown(seen) + ", not " +
         (wanted.empty() ? "none" : wanted);
}

// A connection moves within its family.
std::string JudgeMove(const types::v1::QuicSeen& quic, const std::string& wanted) {
  if (wanted.empty()) return "";
  if (!quic.move_error().empty()) {
    return "offers a preferred address and the connection did not move there: " +
           quic.move_error().substr(0, 300);
  }
  const std::string& moved_to = quic.moved_to();
  if (moved_to.empty() || moved_to == wanted) return "";
  return "the connection moved to " + Quoted(moved_to) + ", which is not the preferred address";
}

}  // namespace

std::string JudgeParameters(const std::string& observation, const model::QuicParameters& wanted) {
  types::v1::Observation seen;
  if (!seen.ParseFromString(observation) || !seen.has_quic()) {
    return "the look at it says nothing of transport parameters";
  }
  const types::v1::TransportParameters& parameters = seen.quic().parameters();
  if (parameters.disable_active_migration() != wanted.disable_active_migration) {
    return "tells clients disable_active_migration " + Word(parameters.disable_active_migration()) +
           ", not " + Word(wanted.disable_active_migration);
  }
  const auto& idle = parameters.max_idle_timeout();
  const Micros idle_timeout(idle.seconds() * 1'000'000 + idle.nanos() / 1000);
  // The parameter counts whole milliseconds (RFC 9000 §18.2).
  if (idle_timeout / Millis(1) != wanted.idle_timeout / Millis(1)) {
    return "tells clients an idle timeout of " + InMillis(idle_timeout) + ", not " +
           InMillis(wanted.idle_timeout);
  }
  const std::string v4 = WantedOf(wanted, Family::kIpv4);
  const std::string v6 = WantedOf(wanted, Family::kIpv6);
  std::string problem = JudgeAddress(parameters.preferred_ipv4(), v4, "IPv4");
  if (problem.empty()) problem = JudgeAddress(parameters.preferred_ipv6(), v6, "IPv6");
  if (!problem.empty()) return problem;
  const Result<IpAddress> at = IpAddress::Parse(seen.address());
  if (!at.ok()) return "the look at it does not say at which address it was";
  return JudgeMove(seen.quic(), at->is_v6() ? v6 : v4);
}

}  // namespace lockstep::controller::barrier

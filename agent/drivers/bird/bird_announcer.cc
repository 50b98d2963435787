#include "agent/drivers/bird/bird_announcer.h"

#include <utility>

namespace lockstep::agent::drivers::bird {
namespace {

using apply::AnnounceReport;

// BIRD 2.0.12: the network is in no table that the protocol exports from.
constexpr int kNetworkNotFound = 8001;
// As a syntax error says it: the protocol has no channel of that family, or none that is up.
constexpr char kNoTables[] = "No valid tables";

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// Whether BIRD exports a route that covers `address` to `protocol`.
Result<bool> Exports(ControlSession* session, const IpAddress& address,
                     const std::string& protocol) {
  LS_ASSIGN_OR_RETURN(
      const Reply reply,
      session->AskAnything("show route for " + address.ToString() + " export " + protocol));
  if (reply.code() < 8000) return reply.lines.size() > 1;
  if (reply.code() == kNetworkNotFound || reply.lines.back().text == kNoTables) return false;
  return reply.ToStatus();
}

}  // namespace

void BirdAnnouncer::SetServiceAddresses(std::vector<IpAddress> addresses) {
  const std::lock_guard lock(mutex_);
  addresses_ = std::move(addresses);
}

apply::AnnounceReport BirdAnnouncer::Report() {
  std::vector<IpAddress> addresses;
  {
    const std::lock_guard lock(mutex_);
    addresses = addresses_;
  }
  Result<AnnounceReport> report = AskBird(addresses);
  if (report.ok()) return *std::move(report);
  AnnounceReport unknown;
  unknown.evidence = report.status().message();
  return unknown;
}

Result<apply::AnnounceReport> BirdAnnouncer::AskBird(const std::vector<IpAddress>& addresses) {
  const net::Limit limit(options_.deadline, options_.stop);
  LS_ASSIGN_OR_RETURN(ControlSession session, ControlSession::Open(options_.socket, limit));
  LS_ASSIGN_OR_RETURN(const Reply shown, session.Ask("show protocols"));
  AnnounceReport report;
  std::vector<std::string> speakers;
  for (const Protocol& protocol : ParseProtocols(shown)) {
    if (!protocol.SpeaksToOthers() || !IsSymbol(protocol.name)) continue;
    report.sessions.push_back(protocol.ToString());
    speakers.push_back(protocol.name);
  }
  if (addresses.empty()) {
    report.evidence = "no service addresses are known yet";
    return report;
  }
  std::vector<std::string> exported, wanted;
  for (const IpAddress& address : addresses) {
    wanted.push_back(address.ToString());
    for (const std::string& speaker : speakers) {
      const Result<bool> exports = Exports(&session, address, speaker);
      if (!exports.ok()) {
        report.evidence = exports.status().message();
        return report;
      }
      if (*exports) exported.push_back(address.ToString() + " to " + speaker);
    }
  }
  if (!exported.empty()) {
    report.state = AnnounceReport::State::kAnnounced;
    report.evidence = "bird exports " + Joined(exported);
  } else {
    report.state = AnnounceReport::State::kWithdrawn;
    report.evidence = "bird exports none of " + Joined(wanted) +
                      (speakers.empty() ? "; it speaks to nobody" : " to " + Joined(speakers));
  }
  return report;
}

Status BirdAnnouncer::Announce() {
  return Unimplemented(
      "lockstep only reads BIRD's state; enable the protocol that originates the "
      "service addresses with birdc");
}

Status BirdAnnouncer::Withdraw() {
  return Unimplemented(
      "lockstep only reads BIRD's state; disable the protocol that originates the "
      "service addresses with birdc");
}

}  // namespace lockstep::agent::drivers::bird

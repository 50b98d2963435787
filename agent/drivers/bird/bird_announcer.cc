#include "agent/drivers/bird/bird_announcer.h"

#include <algorithm>
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

// BIRD shows it as "Message:" of a protocol that is down.
constexpr char kMessage[] = "withdrawn by lockstep";

Result<bool> IsDisabledByUs(ControlSession* session, const std::string& protocol) {
  LS_ASSIGN_OR_RETURN(const Reply reply, session->Ask("show protocols all " + protocol));
  bool down = false;
  for (const Protocol& row : ParseProtocols(reply)) {
    down = down || (row.name == protocol && row.state == "down");
  }
  return down && std::ranges::any_of(reply.lines, [](const Reply::Line& line) {
           return line.text.find("Message:") != std::string::npos && line.text.ends_with(kMessage);
         });
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
      "what was disabled by hand is enabled by hand: enable the protocol that originates the "
      "service addresses with birdc");
}

// Through BIRD's message of a protocol: who disabled it is known after any restart of the agent,
// and to whoever asks `birdc show protocols all`.
Result<std::string> BirdAnnouncer::Want(Wanted wanted, const std::string&) {
  if (options_.may_disable.empty()) {
    return Unimplemented(
        "lockstep only reads BIRD's state (bird.may_disable names no protocol): withdraw the "
        "service addresses with birdc");
  }
  const net::Limit limit(options_.deadline, options_.stop);
  LS_ASSIGN_OR_RETURN(ControlSession session,
                      ControlSession::Open(options_.socket, limit, Access::kChange));
  std::vector<std::string> changed;
  for (const std::string& protocol : options_.may_disable) {
    LS_ASSIGN_OR_RETURN(const bool ours, IsDisabledByUs(&session, protocol));
    if (ours == (wanted == Wanted::kWithdrawn)) continue;
    const std::string command = wanted == Wanted::kWithdrawn
                                    ? "disable " + protocol + " \"" + kMessage + "\""
                                    : "enable " + protocol;
    LS_RETURN_IF_ERROR(session.Ask(command).status());
    changed.push_back(protocol);
  }
  if (wanted == Wanted::kAnnounced) return "bird: enabled " + Joined(changed);
  return "bird: disabled " + Joined(options_.may_disable);
}

}  // namespace lockstep::agent::drivers::bird

#include "controller/witness/rehearsal.h"

#include <ifaddrs.h>

#include <map>
#include <set>

#include "common/dns/caa.h"
#include "controller/witness/rehearsal_walk.h"

namespace lockstep::controller::witness {
namespace {

std::string Joined(const std::vector<IpAddress>& addresses) {
  std::string out;
  for (const IpAddress& address : addresses) {
    out += (out.empty() ? "" : ", ") + address.ToString();
  }
  return out;
}

class Report {
 public:
  void Good(const std::string& line) { report_.lines.push_back("ok: " + line); }
  void Bad(const Status& why) {
    report_.lines.push_back("failed: " + why.message());
    if (report_.problem.empty()) report_.problem = why.message();
  }
  RehearsalReport Take() {
    report_.passed = report_.problem.empty();
    return std::move(report_);
  }

 private:
  RehearsalReport report_;
};

// The addresses that this machine holds itself.
std::set<IpAddress> HeldHere() {
  std::set<IpAddress> out;
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return out;
  for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    const auto address = IpAddress::FromSockaddr(at->ifa_addr);
    if (address.ok()) out.insert(*address);
  }
  freeifaddrs(first);
  return out;
}

void CheckCaa(const RehearsalOptions& options, const dns::Resolver& resolver, const Hostname& host,
              std::stop_token stop, Report* report) {
  const auto set = resolver.LookupCaa(host, stop);
  if (!set.ok()) {
    // A CA must not issue when it cannot read CAA (RFC 8659 §3, BR 3.2.2.8).
    return report->Bad(set.status().Prefixed("CAA of " + host.Display()));
  }
  if (set->records.empty()) return;
  if (options.ca_domain.empty()) {
    return report->Good("CAA of " + set->owner + " has " + std::to_string(set->records.size()) +
                        " records (not judged: acme.caa_domain is not set)");
  }
  const Status judged = dns::JudgeCaa(*set, options.ca_domain);
  if (!judged.ok()) return report->Bad(judged.Prefixed("CAA of " + set->owner));
  report->Good("CAA of " + set->owner + " allows " + options.ca_domain);
}

}  // namespace

RehearsalReport Rehearsal::Run(const std::vector<model::Challenge>& challenges,
                               std::stop_token stop) const {
  const Clock& clock = Clock::System();
  const MonoTime deadline = clock.Mono() + options_.deadline;
  const RehearsalWalk walk(options_, resolver_, deadline, stop);
  Report report;
  const std::set<IpAddress> held_here =
      options_.ask_own_addresses ? std::set<IpAddress>() : HeldHere();
  std::map<Hostname, std::vector<IpAddress>> addresses;
  for (const model::Challenge& challenge : challenges) {
    if (stop.stop_requested() || clock.Mono() > deadline) {
      report.Bad(
          DeadlineExceeded("the rehearsal took longer than " + FormatDuration(options_.deadline)));
      break;
    }
    const Hostname& host = challenge.host;
    if (!addresses.contains(host)) {
      auto resolved = walk.Resolve(host);
      if (!resolved.ok()) {
        report.Bad(resolved.status());
        continue;
      }
      report.Good(host.Display() + " points to " + Joined(*resolved));
      addresses.emplace(host, std::move(*resolved));
      CheckCaa(options_, resolver_, host, stop, &report);
    }
    for (const IpAddress& address : addresses.at(host)) {
      if (held_here.contains(address)) {
        report.Good(host.Display() + " on " + address.ToString() +
                    " not asked: this machine holds the address, and witnesses saw every node");
        continue;
      }
      const MonoTime asked = clock.Mono();
      const Status fetched = walk.Fetch(challenge, address);
      if (!fetched.ok()) {
        report.Bad(fetched);
        continue;
      }
      report.Good(host.Display() + " on " + address.ToString() + " answered as the CA needs it (" +
                  FormatDuration(clock.Mono() - asked) + ")");
    }
  }
  return report.Take();
}

}  // namespace lockstep::controller::witness

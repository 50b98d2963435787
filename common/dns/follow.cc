#include "common/dns/follow.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "common/dns/rdata.h"

namespace lockstep::dns {
namespace {

constexpr size_t kMaxChain = 9;  // the name and eight CNAMEs

// Where the answer's CNAME of `name` leads.
std::optional<std::string> CnameTarget(const Message& answer, const std::string& name) {
  for (const Record& record : answer.records) {
    if (record.type == RecordType::kCname && record.owner == name) {
      return RdataReader(record.rdata).TakeName();
    }
  }
  return std::nullopt;
}

Result<IpAddress> ToAddress(const Record& record) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (record.type == RecordType::kA && record.rdata.size() == sizeof v4.sin_addr) {
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, record.rdata.data(), sizeof v4.sin_addr);
    return IpAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&v4));
  }
  if (record.type == RecordType::kAaaa && record.rdata.size() == sizeof v6.sin6_addr) {
    v6.sin6_family = AF_INET6;
    std::memcpy(&v6.sin6_addr, record.rdata.data(), sizeof v6.sin6_addr);
    return IpAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&v6));
  }
  return DataLoss("malformed address record of " + record.owner);
}

std::string Arrows(const std::vector<std::string>& chain) {
  std::string out;
  for (const std::string& name : chain) out += (out.empty() ? "" : " -> ") + name;
  return out;
}

}  // namespace

Result<Followed> Follow(const AskFunction& ask, const std::string& name, RecordType type,
                        int max_questions) {
  Followed out;
  out.chain.push_back(name);
  for (int question = 0; question < max_questions; ++question) {
    const std::string asked = out.chain.back();
    LS_ASSIGN_OR_RETURN(const Message answer, ask(asked, type));
    while (const auto target = CnameTarget(answer, out.chain.back())) {
      if (std::find(out.chain.begin(), out.chain.end(), *target) != out.chain.end()) {
        return FailedPrecondition("CNAME loop: " + Arrows(out.chain) + " -> " + *target);
      }
      out.chain.push_back(*target);
      if (out.chain.size() > kMaxChain) {
        return FailedPrecondition("more than eight CNAMEs: " + Arrows(out.chain));
      }
    }
    for (const Record& record : answer.records) {
      if (record.type == type && record.owner == out.chain.back()) out.records.push_back(record);
    }
    out.no_such_name = answer.no_such_name;
    out.server = answer.server;
    if (!out.records.empty() || out.no_such_name || out.chain.back() == asked) break;
  }
  return out;
}

Result<Addresses> FollowAddresses(const AskFunction& ask, const std::string& name,
                                  int max_questions) {
  Addresses out;
  Followed last;
  for (const RecordType type : {RecordType::kA, RecordType::kAaaa}) {
    LS_ASSIGN_OR_RETURN(Followed found, Follow(ask, name, type, max_questions));
    for (const Record& record : found.records) {
      LS_ASSIGN_OR_RETURN(const IpAddress address, ToAddress(record));
      out.addresses.push_back(address);
    }
    if (found.chain.size() > out.chain.size()) out.chain = found.chain;
    last = std::move(found);
    if (last.no_such_name) break;
  }
  std::sort(out.addresses.begin(), out.addresses.end());
  out.addresses.erase(std::unique(out.addresses.begin(), out.addresses.end()), out.addresses.end());
  const std::string who = Arrows(out.chain) + ": name server " + last.server.ToString() + " says ";
  if (last.no_such_name) return NotFound(who + "NXDOMAIN, there is no such name");
  if (out.addresses.empty() && out.chain.back() == name) {
    return NotFound(who + "there are neither A nor AAAA records");
  }
  return out;
}

std::string Parent(const std::string& name) {
  const size_t dot = name.find('.');
  return dot == std::string::npos ? "" : name.substr(dot + 1);
}

}  // namespace lockstep::dns

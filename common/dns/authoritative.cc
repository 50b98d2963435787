// Resolver::AskAuthoritative: what a zone's own servers say, without a resolver's cache in between.
#include <algorithm>

#include "common/dns/follow.h"
#include "common/dns/rdata.h"
#include "common/dns/resolver.h"

namespace lockstep::dns {
namespace {

constexpr size_t kMaxServersPerZone = 8;
constexpr size_t kMaxNames = 9;  // the name and eight places where CNAMEs may lead

// A name server of a zone: the name it goes by and where it is.
struct ZoneServer {
  std::string name;
  Endpoint endpoint;
  Status usable;
};

}  // namespace

Status CheckLearnedServer(const IpAddress& address) {
  const std::string bytes = address.Bytes();
  // IPv4 in the old clothes of ::/96; those of ::ffff:0:0/96 IpAddress has taken off.
  const bool disguised = address.is_v6() && bytes.starts_with(std::string(12, '\0'));
  const bool this_network = !address.is_v6() && bytes[0] == '\0';
  const bool reserved = !address.is_v6() && static_cast<uint8_t>(bytes[0]) >= 240;
  if (disguised || this_network || reserved || address.IsLoopback() || address.IsLinkLocal() ||
      address.IsMulticast() || address.IsUnspecified()) {
    return FailedPrecondition("its address " + address.ToString() +
                              " is no public one and is not dialled");
  }
  return Status::Ok();
}

std::vector<IpAddress> Authority::AllAddresses() const {
  std::vector<IpAddress> out;
  for (const AuthorityAnswer& answer : answers) {
    out.insert(out.end(), answer.addresses.addresses.begin(), answer.addresses.addresses.end());
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Status Authority::FirstFailure() const {
  for (const AuthorityAnswer& answer : answers) {
    if (answer.status.ok()) continue;
    return answer.server_name.empty() ? answer.status : answer.status.Prefixed(answer.server_name);
  }
  return Status::Ok();
}

// One AskAuthoritative at work.
class AuthorityWalk {
 public:
  AuthorityWalk(const Resolver& resolver, std::stop_token stop)
      : resolver_(resolver),
        limit_(resolver.config_.deadline, std::move(stop)),
        servers_(resolver.Servers()),
        configured_(!resolver.config_.servers.empty()) {}

  Result<Authority> Run(const std::string& name) {
    std::vector<std::string> names = {name};
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string asked = names[i];
      LS_ASSIGN_OR_RETURN(const std::vector<ZoneServer> servers, FindServers(asked));
      for (const ZoneServer& server : servers) {
        const AuthorityAnswer& answer = out_.answers.emplace_back(AskOne(server, asked));
        if (!answer.status.ok() || !answer.addresses.addresses.empty()) continue;
        const std::string& next = answer.addresses.chain.back();
        if (std::find(names.begin(), names.end(), next) != names.end()) continue;
        if (names.size() == kMaxNames) {
          return FailedPrecondition(name + " leads through more than eight CNAMEs");
        }
        names.push_back(next);
      }
    }
    return std::move(out_);
  }

 private:
  Result<std::vector<ZoneServer>> FindServers(const std::string& name) {
    std::vector<ZoneServer> out;
    if (configured_) {
      for (const Endpoint& server : servers_) out.push_back({"", server, Status::Ok()});
      return out;
    }
    for (std::string zone = name; !zone.empty(); zone = Parent(zone)) {
      LS_ASSIGN_OR_RETURN(const Message answer,
                          resolver_.Ask(servers_, {zone, RecordType::kNs}, limit_));
      for (const Record& record : answer.records) {
        if (record.type != RecordType::kNs || record.owner != zone) continue;
        const auto server = RdataReader(record.rdata).TakeName();
        if (server && out.size() < kMaxServersPerZone) out.push_back(Locate(*server));
      }
      if (!out.empty()) return out;
    }
    return NotFound("no zone with name servers found for " + name);
  }

  // IPv4 by preference: a machine without IPv6 must still see every zone.
  ZoneServer Locate(const std::string& server) {
    const auto ask = [this](const std::string& asked, RecordType type) {
      return resolver_.Ask(servers_, {asked, type}, limit_);
    };
    const Result<Addresses> found = FollowAddresses(ask, server, kMaxQuestions);
    if (!found.ok()) return {server, {}, found.status()};
    if (found->addresses.empty()) return {server, {}, NotFound("it has no address")};
    const IpAddress& address = found->addresses.front();
    if (const Status usable = CheckLearnedServer(address); !usable.ok()) {
      return {server, {}, usable};
    }
    return {server, {address, kDnsPort}, Status::Ok()};
  }

  AuthorityAnswer AskOne(const ZoneServer& server, const std::string& name) {
    AuthorityAnswer out{name, server.name, server.endpoint, server.usable, {}};
    if (!out.status.ok()) return out;
    const auto ask = [&](const std::string& asked, RecordType type) -> Result<Message> {
      // A lab's server may be a resolver; a zone's must answer by itself.
      LS_ASSIGN_OR_RETURN(Message answer,
                          resolver_.Ask({server.endpoint}, {asked, type, configured_}, limit_));
      if (!configured_ && !answer.authoritative) {
        return Unavailable("name server " + server.endpoint.ToString() + " has no authority for " +
                           asked);
      }
      return answer;
    };
    Result<Addresses> found = FollowAddresses(ask, name, configured_ ? kMaxQuestions : 1);
    out.status = found.status();
    if (found.ok()) out.addresses = *std::move(found);
    return out;
  }

  const Resolver& resolver_;
  const net::Limit limit_;
  const std::vector<Endpoint> servers_;
  const bool configured_;
  Authority out_;
};

Result<Authority> Resolver::AskAuthoritative(const Hostname& name, std::stop_token stop) const {
  return AuthorityWalk(*this, std::move(stop)).Run(name.ascii());
}

}  // namespace lockstep::dns

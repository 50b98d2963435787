#include "agent/reconcile/desired.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <tuple>

#include "agent/reconcile/parse_quic.h"
#include "common/base/encoding.h"
#include "common/snapshot/mark.h"
#include "lockstep/types/v1/snapshot.pb.h"

namespace lockstep::agent::reconcile {
namespace {

namespace pb = ::lockstep::types::v1;

constexpr size_t kMaxBodyBytes = size_t{64} * 1024;
constexpr size_t kMaxChainBytes = size_t{64} * 1024;
constexpr size_t kMaxKeyBytes = size_t{16} * 1024;
constexpr size_t kMaxContentTypeBytes = 255;
constexpr size_t kMaxPathBytes = 4096;

template <typename Message>
Result<Message> ParseBody(const snapshot::Snapshot::Entry& entry) {
  Message message;
  if (!message.ParseFromString(*entry.body)) return InvalidArgument("body does not parse");
  return message;
}

// Addresses that a server can listen on, each once.
template <typename Texts>
Result<std::vector<IpAddress>> ParseAddresses(const Texts& texts, std::string_view field) {
  std::vector<IpAddress> out;
  for (int i = 0; i < texts.size(); ++i) {
    const Result<IpAddress> address = IpAddress::Parse(texts.Get(i));
    if (!address.ok()) return address.status().Prefixed(Indexed(field, i));
    if (address->IsUnspecified() || address->IsMulticast() || address->IsLinkLocal()) {
      return InvalidArgument(Indexed(field, i) + ": " + address->ToString() +
                             " is no address of one machine that others reach");
    }
    if (std::find(out.begin(), out.end(), *address) != out.end()) {
      return InvalidArgument(Indexed(field, i) + ": " + address->ToString() + " is there twice");
    }
    out.push_back(*address);
  }
  return out;
}

// A-labels, as the controller writes them: what is parsed must be what was sent.
template <typename Texts>
Result<std::vector<Hostname>> ParseHosts(const Texts& texts, std::string_view field) {
  std::vector<Hostname> out;
  std::set<Hostname> seen;
  for (int i = 0; i < texts.size(); ++i) {
    const Result<Hostname> host = Hostname::Parse(texts.Get(i));
    if (!host.ok()) return host.status().Prefixed(Indexed(field, i));
    if (host->ascii() != texts.Get(i)) {
      return InvalidArgument(Indexed(field, i) + ": " + Quoted(texts.Get(i)) +
                             " is not in its A-label form " + host->ascii());
    }
    if (!seen.insert(*host).second) {
      return InvalidArgument(Indexed(field, i) + ": " + host->ascii() + " is there twice");
    }
    out.push_back(*host);
  }
  return out;
}

Result<Peer> ParsePeer(const pb::Peer& message) {
  Peer peer;
  LS_ASSIGN_OR_RETURN(peer.node, NodeName::Parse(message.node()));
  LS_ASSIGN_OR_RETURN(peer.pop, PopName::Parse(message.pop()));
  LS_ASSIGN_OR_RETURN(peer.addresses, ParseAddresses(message.addresses(), "addresses"));
  return peer;
}

Status ParseFleet(const snapshot::Snapshot::Entry& entry, Desired* out) {
  LS_ASSIGN_OR_RETURN(const pb::FleetSettings message, ParseBody<pb::FleetSettings>(entry));
  LS_ASSIGN_OR_RETURN(out->service_addresses,
                      ParseAddresses(message.service_addresses(), "service_addresses"));
  out->account_thumbprint = message.account_thumbprint();
  if (!out->account_thumbprint.empty()) {
    const Result<std::string> bytes = Base64UrlDecode(out->account_thumbprint);
    if (!bytes.ok() || bytes->size() != 32) {
      return InvalidArgument("account_thumbprint is no base64url SHA-256");
    }
  }
  out->pull_challenges = message.pull_challenges();
  LS_ASSIGN_OR_RETURN(out->controller_addresses,
                      ParseAddresses(message.controller_addresses(), "controller_addresses"));
  std::set<NodeName> seen;
  for (int i = 0; i < message.peers_size(); ++i) {
    Result<Peer> peer = ParsePeer(message.peers(i));
    if (!peer.ok()) return peer.status().Prefixed(Indexed("peers", i));
    if (!seen.insert(peer->node).second) {
      return InvalidArgument(Indexed("peers", i) + ": node " + peer->node.str() +
                             " is there twice");
    }
    out->peers.push_back(*std::move(peer));
  }
  return Status::Ok();
}

Status ParseNode(const snapshot::Snapshot::Entry& entry, Desired* out) {
  LS_ASSIGN_OR_RETURN(const pb::NodeSettings message, ParseBody<pb::NodeSettings>(entry));
  LS_ASSIGN_OR_RETURN(out->node, NodeName::Parse(message.node()));
  LS_ASSIGN_OR_RETURN(out->pop, PopName::Parse(message.pop()));
  LS_ASSIGN_OR_RETURN(out->node_addresses, ParseAddresses(message.addresses(), "addresses"));
  LS_ASSIGN_OR_RETURN(out->quic_server, ParseQuicServer(message));
  if (message.has_quic_identity()) {
    LS_ASSIGN_OR_RETURN(out->quic_identity, ParseQuicIdentity(message.quic_identity()));
  }
  return Status::Ok();
}

Result<Preset> ParsePreset(const pb::Preset& message) {
  if (message.status() < 200 || message.status() > 599) {
    return InvalidArgument("preset.status: " + std::to_string(message.status()) +
                           " is not within 200-599");
  }
  if (message.body().size() > kMaxBodyBytes) {
    return InvalidArgument("preset.body is longer than 64 KiB");
  }
  // Visible ASCII and spaces: RFC 9110 §5.5 without what is obsolete there.
  const std::string& type = message.content_type();
  const bool clean =
      std::all_of(type.begin(), type.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!clean || type.size() > kMaxContentTypeBytes) {
    return InvalidArgument("preset.content_type: " + Quoted(type) + " is no header value");
  }
  return Preset{static_cast<int>(message.status()), type, message.body()};
}

Result<FileRoot> ParseFileRoot(const pb::FileRoot& message) {
  const std::string& path = message.path();
  const bool clean = std::all_of(path.begin(), path.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  });
  if (path.empty() || path.front() != '/' || path.size() > kMaxPathBytes || !clean ||
      (path + "/").find("/../") != std::string::npos) {
    return InvalidArgument("file_root.path: " + Quoted(path) +
                           " must be an absolute path without '..'");
  }
  return FileRoot{path};
}

bool IsServerHost(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) {
    const Result<IpAddress> address = IpAddress::Parse(host.substr(1, host.size() - 2));
    return address.ok() && address->is_v6();
  }
  // A name of a private network may have a single label, which Hostname refuses.
  return !host.empty() && host.size() <= 253 && host.front() != '-' &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.' || c == '_';
         });
}

Result<Upstream> ParseUpstream(const pb::Upstream& message) {
  if (message.servers().empty()) return InvalidArgument("upstream.servers is empty");
  Upstream out;
  for (int i = 0; i < message.servers_size(); ++i) {
    const std::string_view text = message.servers(i);
    const size_t colon = text.rfind(':');
    const std::string_view digits =
        colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
        port == 0 || !IsServerHost(text.substr(0, colon))) {
      return InvalidArgument(Indexed("upstream.servers", i) + ": " + Quoted(text) +
                             " is no host:port");
    }
    out.servers.emplace_back(text);
  }
  out.tls = message.tls();
  return out;
}

Result<decltype(Site::content)> ParseContent(const pb::Site& message) {
  decltype(Site::content) out;
  switch (message.content_case()) {
    case pb::Site::kPreset: {
      LS_ASSIGN_OR_RETURN(out, ParsePreset(message.preset()));
      break;
    }
    case pb::Site::kFileRoot: {
      LS_ASSIGN_OR_RETURN(out, ParseFileRoot(message.file_root()));
      break;
    }
    case pb::Site::kUpstream: {
      LS_ASSIGN_OR_RETURN(out, ParseUpstream(message.upstream()));
      break;
    }
    case pb::Site::CONTENT_NOT_SET:
      return InvalidArgument("content is missing, or of a kind that this agent does not know");
  }
  return out;
}

Result<Site> ParseSite(const std::string& name, const snapshot::Snapshot::Entry& entry) {
  LS_ASSIGN_OR_RETURN(const pb::Site message, ParseBody<pb::Site>(entry));
  if (message.name() != name) {
    return InvalidArgument("name: " + Quoted(message.name()) + " is not the resource's name");
  }
  Site site;
  site.name = name;
  site.mark = snapshot::MarkOf(entry);
  LS_ASSIGN_OR_RETURN(site.hosts, ParseHosts(message.hosts(), "hosts"));
  if (site.hosts.empty()) return InvalidArgument("hosts is empty");
  LS_ASSIGN_OR_RETURN(site.secure_hosts, ParseHosts(message.secure_hosts(), "secure_hosts"));
  for (size_t i = 0; i < site.secure_hosts.size(); ++i) {
    if (std::find(site.hosts.begin(), site.hosts.end(), site.secure_hosts[i]) == site.hosts.end()) {
      return InvalidArgument(Indexed("secure_hosts", static_cast<int>(i)) + ": " +
                             site.secure_hosts[i].ascii() + " is not in hosts");
    }
  }
  if (message.has_quic()) {
    LS_ASSIGN_OR_RETURN(site.quic, ParseQuicPolicy(message.quic()));
  }
  LS_ASSIGN_OR_RETURN(site.alt_svc, ParseAltSvc(message.alt_svc()));
  LS_ASSIGN_OR_RETURN(site.content, ParseContent(message));
  return site;
}

bool IsLowerHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<Certificate> ParseCertificate(const std::string& name,
                                     const snapshot::Snapshot::Entry& entry) {
  LS_ASSIGN_OR_RETURN(const pb::Certificate message, ParseBody<pb::Certificate>(entry));
  if (message.name() != name) {
    return InvalidArgument("name: " + Quoted(message.name()) + " is not the resource's name");
  }
  Certificate out;
  out.name = name;
  out.revision = message.revision();
  if (out.revision == 0) return InvalidArgument("revision is missing");
  LS_ASSIGN_OR_RETURN(out.hosts, ParseHosts(message.hosts(), "hosts"));
  if (out.hosts.empty()) return InvalidArgument("hosts is empty");
  out.chain_pem = message.chain_pem();
  if (out.chain_pem.empty()) return InvalidArgument("chain_pem is missing");
  if (out.chain_pem.size() > kMaxChainBytes) {
    return InvalidArgument("chain_pem is longer than 64 KiB");
  }
  out.key_pem = message.key_pem();
  if (out.key_pem.empty()) return InvalidArgument("key_pem is missing");
  if (out.key_pem.size() > kMaxKeyBytes) return InvalidArgument("key_pem is longer than 16 KiB");
  out.leaf_sha256 = message.leaf_sha256();
  if (out.leaf_sha256.size() != 64 || !IsLowerHex(out.leaf_sha256)) {
    return InvalidArgument("leaf_sha256 is not 64 lower-case hex digits");
  }
  const google::protobuf::Timestamp& at = message.not_after();
  // The years 1970 to 9999, as RFC 5280 §4.1.2.5 can express them.
  if (!message.has_not_after() || at.seconds() <= 0 || at.seconds() > 253402300799 ||
      at.nanos() < 0 || at.nanos() > 999'999'999) {
    return InvalidArgument("not_after is missing or out of range");
  }
  out.not_after = WallTime(Seconds(at.seconds()) + Micros(at.nanos() / 1000));
  return out;
}

// Types with one resource each, named like the type.
bool IsSingle(std::string_view type) {
  return type == "fleet" || type == "node" || type == "quic_keys";
}

Status ParseOne(const snapshot::ResourceKey& key, const snapshot::Snapshot::Entry& entry,
                Desired* out) {
  if (IsSingle(key.type)) {
    if (key.name != key.type) return InvalidArgument("must be named " + Quoted(key.type));
    if (key.type == "fleet") return ParseFleet(entry, out);
    if (key.type == "node") return ParseNode(entry, out);
    LS_ASSIGN_OR_RETURN(pb::QuicKeys keys, ParseBody<pb::QuicKeys>(entry));
    LS_ASSIGN_OR_RETURN(out->quic_keys, TakeQuicKeys(keys));
    return Status::Ok();
  }
  if (key.type == "site") {
    LS_ASSIGN_OR_RETURN(Site site, ParseSite(key.name, entry));
    out->sites.push_back(std::move(site));
  } else if (key.type == "certificate") {
    LS_ASSIGN_OR_RETURN(Certificate certificate, ParseCertificate(key.name, entry));
    out->certificates.push_back(std::move(certificate));
  }
  return Status::Ok();
}

// lockstep-quicd serves nobody without them.
Status CheckQuic(const Desired& desired) {
  if (desired.quic_server != QuicServer::kQuicd) return Status::Ok();
  if (!desired.quic_identity) {
    return InvalidArgument("resource node: quic_identity is missing for lockstep-quicd");
  }
  if (!desired.quic_keys) return InvalidArgument("snapshot has no quic_keys for lockstep-quicd");
  std::vector<PreferredAddress> own = desired.quic_identity->witnessed;
  for (const auto& preferred :
       {desired.quic_identity->preferred_v4, desired.quic_identity->preferred_v6}) {
    if (preferred) own.push_back(*preferred);
  }
  for (const PreferredAddress& address : own) {
    const auto& service = desired.service_addresses;
    if (std::find(service.begin(), service.end(), address.bound) != service.end()) {
      return InvalidArgument("resource node: quic_identity: " + address.bound.ToString() +
                             " is a service address, and cannot be the node's own");
    }
  }
  return Status::Ok();
}

// What must hold between resources.
Status CheckTogether(const Desired& desired) {
  LS_RETURN_IF_ERROR(CheckQuic(desired));
  for (const IpAddress& address : desired.node_addresses) {
    const auto& service = desired.service_addresses;
    if (std::find(service.begin(), service.end(), address) != service.end()) {
      return InvalidArgument("resource node: addresses: " + address.ToString() +
                             " is a service address too");
    }
  }
  std::set<Hostname> certified;
  for (const Certificate& certificate : desired.certificates) {
    certified.insert(certificate.hosts.begin(), certificate.hosts.end());
  }
  std::map<Hostname, const Site*> owners;
  for (const Site& site : desired.sites) {
    for (const Hostname& host : site.hosts) {
      const auto [owner, fresh] = owners.emplace(host, &site);
      if (!fresh) {
        return InvalidArgument("resource site " + Quoted(site.name) + ": hosts: " + host.ascii() +
                               " belongs to site " + Quoted(owner->second->name) + " too");
      }
    }
    for (const Hostname& host : site.secure_hosts) {
      if (!certified.contains(host)) {
        return InvalidArgument("resource site " + Quoted(site.name) + ": secure_hosts: " +
                               host.ascii() + " has no certificate in the snapshot");
      }
    }
  }
  return Status::Ok();
}

}  // namespace

Result<Desired> ParseDesired(const snapshot::Snapshot& snapshot) {
  Desired out;
  for (const char* type : {"fleet", "node"}) {
    if (snapshot.Find({type, type}) == nullptr) {
      return InvalidArgument("snapshot has no resource " + std::string(type));
    }
  }
  for (const auto& [key, entry] : snapshot.entries()) {
    LS_RETURN_IF_ERROR(
        ParseOne(key, entry, &out)
            .Prefixed("resource " + key.type + (IsSingle(key.type) ? "" : " " + Quoted(key.name))));
  }
  LS_RETURN_IF_ERROR(CheckTogether(out));
  std::erase_if(out.peers, [&](const Peer& peer) { return peer.node == out.node; });
  return out;
}

std::map<Hostname, const Certificate*> CertificateByHost(const Desired& desired) {
  const auto rank = [](const Certificate& c) { return std::tie(c.not_after, c.revision, c.name); };
  std::map<Hostname, const Certificate*> out;
  for (const Certificate& certificate : desired.certificates) {
    for (const Hostname& host : certificate.hosts) {
      const Certificate*& best = out[host];
      if (best == nullptr || rank(certificate) > rank(*best)) best = &certificate;
    }
  }
  return out;
}

}  // namespace lockstep::agent::reconcile

#include "agent/drivers/quicd/render.h"

#include <map>
#include <set>
#include <tuple>

#include "common/base/encoding.h"
#include "common/crypto/digest.h"
#include "lockstep/quicd/v1/quicd.pb.h"

namespace lockstep::agent::drivers::quicd {
namespace {

namespace v1 = ::lockstep::quicd::v1;
using reconcile::Desired;

// Shorter than Caddy's (drivers/caddy/render.cc): an idle connection that Caddy closes may meet a
// request on its way.
constexpr int64_t kUpstreamIdleSeconds = 60;

std::string Text(const reconcile::SharedSecret& secret) {
  return std::string(secret.get().Reveal());
}

void AddAddresses(const Desired& desired, const RenderSettings& settings, v1::Config* out) {
  // Without a socket there the kernel says at once that nobody listens.
  if (!desired.refuse_quic) {
    for (const IpAddress& address : desired.service_addresses) {
      out->add_service_addresses(address.ToString());
    }
  }
  out->set_port(settings.port);
  const auto fill = [&](const reconcile::PreferredAddress& from, v1::PreferredAddress* to) {
    to->set_advertised(Endpoint{from.advertised, settings.port}.ToString());
    if (from.bound != from.advertised) {
      to->set_bound(Endpoint{from.bound, settings.port}.ToString());
    }
  };
  const reconcile::QuicIdentity& identity = *desired.quic_identity;
  if (identity.preferred_v4) fill(*identity.preferred_v4, out->mutable_preferred_v4());
  if (identity.preferred_v6) fill(*identity.preferred_v6, out->mutable_preferred_v6());
  for (const reconcile::PreferredAddress& own : identity.witnessed) {
    fill(own, out->add_witnessed());
  }
}

// Who looks at the node's own addresses: its peers; the controller, when no other node can; and
// the node itself, which nobody else looks at in a fleet of one.
void AddWitnesses(const Desired& desired, const RenderSettings& settings, v1::Config* out) {
  std::set<IpAddress> witnesses(settings.controllers.begin(), settings.controllers.end());
  witnesses.insert(desired.controller_addresses.begin(), desired.controller_addresses.end());
  for (const reconcile::Peer& peer : desired.peers) {
    witnesses.insert(peer.addresses.begin(), peer.addresses.end());
  }
  witnesses.insert(desired.node_addresses.begin(), desired.node_addresses.end());
  const reconcile::QuicIdentity& identity = *desired.quic_identity;
  for (const auto& own : {identity.preferred_v4, identity.preferred_v6}) {
    // Behind 1:1 NAT a look at the own advertised address may come back with either.
    if (own) witnesses.insert({own->advertised, own->bound});
  }
  for (const reconcile::PreferredAddress& own : identity.witnessed) {
    witnesses.insert({own.advertised, own.bound});
  }
  for (const IpAddress& address : witnesses) out->add_witness_addresses(address.ToString());
}

void AddKeys(const reconcile::QuicKeys& keys, v1::Config* out) {
  for (const reconcile::QuicKeys::ConnectionId& key : keys.connection_ids) {
    v1::ConnectionIdKey* to = out->add_connection_id_keys();
    to->set_config_id(key.config_id);
    to->set_key(Text(key.key));
  }
  for (const reconcile::SharedSecret& key : keys.tokens) out->add_token_keys(Text(key));
  v1::TicketKeys* tickets = out->mutable_ticket_keys();
  tickets->set_current(Text(keys.ticket_current));
  if (keys.ticket_previous) tickets->set_previous(Text(*keys.ticket_previous));
  tickets->set_next(Text(keys.ticket_next));
}

void FillPolicy(const reconcile::QuicPolicy& from, v1::Policy* to) {
  to->set_disable_active_migration(from.disable_active_migration);
  to->set_use_preferred_address(from.use_preferred_address);
  if (!from.idle_timeout) return;
  to->mutable_idle_timeout()->set_seconds(from.idle_timeout->count() / 1000);
  to->mutable_idle_timeout()->set_nanos(
      static_cast<int32_t>(from.idle_timeout->count() % 1000 * 1'000'000));
}

// A name has one certificate, and the policy of its site where it has one: what quicd calls a site
// are the names that share all of this.
void AddSites(const Desired& desired, v1::Config* out) {
  std::map<Hostname, const reconcile::Site*> site_of;
  for (const reconcile::Site& site : desired.sites) {
    for (const Hostname& host : site.hosts) site_of[host] = &site;
  }
  std::map<std::tuple<std::string, std::string>, v1::Site> served;
  for (const auto& [host, certificate] : reconcile::CertificateByHost(desired)) {
    const auto found = site_of.find(host);
    const reconcile::Site* site = found == site_of.end() ? nullptr : found->second;
    v1::Site& to = served[{certificate->name, site == nullptr ? "" : site->name}];
    to.add_hosts(host.ascii());
    if (to.hosts_size() > 1) continue;
    to.set_certificate_chain(certificate->chain_pem);
    to.set_private_key(certificate->key_pem);
    if (site == nullptr) continue;
    if (site->quic) FillPolicy(*site->quic, to.mutable_policy());
    to.set_alt_svc(site->alt_svc);
  }
  for (auto& [names, site] : served) *out->add_sites() = std::move(site);
}

}  // namespace

crypto::Secret RenderConfig(const Desired& desired, const RenderSettings& settings) {
  v1::Config config;
  AddAddresses(desired, settings, &config);
  AddWitnesses(desired, settings, &config);
  config.set_server_id(desired.quic_identity->server_id);
  AddKeys(*desired.quic_keys, &config);
  config.set_reset_key(std::string(settings.reset_key.Reveal()));
  AddSites(desired, &config);
  v1::Upstream* upstream = config.mutable_upstream();
  upstream->set_address(settings.upstream.ToString());
  upstream->set_secret(settings.secret);
  upstream->mutable_idle_timeout()->set_seconds(kUpstreamIdleSeconds);
  std::string content = config.SerializeAsString();
  config.set_version(HexEncode(crypto::Sha256(content)).substr(0, 16));
  crypto::Wipe(content);
  return crypto::Secret(config.SerializeAsString());
}

}  // namespace lockstep::agent::drivers::quicd

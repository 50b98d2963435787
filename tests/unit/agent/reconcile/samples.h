// A small snapshot to start from, for the tests of agent/reconcile.
#pragma once

#include <string>
#include <vector>

#include "agent/reconcile/desired.h"
#include "lockstep/types/v1/snapshot.pb.h"

namespace lockstep::agent::reconcile {

inline Hostname Host(const std::string& text) { return *Hostname::Parse(text); }
inline IpAddress Ip(const std::string& text) { return *IpAddress::Parse(text); }
inline WallTime At(int64_t seconds) { return WallTime(Seconds(seconds)); }

inline types::v1::FleetSettings FleetSample() {
  types::v1::FleetSettings fleet;
  fleet.add_service_addresses("203.0.113.10");
  fleet.add_service_addresses("2001:db8:a::10");
  fleet.set_account_thumbprint(std::string(43, 'A'));
  for (const char* name : {"ams1", "fra1"}) {
    types::v1::Peer* peer = fleet.add_peers();
    peer->set_node(name);
    peer->set_pop("eu");
    peer->add_addresses(std::string(name) == "ams1" ? "10.77.1.2" : "10.77.2.2");
  }
  return fleet;
}

inline types::v1::NodeSettings NodeSample() {
  types::v1::NodeSettings node;
  node.set_node("fra1");
  node.set_pop("eu");
  node.add_addresses("10.77.2.2");
  return node;
}

inline types::v1::Site SiteSample() {
  types::v1::Site site;
  site.set_name("www");
  site.add_hosts("www.example.test");
  site.add_hosts("plain.example.test");
  site.add_secure_hosts("www.example.test");
  site.mutable_preset()->set_status(200);
  site.mutable_preset()->set_content_type("text/plain");
  site.mutable_preset()->set_body("hello from {node}");
  return site;
}

inline types::v1::Certificate CertificateSample() {
  types::v1::Certificate certificate;
  certificate.set_name("www");
  certificate.set_revision(1);
  certificate.add_hosts("www.example.test");
  certificate.set_chain_pem("chain");
  certificate.set_key_pem("key");
  certificate.mutable_not_after()->set_seconds(1'800'000'000);
  certificate.set_leaf_sha256(std::string(64, 'a'));
  return certificate;
}

struct Parts {
  types::v1::FleetSettings fleet = FleetSample();
  types::v1::NodeSettings node = NodeSample();
  types::v1::Site site = SiteSample();
  types::v1::Certificate certificate = CertificateSample();

  snapshot::Snapshot Build() const {
    snapshot::Snapshot out;
    out.Put({"fleet", "fleet"}, fleet.SerializeAsString());
    out.Put({"node", "node"}, node.SerializeAsString());
    out.Put({"site", "www"}, site.SerializeAsString());
    out.Put({"certificate", "www"}, certificate.SerializeAsString());
    return out;
  }
};

}  // namespace lockstep::agent::reconcile

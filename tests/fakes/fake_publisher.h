// Makes what a controller publishes to one node: snapshots, signed manifests, pushes.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/encoding.h"
#include "common/base/ip.h"
#include "common/base/names.h"
#include "common/crypto/certificate.h"
#include "common/crypto/digest.h"
#include "common/crypto/issue.h"
#include "common/crypto/key.h"
#include "common/snapshot/snapshot.h"
#include "lockstep/agent/v1/session.pb.h"
#include "lockstep/types/v1/snapshot.pb.h"

namespace lockstep::fakes {

inline const NodeName kFra1 = *NodeName::Parse("fra1");

// A site with one host and, from revision 1 on, a certificate whose leaf depends on the revision.
struct SampleSite {
  std::string host = "www.example.test";
  uint64_t revision = 1;
  int64_t not_after = 2'000'000'000;  // unix seconds
  std::string body = "hello";
};

class FakePublisher {
 public:
  explicit FakePublisher(NodeName node = kFra1)
      : node_(std::move(node)),
        key_(crypto::PrivateKey::GenerateP256()),
        ca_(*crypto::SelfSignedCa(key_, "fake fleet", std::chrono::hours(24 * 365),
                                  Clock::System().Now() - std::chrono::hours(24 * 30))) {}

  const crypto::Certificate& ca() const { return ca_; }
  const NodeName& node() const { return node_; }

  // A restore from a backup: the same counter, another id.
  void ForkEpoch() { epoch_id_ = RandomBytes(16); }
  // `lockstep-controller recover`.
  void RaiseEpoch() {
    ++epoch_counter_;
    ForkEpoch();
  }

  snapshot::Snapshot MakeSnapshot(const std::vector<SampleSite>& sites) const {
    snapshot::Snapshot out;
    types::v1::FleetSettings fleet;
    for (const char* address : {"203.0.113.10", "2001:db8:a::10"}) {
      fleet.add_service_addresses(address);
    }
    fleet.set_account_thumbprint(Thumbprint());
    fleet.set_pull_challenges(true);
    types::v1::Peer* peer = fleet.add_peers();
    peer->set_node("ams1");
    peer->set_pop("ams");
    peer->add_addresses("10.77.1.2");
    out.Put({"fleet", "fleet"}, fleet.SerializeAsString());
    types::v1::NodeSettings self;
    self.set_node(node_.str());
    self.set_pop("fra");
    self.add_addresses("10.77.2.2");
    out.Put({"node", "node"}, self.SerializeAsString());
    for (const SampleSite& site : sites) PutSite(site, &out);
    return out;
  }

  types::v1::SignedManifest Sign(const snapshot::Snapshot& snapshot, uint64_t generation) const {
    types::v1::Manifest manifest;
    manifest.set_node(node_.str());
    manifest.mutable_epoch()->set_counter(epoch_counter_);
    manifest.mutable_epoch()->set_id(epoch_id_);
    manifest.set_start_id(std::string(16, 's'));
    manifest.set_generation(generation);
    manifest.set_digest(snapshot.Digest());
    types::v1::SignedManifest out;
    out.set_manifest(manifest.SerializeAsString());
    out.set_signature(
        key_.Sign(std::string("lockstep manifest\0", 18) + crypto::Sha256(out.manifest())));
    return out;
  }

  // The whole snapshot, or what separates it from `base`.
  agent::v1::Push MakePush(const snapshot::Snapshot& snapshot, uint64_t generation,
                           const snapshot::Snapshot* base = nullptr) {
    agent::v1::Push push;
    push.set_push_id(++pushes_);
    *push.mutable_manifest() = Sign(snapshot, generation);
    const snapshot::Delta delta =
        snapshot::Difference(base == nullptr ? snapshot::Snapshot() : *base, snapshot);
    if (base != nullptr) push.set_base_digest(base->Digest());
    for (const auto& [key, body] : delta.upserts) {
      types::v1::Resource* resource = push.add_upserts();
      resource->set_type(key.type);
      resource->set_name(key.name);
      resource->set_body(*body);
    }
    for (const auto& key : delta.removals) {
      types::v1::ResourceKey* removal = push.add_removals();
      removal->set_type(key.type);
      removal->set_name(key.name);
    }
    return push;
  }

  // An identity of this node, or a server certificate.
  crypto::Certificate Issue(const crypto::PublicKey& subject, bool server,
                            WallTime not_before = Clock::System().Now() - Seconds(60)) const {
    crypto::LeafProfile profile;
    profile.common_name = server ? "lockstep-controller" : node_.str();
    if (server) profile.dns_names = {"lockstep-controller"};
    if (!server) profile.uri = "lockstep://fleet/node/" + node_.str();
    profile.client_auth = !server;
    profile.server_auth = server;
    profile.not_before = not_before;
    profile.lifetime = std::chrono::hours(24 * 30);
    return *crypto::IssueCertificate(ca_, key_, subject, profile);
  }

  static std::string Thumbprint() { return Base64UrlEncode(crypto::Sha256("account key")); }
  static std::string LeafOf(const SampleSite& site) {
    return HexEncode(crypto::Sha256(site.host + " " + std::to_string(site.revision)));
  }

 private:
  static void PutSite(const SampleSite& sample, snapshot::Snapshot* out) {
    types::v1::Site site;
    site.set_name(sample.host);
    site.add_hosts(sample.host);
    site.mutable_preset()->set_status(200);
    site.mutable_preset()->set_content_type("text/plain");
    site.mutable_preset()->set_body(sample.body);
    if (sample.revision > 0) {
      site.add_secure_hosts(sample.host);
      types::v1::Certificate certificate;
      certificate.set_name(sample.host);
      certificate.set_revision(sample.revision);
      certificate.add_hosts(sample.host);
      certificate.set_chain_pem("chain");
      certificate.set_key_pem("key");
      certificate.mutable_not_after()->set_seconds(sample.not_after);
      certificate.set_leaf_sha256(LeafOf(sample));
      out->Put({"certificate", sample.host}, certificate.SerializeAsString());
    }
    out->Put({"site", sample.host}, site.SerializeAsString());
  }

  const NodeName node_;
  crypto::PrivateKey key_;
  crypto::Certificate ca_;
  uint64_t epoch_counter_ = 1;
  std::string epoch_id_ = std::string(16, 'e');
  uint64_t pushes_ = 0;
};

}  // namespace lockstep::fakes

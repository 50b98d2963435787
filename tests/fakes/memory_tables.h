// The maps behind MemoryBackend, and a store over each.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "controller/store/stores.h"

namespace lockstep::fakes {

// All that is stored; copied as a whole by transactions.
struct MemoryTables {
  using CertificateKey = std::pair<std::string, uint64_t>;
  using ChallengeKey = std::tuple<std::string, std::string, std::string>;

  std::map<NodeName, controller::model::Node> nodes;
  std::map<std::string, controller::model::JoinToken> tokens;
  std::map<std::string, controller::model::Site> sites;
  std::map<CertificateKey, controller::model::Certificate> certificates;
  std::map<std::string, uint64_t> newest_revisions;
  std::map<std::string, controller::model::RenewalState> renewals;
  std::map<OrderId, controller::model::Order> orders;
  std::map<ChallengeKey, controller::model::Challenge> challenges;
  std::map<uint64_t, controller::model::Generation> generations;
  std::map<std::string, std::string> resources;
  std::map<controller::model::ProofSubject, controller::model::Proof> proofs;
  std::map<OrderId, controller::model::ProofBook> order_proofs;
  std::map<uint64_t, controller::model::Event> events;
  uint64_t newest_event = 0;
  std::optional<controller::model::Epoch> epoch;
  std::vector<controller::store::Start> starts;
  std::map<std::string, std::string> flags;
  std::optional<controller::store::StoredPolicy> policy;
  std::optional<controller::model::QuicKeys> quic_keys;
  std::map<std::string, controller::model::SitePromise> promises;
  controller::model::KeepingState keeping;
};

class MemoryNodes : public controller::store::NodeStore {
 public:
  explicit MemoryNodes(MemoryTables& tables) : tables_(tables) {}
  Result<std::optional<controller::model::Node>> Find(const NodeName& name) override;
  Result<controller::model::Node> Get(const NodeName& name) override;
  Result<std::vector<controller::model::Node>> List() override;
  Status Create(const controller::model::Node& node) override;
  Status Update(const controller::model::Node& node) override;
  Status Delete(const NodeName& name) override;

 private:
  MemoryTables& tables_;
};

class MemoryTokens : public controller::store::TokenStore {
 public:
  explicit MemoryTokens(MemoryTables& tables) : tables_(tables) {}
  Result<std::optional<controller::model::JoinToken>> Find(const std::string& id) override;
  Result<std::vector<controller::model::JoinToken>> List() override;
  Status Create(const controller::model::JoinToken& token) override;
  Status Redeem(const std::string& id, const std::string& spki_sha256) override;
  Status Revoke(const std::string& id) override;
  Result<size_t> Prune(WallTime time) override;

 private:
  MemoryTables& tables_;
};

class MemorySites : public controller::store::SiteStore {
 public:
  explicit MemorySites(MemoryTables& tables) : tables_(tables) {}
  Result<std::optional<controller::model::Site>> Find(const std::string& name) override;
  Result<std::vector<controller::model::Site>> List() override;
  Status Put(const std::vector<controller::model::Site>& sites) override;
  Status Delete(const std::string& name) override;

 private:
  MemoryTables& tables_;
};

class MemoryCertificates : public controller::store::CertificateStore {
 public:
  explicit MemoryCertificates(MemoryTables& tables) : tables_(tables) {}
  Result<std::optional<controller::model::Certificate>> FindNewest(
      const std::string& name) override;
  Result<std::optional<controller::model::Certificate>> Find(const std::string& name,
                                                             uint64_t revision) override;
  Result<std::vector<controller::model::Certificate>> List() override;
  Result<std::vector<controller::model::Certificate>> ListRevisions(
      const std::string& name) override;
  Result<uint64_t> Create(const controller::model::Certificate& certificate) override;
  Status MarkRevoked(const std::string& name, uint64_t revision) override;
  Result<size_t> Prune(size_t keep) override;
  Status Delete(const std::string& name) override;

 private:
  MemoryTables& tables_;
};

class MemoryRenewals : public controller::store::RenewalStore {
 public:
  explicit MemoryRenewals(MemoryTables& tables) : tables_(tables) {}
  Result<std::optional<controller::model::RenewalState>> Find(
      const std::string& certificate) override;
  Result<std::vector<controller::model::RenewalState>> List() override;
  Status Put(const controller::model::RenewalState& state) override;
  Status Delete(const std::string& certificate) override;

 private:
  MemoryTables& tables_;
};

class MemoryOrders : public controller::store::OrderStore {
 public:
  explicit MemoryOrders(MemoryTables& tables) : tables_(tables) {}
  Result<std::optional<controller::model::Order>> Find(const OrderId& id) override;
  Result<controller::model::Order> Get(const OrderId& id) override;
  Result<std::vector<controller::model::Order>> List(size_t limit,
                                                     const std::optional<OrderId>& before) override;
  Result<std::vector<controller::model::Order>> ListOpen() override;
  Status Create(const controller::model::Order& order) override;
  Status Update(const controller::model::Order& order) override;
  Result<size_t> Prune(size_t keep) override;

 private:
  std::vector<controller::model::Order> OldestFirst() const;
  MemoryTables& tables_;
};

class MemoryChallenges : public controller::store::ChallengeStore {
 public:
  explicit MemoryChallenges(MemoryTables& tables) : tables_(tables) {}
  Result<std::vector<controller::model::Challenge>> List() override;
  Status Put(const std::vector<controller::model::Challenge>& challenges) override;
  Status DeleteOf(const OrderId& order) override;

 private:
  MemoryTables& tables_;
};

class MemoryGenerations : public controller::store::GenerationStore {
 public:
  explicit MemoryGenerations(MemoryTables& tables) : tables_(tables) {}
  Result<std::optional<controller::model::Generation>> Find(uint64_t number) override;
  Result<controller::model::Generation> Get(uint64_t number) override;
  Result<std::optional<controller::model::Generation>> FindNewest() override;
  Result<std::optional<controller::model::Generation>> FindLastKnownGood() override;
  Result<std::vector<controller::model::Generation>> List(size_t limit, uint64_t before) override;
  Status Create(const controller::model::Generation& generation) override;
  Status Update(const controller::model::Generation& generation) override;
  Result<size_t> Prune(size_t keep) override;

 private:
  MemoryTables& tables_;
};

class MemoryResources : public controller::store::ResourceStore {
 public:
  explicit MemoryResources(MemoryTables& tables) : tables_(tables) {}
  Result<std::optional<std::string>> Find(const std::string& sha256) override;
  Status Put(const std::string& sha256, const std::string& body) override;
  Result<size_t> Prune() override;

 private:
  MemoryTables& tables_;
};

class MemoryProofs : public controller::store::ProofStore {
 public:
  explicit MemoryProofs(MemoryTables& tables) : tables_(tables) {}
  Result<std::vector<controller::model::Proof>> List() override;
  Result<std::vector<controller::model::Proof>> ListOf(const OrderId& order) override;
  Status Put(const std::vector<controller::model::Proof>& proofs) override;
  Status Keep(const OrderId& order, const std::vector<controller::model::Proof>& proofs) override;
  Result<std::vector<controller::model::Proof>> ListKept(const OrderId& order) override;
  Status DeleteOf(const NodeName& node) override;
  Result<size_t> Prune(WallTime time) override;

 private:
  MemoryTables& tables_;
};

class MemoryEvents : public controller::store::EventStore {
 public:
  explicit MemoryEvents(MemoryTables& tables) : tables_(tables) {}
  Result<uint64_t> Create(const controller::model::Event& event) override;
  Result<std::vector<controller::model::Event>> List(size_t limit, uint64_t before_id,
                                                     const std::string& subject) override;
  Result<std::vector<controller::model::Event>> ListAfter(uint64_t after_id, size_t limit) override;
  Result<size_t> Prune(size_t keep) override;

 private:
  MemoryTables& tables_;
};

class MemoryMeta : public controller::store::MetaStore {
 public:
  explicit MemoryMeta(MemoryTables& tables) : tables_(tables) {}
  Result<std::optional<controller::model::Epoch>> FindEpoch() override;
  Status PutEpoch(const controller::model::Epoch& epoch) override;
  Result<uint64_t> CreateStart(const std::string& id, WallTime started_at) override;
  Result<std::vector<controller::store::Start>> ListStarts() override;
  Result<std::optional<std::string>> FindFlag(const std::string& name) override;
  Status PutFlag(const std::string& name, const std::string& value) override;
  Status DeleteFlag(const std::string& name) override;

 private:
  MemoryTables& tables_;
};

class MemoryPolicy : public controller::store::PolicyStore {
 public:
  explicit MemoryPolicy(MemoryTables& tables) : tables_(tables) {}
  Result<std::optional<controller::store::StoredPolicy>> Find() override;
  Status Put(const controller::store::StoredPolicy& policy) override;

 private:
  MemoryTables& tables_;
};

class MemoryQuicKeys : public controller::store::QuicKeyStore {
 public:
  explicit MemoryQuicKeys(MemoryTables& tables) : tables_(tables) {}
  Result<std::optional<controller::model::QuicKeys>> Find() override;
  Status Put(const controller::model::QuicKeys& keys) override;

 private:
  MemoryTables& tables_;
};

class MemoryPromises : public controller::store::PromiseStore {
 public:
  explicit MemoryPromises(MemoryTables& tables) : tables_(tables) {}
  Result<std::vector<controller::model::SitePromise>> List() override;
  Status Put(const std::vector<controller::model::SitePromise>& promises) override;
  Status Delete(const std::string& site) override;
  Result<controller::model::KeepingState> GetKeeping() override;
  Status PutKeeping(const controller::model::KeepingState& keeping) override;

 private:
  MemoryTables& tables_;
};

}  // namespace lockstep::fakes

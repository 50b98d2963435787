// Tables: the stores over one connection, one class each.
#pragma once

#include "common/crypto/sealing.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/stores.h"

namespace lockstep::controller::store::sqlite {

class NodeTable final : public NodeStore {
 public:
  explicit NodeTable(Connection& connection) : connection_(connection) {}
  Result<std::optional<model::Node>> Find(const NodeName& name) override;
  Result<model::Node> Get(const NodeName& name) override;
  Result<std::vector<model::Node>> List() override;
  Status Create(const model::Node& node) override;
  Status Update(const model::Node& node) override;
  Status Delete(const NodeName& name) override;

 private:
  model::Node Read(const Query& row);
  void WriteAddresses(const model::Node& node);
  Connection& connection_;
};

class TokenTable final : public TokenStore {
 public:
  explicit TokenTable(Connection& connection) : connection_(connection) {}
  Result<std::optional<model::JoinToken>> Find(const std::string& id) override;
  Result<std::vector<model::JoinToken>> List() override;
  Status Create(const model::JoinToken& token) override;
  Status Redeem(const std::string& id, const std::string& spki_sha256) override;
  Status Revoke(const std::string& id) override;
  Result<size_t> Prune(WallTime time) override;

 private:
  Connection& connection_;
};

class SiteTable final : public SiteStore {
 public:
  explicit SiteTable(Connection& connection) : connection_(connection) {}
  Result<std::optional<model::Site>> Find(const std::string& name) override;
  Result<std::vector<model::Site>> List() override;
  Status Put(const std::vector<model::Site>& sites) override;
  Status Delete(const std::string& name) override;

 private:
  model::Site Read(const Query& row);
  void Write(const model::Site& site);
  Status WriteHosts(const model::Site& site);
  Connection& connection_;
};

class CertificateTable final : public CertificateStore {
 public:
  CertificateTable(Connection& connection, const crypto::SealingKey& key)
      : connection_(connection), key_(key) {}
  Result<std::optional<model::Certificate>> FindNewest(const std::string& name) override;
  Result<std::optional<model::Certificate>> Find(const std::string& name,
                                                 uint64_t revision) override;
  Result<std::vector<model::Certificate>> List() override;
  Result<std::vector<model::Certificate>> ListRevisions(const std::string& name) override;
  Result<uint64_t> Create(const model::Certificate& certificate) override;
  Status MarkRevoked(const std::string& name, uint64_t revision) override;
  Result<size_t> Prune(size_t keep) override;
  Status Delete(const std::string& name) override;

 private:
  Result<model::Certificate> Read(const Query& row);
  Result<std::optional<model::Certificate>> ReadOne(Query query);
  Result<std::vector<model::Certificate>> ReadAll(Query query);
  Connection& connection_;
  const crypto::SealingKey& key_;
};

class RenewalTable final : public RenewalStore {
 public:
  explicit RenewalTable(Connection& connection) : connection_(connection) {}
  Result<std::optional<model::RenewalState>> Find(const std::string& certificate) override;
  Result<std::vector<model::RenewalState>> List() override;
  Status Put(const model::RenewalState& state) override;
  Status Delete(const std::string& certificate) override;

 private:
  Connection& connection_;
};

class OrderTable final : public OrderStore {
 public:
  explicit OrderTable(Connection& connection) : connection_(connection) {}
  Result<std::optional<model::Order>> Find(const OrderId& id) override;
  Result<model::Order> Get(const OrderId& id) override;
  Result<std::vector<model::Order>> List(size_t limit,
                                         const std::optional<OrderId>& before) override;
  Result<std::vector<model::Order>> ListOpen() override;
  Status Create(const model::Order& order) override;
  Status Update(const model::Order& order) override;
  Result<size_t> Prune(size_t keep) override;

 private:
  model::Order Read(const Query& row);
  std::vector<model::Order> ReadAll(Query& query);
  void WriteLists(const model::Order& order);
  Connection& connection_;
};

class ChallengeTable final : public ChallengeStore {
 public:
  explicit ChallengeTable(Connection& connection) : connection_(connection) {}
  Result<std::vector<model::Challenge>> List() override;
  Status Put(const std::vector<model::Challenge>& challenges) override;
  Status DeleteOf(const OrderId& order) override;

 private:
  Connection& connection_;
};

class GenerationTable final : public GenerationStore {
 public:
  explicit GenerationTable(Connection& connection) : connection_(connection) {}
  Result<std::optional<model::Generation>> Find(uint64_t number) override;
  Result<model::Generation> Get(uint64_t number) override;
  Result<std::optional<model::Generation>> FindNewest() override;
  Result<std::optional<model::Generation>> FindLastKnownGood() override;
  Result<std::vector<model::Generation>> List(size_t limit, uint64_t before) override;
  Status Create(const model::Generation& generation) override;
  Status Update(const model::Generation& generation) override;
  Result<size_t> Prune(size_t keep) override;

 private:
  std::optional<model::Generation> ReadOne(Query& query);
  uint64_t NewestNumber();
  Connection& connection_;
};

class ResourceTable final : public ResourceStore {
 public:
  ResourceTable(Connection& connection, const crypto::SealingKey& key)
      : connection_(connection), key_(key) {}
  Result<std::optional<std::string>> Find(const std::string& sha256) override;
  Status Put(const std::string& sha256, const std::string& body) override;
  Result<size_t> Prune() override;

 private:
  Connection& connection_;
  const crypto::SealingKey& key_;
};

class ProofTable final : public ProofStore {
 public:
  explicit ProofTable(Connection& connection) : connection_(connection) {}
  Result<std::vector<model::Proof>> List() override;
  Result<std::vector<model::Proof>> ListOf(const OrderId& order) override;
  Status Put(const std::vector<model::Proof>& proofs) override;
  Status Keep(const OrderId& order, const std::vector<model::Proof>& proofs) override;
  Result<std::vector<model::Proof>> ListKept(const OrderId& order) override;
  Status DeleteOf(const NodeName& node) override;
  Result<size_t> Prune(WallTime time) override;

 private:
  Connection& connection_;
};

class EventTable final : public EventStore {
 public:
  explicit EventTable(Connection& connection) : connection_(connection) {}
  Result<uint64_t> Create(const model::Event& event) override;
  Result<std::vector<model::Event>> List(size_t limit, uint64_t before_id,
                                         const std::string& subject) override;
  Result<std::vector<model::Event>> ListAfter(uint64_t after_id, size_t limit) override;
  Result<size_t> Prune(size_t keep) override;

 private:
  Connection& connection_;
};

class MetaTable final : public MetaStore {
 public:
  explicit MetaTable(Connection& connection) : connection_(connection) {}
  Result<std::optional<model::Epoch>> FindEpoch() override;
  Status PutEpoch(const model::Epoch& epoch) override;
  Result<uint64_t> CreateStart(const std::string& id, WallTime started_at) override;
  Result<std::vector<Start>> ListStarts() override;
  Result<std::optional<std::string>> FindFlag(const std::string& name) override;
  Status PutFlag(const std::string& name, const std::string& value) override;
  Status DeleteFlag(const std::string& name) override;

 private:
  Connection& connection_;
};

class PolicyTable final : public PolicyStore {
 public:
  explicit PolicyTable(Connection& connection) : connection_(connection) {}
  Result<std::optional<StoredPolicy>> Find() override;
  Status Put(const StoredPolicy& policy) override;

 private:
  Connection& connection_;
};

class QuicKeyTable final : public QuicKeyStore {
 public:
  QuicKeyTable(Connection& connection, const crypto::SealingKey& key)
      : connection_(connection), key_(key) {}
  Result<std::optional<model::QuicKeys>> Find() override;
  Status Put(const model::QuicKeys& keys) override;

 private:
  Result<std::optional<model::QuicKey>> FindKey(const std::string& role);
  Status PutKey(const std::string& role, const model::QuicKey& key);
  Connection& connection_;
  const crypto::SealingKey& key_;
};

class PromiseTable final : public PromiseStore {
 public:
  explicit PromiseTable(Connection& connection) : connection_(connection) {}
  Result<std::vector<model::SitePromise>> List() override;
  Status Put(const std::vector<model::SitePromise>& promises) override;
  Status Delete(const std::string& site) override;
  Result<model::KeepingState> GetKeeping() override;
  Status PutKeeping(const model::KeepingState& keeping) override;

 private:
  void ReadOpen(std::map<std::string, model::LedgerState>* ledgers);
  void ReadClosed(std::map<std::string, model::LedgerState>* ledgers);
  void WriteLedger(const std::string& site, const NodeName& name, const model::NodeLedger& node);
  Connection& connection_;
};

// All of them.
class Tables {
 public:
  Tables(Connection& connection, const crypto::SealingKey& key)
      : nodes_(connection),
        tokens_(connection),
        sites_(connection),
        certificates_(connection, key),
        renewals_(connection),
        orders_(connection),
        challenges_(connection),
        generations_(connection),
        resources_(connection, key),
        proofs_(connection),
        events_(connection),
        meta_(connection),
        policy_(connection),
        quic_keys_(connection, key),
        promises_(connection),
        stores_{nodes_,  tokens_,     sites_,       certificates_, renewals_,
                orders_, challenges_, generations_, resources_,    proofs_,
                events_, meta_,       policy_,      quic_keys_,    promises_} {}
  Stores& stores() { return stores_; }

 private:
  NodeTable nodes_;
  TokenTable tokens_;
  SiteTable sites_;
  CertificateTable certificates_;
  RenewalTable renewals_;
  OrderTable orders_;
  ChallengeTable challenges_;
  GenerationTable generations_;
  ResourceTable resources_;
  ProofTable proofs_;
  EventTable events_;
  MetaTable meta_;
  PolicyTable policy_;
  QuicKeyTable quic_keys_;
  PromiseTable promises_;
  Stores stores_;
};

}  // namespace lockstep::controller::store::sqlite

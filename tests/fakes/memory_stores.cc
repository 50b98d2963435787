#include "tests/fakes/memory_stores.h"

#include <utility>

#include "tests/fakes/memory_tables.h"

namespace lockstep::fakes {

struct MemoryBackend::State {
  MemoryTables tables;
  std::optional<MemoryTables> at_begin;
  std::optional<MemoryTables> at_savepoint;
  MemoryNodes nodes{tables};
  MemoryTokens tokens{tables};
  MemorySites sites{tables};
  MemoryCertificates certificates{tables};
  MemoryRenewals renewals{tables};
  MemoryOrders orders{tables};
  MemoryChallenges challenges{tables};
  MemoryGenerations generations{tables};
  MemoryResources resources{tables};
  MemoryProofs proofs{tables};
  MemoryEvents events{tables};
  MemoryMeta meta{tables};
  MemoryPolicy policy{tables};
  MemoryQuicKeys quic_keys{tables};
  MemoryPromises promises{tables};
  controller::store::Stores stores{nodes,  tokens,     sites,       certificates, renewals,
                                   orders, challenges, generations, resources,    proofs,
                                   events, meta,       policy,      quic_keys,    promises};
};

MemoryBackend::MemoryBackend() : state_(std::make_unique<State>()) {}
MemoryBackend::~MemoryBackend() = default;

controller::store::Stores& MemoryBackend::stores() { return state_->stores; }

Status MemoryBackend::Begin() {
  LS_CHECK(!InTransaction());
  state_->at_begin = state_->tables;
  return Status::Ok();
}

Status MemoryBackend::Commit() {
  LS_CHECK(InTransaction());
  Status failure = std::exchange(next_commit_, Status::Ok());
  if (failure.ok()) failure = on_commit_();
  if (!failure.ok()) {
    Rollback();
    return failure;
  }
  state_->at_begin.reset();
  ++commits_;
  return Status::Ok();
}

void MemoryBackend::Rollback() {
  if (!InTransaction()) return;
  state_->tables = *std::move(state_->at_begin);
  state_->at_begin.reset();
}

Status MemoryBackend::Savepoint() {
  LS_CHECK(InTransaction());
  state_->at_savepoint = state_->tables;
  return Status::Ok();
}

Status MemoryBackend::Release() {
  state_->at_savepoint.reset();
  return Status::Ok();
}

Status MemoryBackend::RollbackTo() {
  state_->tables = *std::move(state_->at_savepoint);
  state_->at_savepoint.reset();
  return Status::Ok();
}

bool MemoryBackend::InTransaction() const { return state_->at_begin.has_value(); }

Status MemoryBackend::Backup(const std::string&) {
  return Unimplemented("a database in memory has no backup");
}

}  // namespace lockstep::fakes

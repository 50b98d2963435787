#include <algorithm>

#include "controller/store/sqlite/tables.h"

namespace lockstep::controller::store::sqlite {
namespace {

model::Proof ReadProof(const Query& row) {
  model::Proof proof;
  proof.subject.node = row.Parsed<NodeName>(0);
  proof.subject.kind = row.Enum(1, model::ProbeKind::kChallenge, model::ProbeKind::kSite);
  proof.subject.host = row.Parsed<Hostname>(2);
  proof.subject.token = row.Text(3);
  proof.subject.address = row.Parsed<IpAddress>(4);
  proof.subject.witnessed = row.Bool(5);
  proof.observer = row.Text(6);
  proof.good = row.Bool(7);
  proof.problem = row.Text(8);
  proof.seen = row.Text(9);
  proof.boot_id = row.Blob(10);
  if (!row.Text(11).empty()) proof.order = row.Parsed<OrderId>(11);
  proof.elapsed = Micros(row.Integer(12));
  proof.observed_at = row.Time(13);
  proof.observation = row.Blob(14);
  return proof;
}

std::vector<model::Proof> ReadProofs(Query& query) {
  std::vector<model::Proof> proofs;
  while (query.Next()) proofs.push_back(ReadProof(query));
  // By value: the address is stored as text, which sorts otherwise.
  std::sort(proofs.begin(), proofs.end(),
            [](const auto& a, const auto& b) { return a.subject < b.subject; });
  return proofs;
}

}  // namespace

Result<std::vector<model::Proof>> ProofTable::List() {
  return Guarded(connection_, [&]() -> Result<std::vector<model::Proof>> {
    Query query = connection_.Ask(
        "SELECT node, kind, host, token, address, witnessed, observer, good, problem, seen, "
        "boot_id, order_id, elapsed_us, observed_at, observation FROM proofs");
    return ReadProofs(query);
  });
}

Result<std::vector<model::Proof>> ProofTable::ListOf(const OrderId& order) {
  return Guarded(connection_, [&]() -> Result<std::vector<model::Proof>> {
    Query query = connection_.Ask(
        "SELECT node, kind, host, token, address, witnessed, observer, good, problem, seen, "
        "boot_id, order_id, elapsed_us, observed_at, observation FROM proofs "
        "WHERE order_id = ? AND order_id <> ''",
        order);
    return ReadProofs(query);
  });
}

Status ProofTable::Put(const std::vector<model::Proof>& proofs) {
  return Guarded(connection_, [&]() -> Status {
    for (const model::Proof& proof : proofs) {
      connection_.Execute(
          "INSERT INTO proofs (node, kind, host, token, address, witnessed, observer, good, "
          "problem, seen, boot_id, order_id, elapsed_us, observed_at, observation) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
          "ON CONFLICT (node, kind, host, token, address, witnessed) DO UPDATE SET "
          "observer = excluded.observer, good = excluded.good, problem = excluded.problem, "
          "seen = excluded.seen, boot_id = excluded.boot_id, order_id = excluded.order_id, "
          "elapsed_us = excluded.elapsed_us, observed_at = excluded.observed_at, "
          "observation = excluded.observation WHERE excluded.observed_at >= observed_at",
          proof.subject.node, proof.subject.kind, proof.subject.host, proof.subject.token,
          proof.subject.address, proof.subject.witnessed, proof.observer, proof.good, proof.problem,
          proof.seen, Bytes{proof.boot_id}, proof.order, proof.elapsed.count(), proof.observed_at,
          Bytes{proof.observation});
    }
    return Status::Ok();
  });
}

Status ProofTable::Keep(const OrderId& order, const std::vector<model::Proof>& proofs) {
  return Guarded(connection_, [&]() -> Status {
    Query known = connection_.Ask("SELECT 1 FROM orders WHERE id = ?", order);
    if (!known.Next()) return NotFound("no order " + order.str());
    connection_.Execute("DELETE FROM order_proofs WHERE order_id = ?", order);
    for (const model::Proof& proof : proofs) {
      connection_.Execute(
          "INSERT INTO order_proofs (order_id, node, kind, host, address, witnessed, observer, "
          "seen, boot_id, elapsed_us, observed_at, observation) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          order, proof.subject.node, proof.subject.kind, proof.subject.host, proof.subject.address,
          proof.subject.witnessed, proof.observer, proof.seen, Bytes{proof.boot_id},
          proof.elapsed.count(), proof.observed_at, Bytes{proof.observation});
    }
    return Status::Ok();
  });
}

Result<std::vector<model::Proof>> ProofTable::ListKept(const OrderId& order) {
  return Guarded(connection_, [&]() -> Result<std::vector<model::Proof>> {
    Query query = connection_.Ask(
        "SELECT node, kind, host, '', address, witnessed, observer, 1, '', seen, boot_id, "
        "order_id, elapsed_us, observed_at, observation FROM order_proofs WHERE order_id = ?",
        order);
    return ReadProofs(query);
  });
}

Status ProofTable::DeleteOf(const NodeName& node) {
  return Guarded(connection_, [&]() -> Status {
    connection_.Execute("DELETE FROM proofs WHERE node = ?", node);
    return Status::Ok();
  });
}

Result<size_t> ProofTable::Prune(WallTime time) {
  return Guarded(connection_, [&]() -> Result<size_t> {
    return static_cast<size_t>(
        connection_.Execute("DELETE FROM proofs WHERE observed_at < ?", time));
  });
}

}  // namespace lockstep::controller::store::sqlite

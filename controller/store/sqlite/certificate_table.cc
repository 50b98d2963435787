#include "controller/store/sqlite/tables.h"

namespace lockstep::controller::store::sqlite {
namespace {

// Where a sealed key belongs, so that one that was moved to another row does not open.
std::string PlaceOf(const std::string& name, uint64_t revision) {
  return "certificate/" + name + "/" + std::to_string(revision);
}

}  // namespace

Result<model::Certificate> CertificateTable::Read(const Query& row) {
  model::Certificate certificate;
  certificate.name = row.Text(0);
  certificate.revision = row.Number(1);
  certificate.chain_pem = row.Text(2);
  LS_ASSIGN_OR_RETURN(const crypto::Secret key, [&]() -> Result<crypto::Secret> {
    Result<crypto::Secret> opened =
        key_.Open(row.Blob(3), PlaceOf(certificate.name, certificate.revision));
    if (opened.ok()) return opened;
    return opened.status().Prefixed("key of certificate " + certificate.name);
  }());
  certificate.key_pem = std::string(key.Reveal());
  certificate.leaf_sha256 = row.Text(4);
  certificate.serial = row.Text(5);
  certificate.issuer = row.Text(6);
  certificate.not_before = row.Time(7);
  certificate.not_after = row.Time(8);
  certificate.created_at = row.Time(9);
  certificate.revoked = row.Bool(10);
  Query hosts = connection_.Ask(
      "SELECT host FROM certificate_hosts WHERE name = ? AND revision = ? ORDER BY ordinal",
      certificate.name, certificate.revision);
  while (hosts.Next()) certificate.hosts.push_back(hosts.Parsed<Hostname>(0));
  return certificate;
}

Result<std::vector<model::Certificate>> CertificateTable::ReadAll(Query query) {
  std::vector<model::Certificate> certificates;
  while (query.Next()) {
    LS_ASSIGN_OR_RETURN(model::Certificate certificate, Read(query));
    certificates.push_back(std::move(certificate));
  }
  return certificates;
}

Result<std::optional<model::Certificate>> CertificateTable::ReadOne(Query query) {
  if (!query.Next()) return std::optional<model::Certificate>();
  LS_ASSIGN_OR_RETURN(model::Certificate certificate, Read(query));
  return std::optional(std::move(certificate));
}

Result<std::optional<model::Certificate>> CertificateTable::FindNewest(const std::string& name) {
  return Guarded(connection_, [&] {
    return ReadOne(connection_.Ask(
        "SELECT name, revision, chain_pem, sealed_key, leaf_sha256, serial, issuer, "
        "not_before_at, not_after_at, created_at, revoked FROM certificates WHERE name = ? "
        "ORDER BY revision DESC LIMIT 1",
        name));
  });
}

Result<std::optional<model::Certificate>> CertificateTable::Find(const std::string& name,
                                                                 uint64_t revision) {
  return Guarded(connection_, [&] {
    return ReadOne(connection_.Ask(
        "SELECT name, revision, chain_pem, sealed_key, leaf_sha256, serial, issuer, "
        "not_before_at, not_after_at, created_at, revoked FROM certificates "
        "WHERE name = ? AND revision = ?",
        name, revision));
  });
}

Result<std::vector<model::Certificate>> CertificateTable::List() {
  return Guarded(connection_, [&] {
    return ReadAll(connection_.Ask(
        "SELECT name, revision, chain_pem, sealed_key, leaf_sha256, serial, issuer, "
        "not_before_at, not_after_at, created_at, revoked FROM certificates AS c "
        "WHERE revision = (SELECT max(revision) FROM certificates WHERE name = c.name) "
        "ORDER BY name"));
  });
}

Result<std::vector<model::Certificate>> CertificateTable::ListRevisions(const std::string& name) {
  return Guarded(connection_, [&] {
    return ReadAll(connection_.Ask(
        "SELECT name, revision, chain_pem, sealed_key, leaf_sha256, serial, issuer, "
        "not_before_at, not_after_at, created_at, revoked FROM certificates WHERE name = ? "
        "ORDER BY revision DESC",
        name));
  });
}

Result<uint64_t> CertificateTable::Create(const model::Certificate& certificate) {
  return Guarded(connection_, [&]() -> Result<uint64_t> {
    connection_.Execute(
        "INSERT INTO lineages (name, newest_revision) VALUES (?, 1) "
        "ON CONFLICT (name) DO UPDATE SET newest_revision = newest_revision + 1",
        certificate.name);
    uint64_t revision = 0;
    {
      Query query =
          connection_.Ask("SELECT newest_revision FROM lineages WHERE name = ?", certificate.name);
      query.Next();
      revision = query.Number(0);
    }
    LS_ASSIGN_OR_RETURN(const std::string sealed,
                        key_.Seal(certificate.key_pem, PlaceOf(certificate.name, revision)));
    connection_.Execute(
        "INSERT INTO certificates (name, revision, chain_pem, sealed_key, leaf_sha256, serial, "
        "issuer, not_before_at, not_after_at, created_at, revoked) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        certificate.name, revision, certificate.chain_pem, Bytes{sealed}, certificate.leaf_sha256,
        certificate.serial, certificate.issuer, certificate.not_before, certificate.not_after,
        certificate.created_at, certificate.revoked);
    for (size_t i = 0; i < certificate.hosts.size(); ++i) {
      connection_.Execute(
          "INSERT INTO certificate_hosts (name, revision, ordinal, host) VALUES (?, ?, ?, ?)",
          certificate.name, revision, i, certificate.hosts[i]);
    }
    return revision;
  });
}

Status CertificateTable::MarkRevoked(const std::string& name, uint64_t revision) {
  return Guarded(connection_, [&]() -> Status {
    const int64_t marked = connection_.Execute(
        "UPDATE certificates SET revoked = 1 WHERE name = ? AND revision = ?", name, revision);
    if (marked != 0) return Status::Ok();
    return NotFound("no certificate " + Quoted(name) + " revision " + std::to_string(revision));
  });
}

Result<size_t> CertificateTable::Prune(size_t keep) {
  return Guarded(connection_, [&]() -> Result<size_t> {
    return static_cast<size_t>(connection_.Execute(
        "DELETE FROM certificates WHERE (name, revision) IN (SELECT name, revision FROM (SELECT "
        "name, revision, row_number() OVER (PARTITION BY name ORDER BY revision DESC) AS place "
        "FROM certificates) WHERE place > max(?, 1))",
        keep));
  });
}

Status CertificateTable::Delete(const std::string& name) {
  return Guarded(connection_, [&]() -> Status {
    if (connection_.Execute("DELETE FROM certificates WHERE name = ?", name) != 0) {
      return Status::Ok();
    }
    return NotFound("no certificate " + Quoted(name));
  });
}

Result<std::optional<model::RenewalState>> RenewalTable::Find(const std::string& certificate) {
  return Guarded(connection_, [&]() -> Result<std::optional<model::RenewalState>> {
    Query query = connection_.Ask(
        "SELECT next_attempt_at, failures, last_error FROM renewals WHERE certificate = ?",
        certificate);
    if (!query.Next()) return std::optional<model::RenewalState>();
    return std::optional(model::RenewalState{
        certificate, query.Time(0), static_cast<uint32_t>(query.Integer(1)), query.Text(2)});
  });
}

Result<std::vector<model::RenewalState>> RenewalTable::List() {
  return Guarded(connection_, [&]() -> Result<std::vector<model::RenewalState>> {
    std::vector<model::RenewalState> states;
    Query query = connection_.Ask(
        "SELECT certificate, next_attempt_at, failures, last_error FROM renewals "
        "ORDER BY certificate");
    while (query.Next()) {
      states.push_back(
          {query.Text(0), query.Time(1), static_cast<uint32_t>(query.Integer(2)), query.Text(3)});
    }
    return states;
  });
}

Status RenewalTable::Put(const model::RenewalState& state) {
  return Guarded(connection_, [&]() -> Status {
    connection_.Execute(
        "INSERT INTO renewals (certificate, next_attempt_at, failures, last_error) "
        "VALUES (?, ?, ?, ?) ON CONFLICT (certificate) DO UPDATE SET "
        "next_attempt_at = excluded.next_attempt_at, failures = excluded.failures, "
        "last_error = excluded.last_error",
        state.certificate, state.next_attempt_at, state.failures, state.last_error);
    return Status::Ok();
  });
}

Status RenewalTable::Delete(const std::string& certificate) {
  return Guarded(connection_, [&]() -> Status {
    connection_.Execute("DELETE FROM renewals WHERE certificate = ?", certificate);
    return Status::Ok();
  });
}

}  // namespace lockstep::controller::store::sqlite

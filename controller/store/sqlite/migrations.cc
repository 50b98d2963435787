// The schema of the controller's database.
//
//   release | schema | what changed
//   --------+--------+------------------------------------------------------------------
//   0.1.0   | 1      | nodes, tokens, sites, certificates, renewals, orders, challenges,
//           |        | generations, resources, proofs, events, meta
//   0.1.0   | 2      | order_proofs
//   0.1.0   | 3      | policy, quic_keys
//   0.1.0   | 4      | alt_svc_*, http3_*
//
// Rules: a migration that was released is never edited, only followed by another; each runs in one
// transaction; tables are STRICT; times are unix microseconds in columns named *_at; bytes are
// BLOBs; no private key in plain anywhere.
#include "controller/store/sqlite/migrations.h"

#include <array>

namespace lockstep::controller::store::sqlite {
namespace {

constexpr char kSchema1[] = R"sql(
CREATE TABLE schema_version (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  version INTEGER NOT NULL,
  compatible_version INTEGER NOT NULL
) STRICT;

CREATE TABLE nodes (
  name TEXT PRIMARY KEY,
  pop TEXT NOT NULL,
  banned INTEGER NOT NULL CHECK (banned IN (0, 1)),
  ban_reason TEXT NOT NULL,
  identity_serial TEXT NOT NULL,
  identity_not_after_at INTEGER NOT NULL,
  spki_sha256 BLOB NOT NULL,
  agent_version TEXT NOT NULL,
  enrolled_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE node_addresses (
  node TEXT NOT NULL REFERENCES nodes (name) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  address TEXT NOT NULL,
  PRIMARY KEY (node, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  node TEXT NOT NULL,
  pop TEXT NOT NULL,
  secret_sha256 BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_by_spki_sha256 BLOB,
  revoked INTEGER NOT NULL CHECK (revoked IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE sites (
  name TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('preset', 'file_root', 'upstream')),
  status INTEGER NOT NULL,
  content_type TEXT NOT NULL,
  body TEXT NOT NULL,
  path TEXT NOT NULL,
  tls INTEGER NOT NULL CHECK (tls IN (0, 1)),
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE site_hosts (
  host TEXT PRIMARY KEY,
  site TEXT NOT NULL REFERENCES sites (name) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  UNIQUE (site, ordinal)
) STRICT, WITHOUT ROWID;
CREATE TABLE site_servers (
  site TEXT NOT NULL REFERENCES sites (name) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  server TEXT NOT NULL,
  PRIMARY KEY (site, ordinal)
) STRICT, WITHOUT ROWID;

-- Outlives its certificates: revisions are never given twice.
CREATE TABLE lineages (
  name TEXT PRIMARY KEY,
  newest_revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE certificates (
  name TEXT NOT NULL REFERENCES lineages (name),
  revision INTEGER NOT NULL CHECK (revision > 0),
  chain_pem TEXT NOT NULL,
  sealed_key BLOB NOT NULL,
  leaf_sha256 TEXT NOT NULL,
  serial TEXT NOT NULL,
  issuer TEXT NOT NULL,
  not_before_at INTEGER NOT NULL,
  not_after_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  revoked INTEGER NOT NULL CHECK (revoked IN (0, 1)),
  PRIMARY KEY (name, revision)
) STRICT, WITHOUT ROWID;
CREATE TABLE certificate_hosts (
  name TEXT NOT NULL,
  revision INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  host TEXT NOT NULL,
  PRIMARY KEY (name, revision, ordinal),
  FOREIGN KEY (name, revision) REFERENCES certificates (name, revision) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE renewals (
  certificate TEXT PRIMARY KEY,
  next_attempt_at INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  last_error TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  certificate TEXT NOT NULL,
  state INTEGER NOT NULL,
  ended INTEGER NOT NULL CHECK (ended IN (0, 1)),
  error TEXT NOT NULL,
  ca_error TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  serial TEXT NOT NULL,
  generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_by_creation ON orders (created_at, id);
CREATE INDEX orders_open ON orders (created_at, id) WHERE ended = 0;
CREATE TABLE order_hosts (
  order_id TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  host TEXT NOT NULL,
  PRIMARY KEY (order_id, ordinal)
) STRICT, WITHOUT ROWID;
CREATE TABLE order_steps (
  order_id TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  what TEXT NOT NULL,
  detail TEXT NOT NULL,
  occurred_at INTEGER NOT NULL,
  PRIMARY KEY (order_id, ordinal)
) STRICT, WITHOUT ROWID;
CREATE TABLE order_lines (
  order_id TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  list TEXT NOT NULL CHECK (list IN ('missing', 'rehearsal', 'after_commit')),
  ordinal INTEGER NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (order_id, list, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE challenges (
  order_id TEXT NOT NULL,
  host TEXT NOT NULL,
  token TEXT NOT NULL,
  key_authorization TEXT NOT NULL,
  PRIMARY KEY (order_id, host, token)
) STRICT, WITHOUT ROWID;

CREATE TABLE generations (
  number INTEGER PRIMARY KEY CHECK (number > 0),
  epoch_counter INTEGER NOT NULL,
  start_id BLOB NOT NULL,
  state INTEGER NOT NULL,
  cause TEXT NOT NULL,
  problem TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  digest BLOB NOT NULL
) STRICT;
CREATE TABLE generation_resources (
  generation INTEGER NOT NULL REFERENCES generations (number) ON DELETE CASCADE,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  sha256 BLOB NOT NULL,
  PRIMARY KEY (generation, type, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX generation_resources_by_digest ON generation_resources (sha256);
CREATE TABLE resources (
  sha256 BLOB PRIMARY KEY,
  sealed_body BLOB NOT NULL
) STRICT;

CREATE TABLE proofs (
  node TEXT NOT NULL,
  kind INTEGER NOT NULL,
  host TEXT NOT NULL,
  token TEXT NOT NULL,
  address TEXT NOT NULL,
  witnessed INTEGER NOT NULL CHECK (witnessed IN (0, 1)),
  observer TEXT NOT NULL,
  good INTEGER NOT NULL CHECK (good IN (0, 1)),
  problem TEXT NOT NULL,
  seen TEXT NOT NULL,
  boot_id BLOB NOT NULL,
  order_id TEXT NOT NULL,
  elapsed_us INTEGER NOT NULL,
  observed_at INTEGER NOT NULL,
  observation BLOB NOT NULL,
  PRIMARY KEY (node, kind, host, token, address, witnessed)
) STRICT, WITHOUT ROWID;
CREATE INDEX proofs_by_order ON proofs (order_id) WHERE order_id <> '';

CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  occurred_at INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_subject ON events (subject, id);

CREATE TABLE epoch (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  counter INTEGER NOT NULL CHECK (counter > 0),
  id BLOB NOT NULL
) STRICT;
CREATE TABLE starts (
  ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE,
  started_at INTEGER NOT NULL,
  first_generation INTEGER NOT NULL CHECK (first_generation > 0)
) STRICT;
CREATE TABLE flags (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- A known text under the sealing key, so that a wrong key is noticed at start.
CREATE TABLE sealing_check (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  sealed BLOB NOT NULL
) STRICT;
)sql";

// Good looks at certificates alone: what ended an order.
constexpr char kSchema2[] = R"sql(
CREATE TABLE order_proofs (
  order_id TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  node TEXT NOT NULL,
  kind INTEGER NOT NULL,
  host TEXT NOT NULL,
  address TEXT NOT NULL,
  witnessed INTEGER NOT NULL CHECK (witnessed IN (0, 1)),
  observer TEXT NOT NULL,
  seen TEXT NOT NULL,
  boot_id BLOB NOT NULL,
  elapsed_us INTEGER NOT NULL,
  observed_at INTEGER NOT NULL,
  observation BLOB NOT NULL,
  PRIMARY KEY (order_id, node, kind, host, address, witnessed)
) STRICT, WITHOUT ROWID;
)sql";

constexpr char kSchema3[] = R"sql(
CREATE TABLE policy (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  text TEXT NOT NULL,
  applied_at INTEGER NOT NULL
) STRICT;
-- Sealed like private keys, each bound to its role.
CREATE TABLE quic_keys (
  role TEXT PRIMARY KEY CHECK (role IN ('connection_id', 'token_current', 'token_previous',
    'token_next', 'ticket_current', 'ticket_previous', 'ticket_next')),
  sealed_key BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE quic_key_set (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  connection_id_config INTEGER NOT NULL CHECK (connection_id_config BETWEEN 0 AND 6),
  token_current_since_at INTEGER NOT NULL,
  ticket_current_since_at INTEGER NOT NULL
) STRICT;
)sql";

// What is promised in Alt-Svc, what nodes may be sending, what clients may hold.
constexpr char kSchema4[] = R"sql(
CREATE TABLE alt_svc_sites (
  site TEXT PRIMARY KEY,
  phase INTEGER NOT NULL CHECK (phase BETWEEN 1 AND 3),
  max_age_s INTEGER NOT NULL CHECK (max_age_s >= 0),
  step_backs INTEGER NOT NULL CHECK (step_backs >= 0),
  switched_off INTEGER NOT NULL CHECK (switched_off IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE TABLE alt_svc_values (
  site TEXT NOT NULL REFERENCES alt_svc_sites (site) ON DELETE CASCADE,
  node TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  PRIMARY KEY (site, node, epoch, generation)
) STRICT, WITHOUT ROWID;
-- A value without any is empty, or "clear".
CREATE TABLE alt_svc_offers (
  site TEXT NOT NULL,
  node TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  protocol TEXT NOT NULL,
  host TEXT NOT NULL,
  port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
  max_age_s INTEGER NOT NULL CHECK (max_age_s >= 0),
  PRIMARY KEY (site, node, epoch, generation, protocol, host, port),
  FOREIGN KEY (site, node, epoch, generation)
    REFERENCES alt_svc_values (site, node, epoch, generation) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE alt_svc_holds (
  site TEXT NOT NULL REFERENCES alt_svc_sites (site) ON DELETE CASCADE,
  node TEXT NOT NULL,
  protocol TEXT NOT NULL,
  host TEXT NOT NULL,
  port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
  ends_at INTEGER NOT NULL,
  PRIMARY KEY (site, node, protocol, host, port)
) STRICT, WITHOUT ROWID;
CREATE TABLE http3_nodes (
  node TEXT PRIMARY KEY,
  broken_since_at INTEGER,
  works_since_at INTEGER,
  marked_since_at INTEGER,
  relapses INTEGER NOT NULL CHECK (relapses >= 0)
) STRICT, WITHOUT ROWID;
CREATE TABLE http3_sites_at_fault (
  site TEXT PRIMARY KEY,
  since_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::array kMigrations = {
    Migration{.version = 1, .compatible_version = 1, .sql = kSchema1},
    Migration{.version = 2, .compatible_version = 1, .sql = kSchema2},
    Migration{.version = 3, .compatible_version = 1, .sql = kSchema3},
    Migration{.version = 4, .compatible_version = 1, .sql = kSchema4},
};

Status RunMigration(Connection& connection, const Migration& migration) {
  return Guarded(connection, [&]() -> Status {
    connection.Script("BEGIN IMMEDIATE");
    try {
      connection.Script(migration.sql);
      connection.Execute(
          "INSERT INTO schema_version (only_row, version, compatible_version) VALUES (1, ?, ?) "
          "ON CONFLICT (only_row) DO UPDATE SET version = excluded.version, "
          "compatible_version = excluded.compatible_version",
          migration.version, migration.compatible_version);
      connection.Script("PRAGMA application_id = " + std::to_string(kApplicationId));
      connection.Script("COMMIT");
    } catch (const SQLite::Exception&) {
      if (connection.InTransaction()) connection.Script("ROLLBACK");
      throw;
    }
    return Status::Ok();
  });
}

}  // namespace

std::span<const Migration> KnownMigrations() { return kMigrations; }

Result<SchemaVersion> ReadSchemaVersion(Connection& connection) {
  return Guarded(connection, [&]() -> Result<SchemaVersion> {
    SQLite::Database& database = connection.database();
    const int32_t application_id = database.execAndGet("PRAGMA application_id").getInt();
    if (!database.tableExists("schema_version")) {
      const int64_t tables = database.execAndGet("SELECT count(*) FROM sqlite_schema").getInt64();
      if (tables == 0 && application_id == 0) return SchemaVersion{};
      return FailedPrecondition(connection.path() + " is some other program's database");
    }
    if (application_id != kApplicationId) {
      return FailedPrecondition(connection.path() + " is some other program's database");
    }
    Query query = connection.Ask("SELECT version, compatible_version FROM schema_version");
    if (!query.Next()) throw DamagedValue{"no schema version"};
    return SchemaVersion{static_cast<int>(query.Integer(0)), static_cast<int>(query.Integer(1))};
  });
}

Status CheckSchemaVersion(const SchemaVersion& stored, std::span<const Migration> known,
                          const std::string& path) {
  const int newest = known.back().version;
  if (stored.compatible_version <= newest) return Status::Ok();
  return FailedPrecondition("database " + path + " was changed by a newer release (schema " +
                            std::to_string(stored.version) + ", readable from " +
                            std::to_string(stored.compatible_version) + " on; this release knows " +
                            std::to_string(newest) +
                            "): install that release, or restore the backup " + path + ".before-" +
                            std::to_string(stored.version) + " that it made");
}

Status Migrate(Connection& connection, std::span<const Migration> known) {
  LS_ASSIGN_OR_RETURN(const SchemaVersion stored, ReadSchemaVersion(connection));
  LS_RETURN_IF_ERROR(CheckSchemaVersion(stored, known, connection.path()));
  for (const Migration& migration : known) {
    if (migration.version <= stored.version) continue;
    LS_RETURN_IF_ERROR(RunMigration(connection, migration)
                           .Prefixed("migration to schema " + std::to_string(migration.version)));
  }
  return Status::Ok();
}

}  // namespace lockstep::controller::store::sqlite

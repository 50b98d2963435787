// bench_nodes: enrols a simulated fleet straight into the database of a controller that does not
// run. A thousand enrolments by token are not what the benchmarks measure.
#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "common/task/strand.h"
#include "controller/store/database.h"
#include "controller/store/sqlite/sqlite_backend.h"
#include "tests/bench/fleet_names.h"

namespace lockstep::bench {
namespace {

controller::model::Node NodeAt(size_t index, WallTime enrolled_at) {
  controller::model::Node node;
  node.name = NameOf(index);
  node.pop = *PopName::Parse("pop" + std::to_string(index % 50));
  node.addresses = {AddressOf(index)};
  node.agent_version = "0.1.0";
  node.enrolled_at = enrolled_at;
  node.identity_not_after = enrolled_at + std::chrono::hours(24 * 30);
  return node;
}

Status Enrol(const std::string& database, const std::string& key_file, size_t agents) {
  LS_ASSIGN_OR_RETURN(auto key, crypto::SealingKey::FromFile(key_file));
  LS_ASSIGN_OR_RETURN(const auto backend,
                      controller::store::SqliteBackend::Open(database, std::move(key)));
  task::Strand strand("store");
  controller::store::Database transactions(*backend, strand);
  // Before the identities that the fleet is going to show.
  const WallTime enrolled_at = Clock::System().Now() - std::chrono::hours(1);
  return transactions.RunNow([&](controller::store::Stores& stores) -> Status {
    for (size_t i = 0; i < agents; ++i) {
      LS_RETURN_IF_ERROR(stores.nodes.Create(NodeAt(i, enrolled_at)));
    }
    return Status::Ok();
  });
}

}  // namespace
}  // namespace lockstep::bench

int main(int argc, char** argv) {
  std::string database;
  std::string key_file;
  size_t agents = 0;
  CLI::App app("enrols a simulated fleet");
  app.add_option("--database", database)->required();
  app.add_option("--key", key_file, "the key-encryption key")->required();
  app.add_option("--agents", agents)->required();
  CLI11_PARSE(app, argc, argv);
  const lockstep::Status enrolled = lockstep::bench::Enrol(database, key_file, agents);
  if (enrolled.ok()) return 0;
  std::cerr << "bench_nodes: " << enrolled << "\n";
  return 1;
}

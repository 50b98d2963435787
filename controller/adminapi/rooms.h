// Rooms: what the admin API works on.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "common/task/executor.h"
#include "controller/certs/certificate_book.h"
#include "controller/certs/certificate_checks.h"
#include "controller/certs/orders.h"
#include "controller/certs/renewals.h"
#include "controller/challenges/challenges.h"
#include "controller/fleet/enrollment.h"
#include "controller/fleet/fleet.h"
#include "controller/fleet/journal.h"
#include "controller/keys/key_ring.h"
#include "controller/lint/linter.h"
#include "controller/policy/policies.h"
#include "controller/promises/promises.h"
#include "controller/publish/publisher.h"
#include "controller/sites/sites.h"
#include "controller/store/database.h"

namespace lockstep::controller::adminapi {

// Everything lives on the state strand and outlives it.
struct Rooms {
  task::Executor& state;
  store::Database& database;
  fleet::Journal& journal;
  fleet::Fleet& fleet;
  fleet::Enrollment& enrollment;
  sites::Sites& sites;
  policy::Policies& policies;
  keys::KeyRing& key_ring;
  promises::Promises& promises;
  lint::Linter& linter;
  challenges::Challenges& challenges;
  publish::Publisher& publisher;
  const certs::CertificateBook& book;
  certs::CertificateChecks& checks;
  certs::Orders& orders;
  const certs::Renewals& renewals;
  std::string version;
  WallTime started_at;
  uint64_t epoch_counter = 0;
};

}  // namespace lockstep::controller::adminapi

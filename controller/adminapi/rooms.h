// Rooms: what the handlers of the admin API ask, all of it on the state strand.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/rpc/reply.h"
#include "common/task/executor.h"
#include "controller/certs/certificate_book.h"
#include "controller/certs/certificate_checks.h"
#include "controller/certs/orders.h"
#include "controller/certs/renewals.h"
#include "controller/challenges/challenges.h"
#include "controller/fleet/enrollment.h"
#include "controller/fleet/fleet.h"
#include "controller/fleet/journal.h"
#include "controller/publish/publisher.h"
#include "controller/sites/sites.h"
#include "controller/store/database.h"

namespace lockstep::controller::adminapi {

struct Rooms {
  task::Executor& state;
  store::Database& database;
  fleet::Journal& journal;
  fleet::Fleet& fleet;
  fleet::Enrollment& enrollment;
  sites::Sites& sites;
  challenges::Challenges& challenges;
  publish::Publisher& publisher;
  certs::CertificateBook& book;
  certs::CertificateChecks& checks;
  certs::Orders& orders;
  certs::Renewals& renewals;
  std::string version;
  WallTime started_at;
  uint64_t epoch_counter = 0;
};

using ReplyPtr = std::shared_ptr<rpc::Reply>;

// Reads from the store and answers: `read` runs on the store strand, `fill` on the state strand if
// that went well.
template <typename Value>
void ReadThen(const Rooms& rooms, const ReplyPtr& reply,
              std::function<Result<Value>(store::Stores&)> read,
              std::function<Status(const Value&)> fill) {
  auto value = std::make_shared<std::optional<Value>>();
  rooms.database.Run(
      [value, read = std::move(read)](store::Stores& stores) -> Status {
        LS_ASSIGN_OR_RETURN(*value, read(stores));
        return Status::Ok();
      },
      [value, reply, fill = std::move(fill)](const Status& status) {
        reply->Finish(status.ok() ? fill(**value) : status);
      },
      rooms.state);
}

}  // namespace lockstep::controller::adminapi

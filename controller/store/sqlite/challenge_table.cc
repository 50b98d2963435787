#include "controller/store/sqlite/tables.h"

namespace lockstep::controller::store::sqlite {

Result<std::vector<model::Challenge>> ChallengeTable::List() {
  return Guarded(connection_, [&]() -> Result<std::vector<model::Challenge>> {
    std::vector<model::Challenge> challenges;
    Query query = connection_.Ask(
        "SELECT order_id, host, token, key_authorization FROM challenges "
        "ORDER BY order_id, host, token");
    while (query.Next()) {
      challenges.push_back({query.Parsed<OrderId>(0), query.Parsed<Hostname>(1),
                            query.Parsed<ChallengeToken>(2), query.Text(3)});
    }
    return challenges;
  });
}

Status ChallengeTable::Put(const std::vector<model::Challenge>& challenges) {
  return Guarded(connection_, [&]() -> Status {
    for (const model::Challenge& challenge : challenges) {
      connection_.Execute(
          "INSERT INTO challenges (order_id, host, token, key_authorization) VALUES (?, ?, ?, ?) "
          "ON CONFLICT (order_id, host, token) DO UPDATE SET "
          "key_authorization = excluded.key_authorization",
          challenge.order, challenge.host, challenge.token, challenge.key_authorization);
    }
    return Status::Ok();
  });
}

Status ChallengeTable::DeleteOf(const OrderId& order) {
  return Guarded(connection_, [&]() -> Status {
    connection_.Execute("DELETE FROM challenges WHERE order_id = ?", order);
    return Status::Ok();
  });
}

}  // namespace lockstep::controller::store::sqlite

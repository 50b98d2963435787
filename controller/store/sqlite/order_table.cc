#include "controller/store/sqlite/tables.h"

namespace lockstep::controller::store::sqlite {

model::Order OrderTable::Read(const Query& row) {
  model::Order order;
  order.id = row.Parsed<OrderId>(0);
  order.certificate = row.Text(1);
  order.state = row.Enum(2, model::OrderState::kQueued, model::OrderState::kFailed);
  order.error = row.Text(3);
  order.ca_error = row.Text(4);
  order.reason = row.Text(5);
  order.created_at = row.Time(6);
  order.ended_at = row.OptionalTime(7);
  order.serial = row.Text(8);
  order.generation = row.Number(9);
  Query hosts =
      connection_.Ask("SELECT host FROM order_hosts WHERE order_id = ? ORDER BY ordinal", order.id);
  while (hosts.Next()) order.hosts.push_back(hosts.Parsed<Hostname>(0));
  Query steps = connection_.Ask(
      "SELECT what, detail, occurred_at FROM order_steps WHERE order_id = ? ORDER BY ordinal",
      order.id);
  while (steps.Next()) order.steps.push_back({steps.Text(0), steps.Text(1), steps.Time(2)});
  Query lines = connection_.Ask(
      "SELECT list, line FROM order_lines WHERE order_id = ? ORDER BY list, ordinal", order.id);
  while (lines.Next()) {
    const std::string list = lines.Text(0);
    (list == "missing"     ? order.missing
     : list == "rehearsal" ? order.rehearsal
                           : order.after_commit)
        .push_back(lines.Text(1));
  }
  return order;
}

std::vector<model::Order> OrderTable::ReadAll(Query& query) {
  std::vector<model::Order> orders;
  while (query.Next()) orders.push_back(Read(query));
  return orders;
}

Result<std::optional<model::Order>> OrderTable::Find(const OrderId& id) {
  return Guarded(connection_, [&]() -> Result<std::optional<model::Order>> {
    Query query = connection_.Ask(
        "SELECT id, certificate, state, error, ca_error, reason, created_at, ended_at, serial, "
        "generation FROM orders WHERE id = ?",
        id);
    if (!query.Next()) return std::optional<model::Order>();
    return std::optional(Read(query));
  });
}

Result<model::Order> OrderTable::Get(const OrderId& id) {
  LS_ASSIGN_OR_RETURN(std::optional<model::Order> found, Find(id));
  if (!found) return NotFound("no order " + id.str());
  return *std::move(found);
}

Result<std::vector<model::Order>> OrderTable::List(size_t limit,
                                                   const std::optional<OrderId>& before) {
  return Guarded(connection_, [&]() -> Result<std::vector<model::Order>> {
    if (!before) {
      Query query = connection_.Ask(
          "SELECT id, certificate, state, error, ca_error, reason, created_at, ended_at, serial, "
          "generation FROM orders ORDER BY created_at DESC, id DESC LIMIT ?",
          limit);
      return ReadAll(query);
    }
    Query place = connection_.Ask("SELECT created_at FROM orders WHERE id = ?", *before);
    if (!place.Next()) return NotFound("no order " + before->str());
    Query query = connection_.Ask(
        "SELECT id, certificate, state, error, ca_error, reason, created_at, ended_at, serial, "
        "generation FROM orders WHERE (created_at, id) < (?, ?) "
        "ORDER BY created_at DESC, id DESC LIMIT ?",
        place.Integer(0), *before, limit);
    return ReadAll(query);
  });
}

Result<std::vector<model::Order>> OrderTable::ListOpen() {
  return Guarded(connection_, [&]() -> Result<std::vector<model::Order>> {
    Query query = connection_.Ask(
        "SELECT id, certificate, state, error, ca_error, reason, created_at, ended_at, serial, "
        "generation FROM orders WHERE ended = 0 ORDER BY created_at, id");
    return ReadAll(query);
  });
}

void OrderTable::WriteLists(const model::Order& order) {
  connection_.Execute("DELETE FROM order_hosts WHERE order_id = ?", order.id);
  for (size_t i = 0; i < order.hosts.size(); ++i) {
    connection_.Execute("INSERT INTO order_hosts (order_id, ordinal, host) VALUES (?, ?, ?)",
                        order.id, i, order.hosts[i]);
  }
  connection_.Execute("DELETE FROM order_steps WHERE order_id = ?", order.id);
  for (size_t i = 0; i < order.steps.size(); ++i) {
    connection_.Execute(
        "INSERT INTO order_steps (order_id, ordinal, what, detail, occurred_at) "
        "VALUES (?, ?, ?, ?, ?)",
        order.id, i, order.steps[i].what, order.steps[i].detail, order.steps[i].at);
  }
  connection_.Execute("DELETE FROM order_lines WHERE order_id = ?", order.id);
  const auto write_lines = [&](const char* list, const std::vector<std::string>& lines) {
    for (size_t i = 0; i < lines.size(); ++i) {
      connection_.Execute(
          "INSERT INTO order_lines (order_id, list, ordinal, line) VALUES (?, ?, ?, ?)", order.id,
          list, i, lines[i]);
    }
  };
  write_lines("missing", order.missing);
  write_lines("rehearsal", order.rehearsal);
  write_lines("after_commit", order.after_commit);
}

Status OrderTable::Create(const model::Order& order) {
  return Guarded(connection_, [&]() -> Status {
    const int64_t created = connection_.Execute(
        "INSERT INTO orders (id, certificate, state, ended, error, ca_error, reason, created_at, "
        "ended_at, serial, generation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO NOTHING",
        order.id, order.certificate, order.state, model::IsEnded(order.state), order.error,
        order.ca_error, order.reason, order.created_at, order.ended_at, order.serial,
        order.generation);
    if (created == 0) return AlreadyExists("order " + order.id.str() + " exists already");
    WriteLists(order);
    return Status::Ok();
  });
}

Status OrderTable::Update(const model::Order& order) {
  return Guarded(connection_, [&]() -> Status {
    const int64_t updated = connection_.Execute(
        "UPDATE orders SET certificate = ?, state = ?, ended = ?, error = ?, ca_error = ?, "
        "reason = ?, created_at = ?, ended_at = ?, serial = ?, generation = ? WHERE id = ?",
        order.certificate, order.state, model::IsEnded(order.state), order.error, order.ca_error,
        order.reason, order.created_at, order.ended_at, order.serial, order.generation, order.id);
    if (updated == 0) return NotFound("no order " + order.id.str());
    WriteLists(order);
    return Status::Ok();
  });
}

Result<size_t> OrderTable::Prune(size_t keep) {
  return Guarded(connection_, [&]() -> Result<size_t> {
    return static_cast<size_t>(
        connection_.Execute("DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE ended = 1 "
                            "ORDER BY created_at DESC, id DESC LIMIT -1 OFFSET ?)",
                            keep));
  });
}

}  // namespace lockstep::controller::store::sqlite

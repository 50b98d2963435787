#include <algorithm>

#include "controller/store/sqlite/tables.h"

namespace lockstep::controller::store::sqlite {
namespace {

std::vector<model::Event> ReadEvents(Query& query) {
  std::vector<model::Event> events;
  while (query.Next()) {
    events.push_back({query.Number(0), query.Time(1),
                      query.Enum(2, model::Severity::kInfo, model::Severity::kError), query.Text(3),
                      query.Text(4), query.Text(5)});
  }
  return events;
}

}  // namespace

Result<uint64_t> EventTable::Create(const model::Event& event) {
  return Guarded(connection_, [&]() -> Result<uint64_t> {
    connection_.Execute(
        "INSERT INTO events (occurred_at, severity, kind, subject, text) VALUES (?, ?, ?, ?, ?)",
        event.at, event.severity, event.kind, event.subject, event.text);
    return static_cast<uint64_t>(connection_.LastRowId());
  });
}

Result<std::vector<model::Event>> EventTable::List(size_t limit, uint64_t before_id,
                                                   const std::string& subject) {
  const uint64_t before = before_id == 0 ? uint64_t{INT64_MAX} : before_id;
  return Guarded(connection_, [&]() -> Result<std::vector<model::Event>> {
    std::vector<model::Event> events;
    if (subject.empty()) {
      Query query = connection_.Ask(
          "SELECT id, occurred_at, severity, kind, subject, text FROM events WHERE id < ? "
          "ORDER BY id DESC LIMIT ?",
          before, limit);
      events = ReadEvents(query);
    } else {
      Query query = connection_.Ask(
          "SELECT id, occurred_at, severity, kind, subject, text FROM events "
          "WHERE id < ? AND subject = ? ORDER BY id DESC LIMIT ?",
          before, subject, limit);
      events = ReadEvents(query);
    }
    std::reverse(events.begin(), events.end());
    return events;
  });
}

Result<std::vector<model::Event>> EventTable::ListAfter(uint64_t after_id, size_t limit) {
  return Guarded(connection_, [&]() -> Result<std::vector<model::Event>> {
    Query query = connection_.Ask(
        "SELECT id, occurred_at, severity, kind, subject, text FROM events WHERE id > ? "
        "ORDER BY id LIMIT ?",
        after_id, limit);
    return ReadEvents(query);
  });
}

Result<size_t> EventTable::Prune(size_t keep) {
  return Guarded(connection_, [&]() -> Result<size_t> {
    return static_cast<size_t>(connection_.Execute(
        "DELETE FROM events WHERE id <= (SELECT id FROM events ORDER BY id DESC LIMIT 1 OFFSET ?)",
        keep));
  });
}

}  // namespace lockstep::controller::store::sqlite

#include "controller/keys/rotation.h"

#include <utility>

#include "common/base/encoding.h"

namespace lockstep::controller::keys {
namespace {

model::QuicKey Make(size_t bytes, WallTime now) { return {RandomBytes(bytes), now}; }

void AddCause(std::string_view cause, Step* step) {
  if (!step->cause.empty()) step->cause += ", ";
  step->cause += cause;
}

void MoveTickets(WallTime now, Step* step) {
  model::QuicKeys& keys = step->keys;
  keys.ticket_previous = std::move(keys.ticket_current);
  keys.ticket_current = std::move(keys.ticket_next);
  keys.ticket_next = Make(model::kTicketKeyBytes, now);
  keys.ticket_current_since = now;
  AddCause("the session-ticket keys moved on", step);
}

void MoveTokens(WallTime now, Step* step) {
  model::QuicKeys& keys = step->keys;
  keys.token_previous = std::move(keys.token_current);
  keys.token_current = *std::exchange(keys.token_next, std::nullopt);
  keys.token_current_since = now;
  AddCause("the address-token key moved on", step);
}

}  // namespace

model::QuicKeys MakeFirst(WallTime now) {
  model::QuicKeys keys;
  keys.connection_id = Make(model::kConnectionIdKeyBytes, now);
  keys.token_current = Make(model::kTokenKeyBytes, now);
  keys.ticket_current = Make(model::kTicketKeyBytes, now);
  keys.ticket_next = Make(model::kTicketKeyBytes, now);
  keys.token_current_since = keys.ticket_current_since = now;
  return keys;
}

Step NextStep(const model::QuicKeys& keys, WallTime now, const Periods& periods, bool held_by_all,
              bool now_due) {
  Step step{keys, ""};
  if (!held_by_all) return step;
  if (now_due || now >= keys.ticket_current_since + periods.tickets) MoveTickets(now, &step);
  if (keys.token_next) {
    MoveTokens(now, &step);
  } else if (now_due || now >= keys.token_current_since + periods.tokens) {
    step.keys.token_next = Make(model::kTokenKeyBytes, now);
    step.keys.token_previous.reset();
    AddCause("an address-token key is on its way", &step);
  }
  return step;
}

}  // namespace lockstep::controller::keys

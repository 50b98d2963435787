#include "controller/fleet/journal.h"

#include <memory>

#include "common/log/log.h"

namespace lockstep::controller::fleet {
namespace {

constexpr size_t kKeptEvents = 20'000;
constexpr uint64_t kEventsBetweenPrunes = 500;

void LogEvent(const model::Event& event) {
  const log::Fields fields = {
      {"kind", event.kind}, {"subject", event.subject}, {"text", event.text}};
  switch (event.severity) {
    case model::Severity::kInfo:
      log::Info("journal.event", fields);
      break;
    case model::Severity::kWarning:
      log::Warning("journal.event", fields);
      break;
    case model::Severity::kError:
      log::Error("journal.event", fields);
      break;
  }
}

}  // namespace

void Journal::Record(model::Severity severity, std::string kind, std::string subject,
                     std::string text) {
  const bool prune = ++recorded_ % kEventsBetweenPrunes == 0;
  auto event = std::make_shared<model::Event>(model::Event{
      0, state_.clock().Now(), severity, std::move(kind), std::move(subject), std::move(text)});
  LogEvent(*event);
  database_.Run(
      [event, prune](store::Stores& stores) -> Status {
        LS_ASSIGN_OR_RETURN(event->id, stores.events.Create(*event));
        if (prune) LS_RETURN_IF_ERROR(stores.events.Prune(kKeptEvents).status());
        return Status::Ok();
      },
      [this, event](const Status& status) {
        if (!status.ok()) {
          log::Error("journal.store_failed", {{"kind", event->kind}, {"status", status}});
          return;
        }
        const auto watchers = watchers_;  // a watcher may unwatch
        for (const auto& [id, watcher] : watchers) watcher(*event);
      },
      state_);
}

uint64_t Journal::Watch(Watcher watcher) {
  watchers_.emplace(next_watch_, std::move(watcher));
  return next_watch_++;
}

void Journal::Unwatch(uint64_t watch) { watchers_.erase(watch); }

}  // namespace lockstep::controller::fleet

// Journal: the events that operators read, stored and told to whoever watches.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "common/task/executor.h"
#include "controller/model/generation.h"
#include "controller/store/database.h"

namespace lockstep::controller::fleet {

// Lives on the state strand.
class Journal {
 public:
  // `state` is the strand; both outlive the journal.
  Journal(store::Database& database, task::Executor& state) : database_(database), state_(state) {}

  // Stores and logs an event. `kind` is "room.what", `subject` the thing's name.
  void Record(model::Severity severity, std::string kind, std::string subject, std::string text);
  void Info(std::string kind, std::string subject, std::string text) {
    Record(model::Severity::kInfo, std::move(kind), std::move(subject), std::move(text));
  }
  void Warning(std::string kind, std::string subject, std::string text) {
    Record(model::Severity::kWarning, std::move(kind), std::move(subject), std::move(text));
  }
  void Error(std::string kind, std::string subject, std::string text) {
    Record(model::Severity::kError, std::move(kind), std::move(subject), std::move(text));
  }

  // Called for each event once it is stored (and has its id), until Unwatch.
  using Watcher = std::function<void(const model::Event&)>;
  uint64_t Watch(Watcher watcher);
  void Unwatch(uint64_t watch);

 private:
  store::Database& database_;
  task::Executor& state_;
  std::map<uint64_t, Watcher> watchers_;
  uint64_t next_watch_ = 1;
  uint64_t recorded_ = 0;
};

}  // namespace lockstep::controller::fleet

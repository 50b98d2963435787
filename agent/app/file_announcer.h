// FileAnnouncer: an announce state that somebody else writes into a file: where no routing daemon
// speaks to us, and in tests.
#pragma once

#include <string>
#include <utility>

#include "agent/apply/driver.h"

namespace lockstep::agent::app {

// The file's first word is "announced" or "withdrawn"; "withdrawn confirmed" says that somebody
// other than the node has seen it. Anything else, or no file, is not known: counts as announced.
class FileAnnouncer final : public apply::Announcer {
 public:
  explicit FileAnnouncer(std::string path) : path_(std::move(path)) {}
  apply::AnnounceReport Report() override;
  Status Announce() override;
  Status Withdraw() override;

 private:
  std::string path_;
};

}  // namespace lockstep::agent::app

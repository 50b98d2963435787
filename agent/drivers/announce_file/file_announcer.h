// FileAnnouncer: whether this node announces the service addresses stands in a file that whoever
// looks after the routing reads and writes: "announced", "withdrawn", or "withdrawn confirmed"
// where somebody else than this node has seen it. What the controller wants stands in a file beside
// it, for them to follow.
#pragma once

#include <string>

#include "agent/apply/driver.h"

namespace lockstep::agent::drivers::announce_file {

// Another process may change the file at any time; it is read at each Report.
class FileAnnouncer : public apply::Announcer {
 public:
  explicit FileAnnouncer(std::string path) : path_(std::move(path)) {}

  // kUnknown with the reason if the file is missing or says anything else.
  apply::AnnounceReport Report() override;
  // Replaces the file.
  Status Announce() override;
  // Replaces `<path>.wish`: "announced", or "withdrawn" and why, in one line.
  Result<std::string> Want(Wanted wanted, const std::string& reason) override;

 private:
  std::string path_;
};

}  // namespace lockstep::agent::drivers::announce_file

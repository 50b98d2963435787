#include "agent/app/file_announcer.h"

#include <sstream>

#include "common/fsutil/files.h"

namespace lockstep::agent::app {
namespace {

constexpr size_t kMaxBytes = 4096;

}  // namespace

apply::AnnounceReport FileAnnouncer::Report() {
  apply::AnnounceReport report;
  const Result<std::string> text = fsutil::ReadFile(path_, kMaxBytes);
  if (!text.ok()) {
    report.evidence = text.status().message();
    return report;
  }
  std::istringstream words(*text);
  std::string state;
  std::string confirmed;
  words >> state >> confirmed;
  if (state == "announced") report.state = apply::AnnounceReport::State::kAnnounced;
  if (state == "withdrawn") report.state = apply::AnnounceReport::State::kWithdrawn;
  report.confirmed = confirmed == "confirmed";
  report.evidence = path_ + " says " + state;
  return report;
}

Status FileAnnouncer::Announce() {
  return fsutil::WriteAtomic(path_, "announced\n", {.mode = 0644});
}

Status FileAnnouncer::Withdraw() {
  return fsutil::WriteAtomic(path_, "withdrawn\n", {.mode = 0644});
}

}  // namespace lockstep::agent::app

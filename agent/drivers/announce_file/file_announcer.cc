#include "agent/drivers/announce_file/file_announcer.h"

#include <algorithm>

#include "common/base/hostname.h"
#include "common/fsutil/files.h"

namespace lockstep::agent::drivers::announce_file {

using apply::AnnounceReport;

apply::AnnounceReport FileAnnouncer::Report() {
  AnnounceReport report;
  Result<std::string> read = fsutil::ReadFile(path_, 4096);
  if (!read.ok()) {
    report.evidence = read.status().message();
    return report;
  }
  std::string text = *std::move(read);
  while (text.ends_with('\n')) text.pop_back();
  report.evidence = path_ + " says " + Quoted(text);
  constexpr std::string_view kWanted = " wanted";
  if (text.ends_with(kWanted)) {
    report.wanted = true;
    text.resize(text.size() - kWanted.size());
  }
  if (text == "announced") report.state = AnnounceReport::State::kAnnounced;
  report.confirmed = text == "withdrawn confirmed";
  if (text == "withdrawn" || report.confirmed) report.state = AnnounceReport::State::kWithdrawn;
  return report;
}

Status FileAnnouncer::Announce() {
  return fsutil::WriteAtomic(path_, "announced\n", {.mode = 0644, .staging_directory = ""});
}

Result<std::string> FileAnnouncer::Want(Wanted wanted, const std::string& reason) {
  const std::string path = path_ + ".wish";
  std::string line = wanted == Wanted::kAnnounced ? "announced" : "withdrawn " + reason;
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  LS_RETURN_IF_ERROR(
      fsutil::WriteAtomic(path, line + "\n", {.mode = 0644, .staging_directory = ""}));
  return path + " says so";
}

}  // namespace lockstep::agent::drivers::announce_file

// What `lockstep` says to scripts: one table, documented in docs/cli.md.
#pragma once

#include <span>
#include <string_view>

#include "common/status/status.h"

namespace lockstep::controller::cli {

enum class ExitCode {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kDeclined = 3,
  kForbidden = 4,
  kNotFound = 5,
  kConflict = 6,
  kUnavailable = 7,
  kDegraded = 8,
};

struct ExitCodeRow {
  ExitCode code;
  std::string_view name;
  std::string_view meaning;
};
// All of them, by number.
std::span<const ExitCodeRow> ExitCodes();

ExitCode ExitCodeOf(const Status& status);

}  // namespace lockstep::controller::cli

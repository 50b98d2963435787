#include "agent/drivers/caddy/version.h"

#include <charconv>

#include "common/base/hostname.h"
#include "common/exec/run.h"

namespace lockstep::agent::drivers::caddy {

std::optional<Version> Version::Parse(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  Version out;
  int* const parts[] = {&out.major, &out.minor, &out.patch};
  for (int i = 0; i < 3; ++i) {
    if (i > 0) {
      if (!text.starts_with('.')) return std::nullopt;
      text.remove_prefix(1);
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *parts[i]);
    if (error != std::errc() || *parts[i] < 0) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
  }
  const bool ended = text.empty() || text.find_first_of(" \n-+") == 0;
  return ended ? std::optional(out) : std::nullopt;
}

std::string Version::ToString() const {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

Result<Version> AskVersion(const std::string& program) {
  exec::Command command;
  command.argv = {program, "version"};
  command.deadline = Seconds(5);
  command.output_cap_bytes = 4096;
  LS_ASSIGN_OR_RETURN(const exec::Finished finished, exec::Run(command));
  if (!finished.Succeeded()) {
    return Unavailable("'" + program + " version' " + finished.Describe());
  }
  const std::optional<Version> version = Version::Parse(finished.out.text);
  if (!version) {
    return Unavailable("'" + program + " version' prints " + Quoted(finished.out.text));
  }
  return *version;
}

bool KeepsOldCertificatesOnHttp3(const std::optional<Version>& version) {
  return !version || *version < Version{2, 7, 0};
}

}  // namespace lockstep::agent::drivers::caddy

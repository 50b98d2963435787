#include "agent/drivers/caddy/take_over.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/fsutil/files.h"

namespace lockstep::agent::drivers::caddy {

Result<std::string> AppsOf(std::string_view config_json) {
  const auto config = nlohmann::json::parse(config_json, nullptr, /*allow_exceptions=*/false);
  if (config.is_null()) return std::string();
  if (!config.is_object()) return DataLoss("caddy shows a config that is no JSON object");
  const auto apps = config.find("apps");
  if (apps == config.end() || apps->is_null()) return std::string();
  if (!apps->is_object()) return DataLoss("caddy shows a config whose apps are no JSON object");
  std::string out;
  for (const auto& [name, app] : apps->items()) out += (out.empty() ? "" : ", ") + name;
  return out;
}

Result<std::string> KeepCopy(const std::string& directory, std::string_view config_json,
                             WallTime now) {
  LS_RETURN_IF_ERROR(fsutil::MakePrivateDirectory(directory));
  std::string time = FormatTime(now);
  std::replace(time.begin(), time.end(), ':', '-');
  std::string path = directory + "/caddy-" + time + ".json";
  LS_RETURN_IF_ERROR(fsutil::WriteAtomic(path, config_json));
  return path;
}

}  // namespace lockstep::agent::drivers::caddy

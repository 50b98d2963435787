#include "common/log/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>

#include "common/base/clock.h"

namespace lockstep::log {
namespace {

spdlog::logger& Logger() {
  // Leaked on purpose: lines may still be written while statics are torn down.
  static auto* logger = [] {
    auto* made = new spdlog::logger("lockstep", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::info);
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *logger;
}

bool IsBase64Url(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// A key authorization is token "." thumbprint; a SHA-256 thumbprint is 43 characters. Looked for
// anywhere in the value, because it would come inside somebody else's words.
bool HoldsKeyAuthorization(std::string_view value) {
  static constexpr size_t kThumbprintCharacters = 43;
  static constexpr size_t kShortestToken = 16;
  for (size_t dot = value.find('.'); dot != std::string_view::npos;
       dot = value.find('.', dot + 1)) {
    const std::string_view after = value.substr(dot + 1);
    const std::string_view before = value.substr(0, dot);
    const auto thumbprint = std::find_if_not(after.begin(), after.end(), IsBase64Url);
    const auto token = std::find_if_not(before.rbegin(), before.rend(), IsBase64Url);
    if (static_cast<size_t>(thumbprint - after.begin()) == kThumbprintCharacters &&
        static_cast<size_t>(token - before.rbegin()) >= kShortestToken) {
      return true;
    }
  }
  return false;
}

void Write(spdlog::level::level_enum level, std::string_view word, std::string_view id,
           Fields fields) {
  auto& logger = Logger();
  if (!logger.should_log(level)) return;
  std::string line = FormatTime(Clock::System().Now());
  line.append(" ").append(word).append(" ").append(id);
  for (const Field& field : fields) {
    line.append(" ").append(field.key).append("=").append(RenderValue(field.value));
  }
  logger.log(level, line);
}

}  // namespace

std::string RenderValue(std::string_view value) {
  if (value.find("PRIVATE KEY-----") != std::string_view::npos || HoldsKeyAuthorization(value)) {
    return "[redacted]";
  }
  std::string out;
  bool quote = value.empty();
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
      quote = true;
    } else if (byte < 0x20 || byte == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
      out += escaped;
      quote = true;
    } else {
      quote = quote || c == ' ' || c == '=';
      out += c;
    }
  }
  return quote ? "\"" + out + "\"" : out;
}

void Configure(Level lowest) {
  static constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                          spdlog::level::warn, spdlog::level::err};
  Logger().set_level(kLevels[static_cast<int>(lowest)]);
}

void Debug(std::string_view id, Fields fields) { Write(spdlog::level::debug, "debug", id, fields); }
void Info(std::string_view id, Fields fields) { Write(spdlog::level::info, "info ", id, fields); }
void Warning(std::string_view id, Fields fields) {
  Write(spdlog::level::warn, "warn ", id, fields);
}
void Error(std::string_view id, Fields fields) { Write(spdlog::level::err, "error", id, fields); }

}  // namespace lockstep::log

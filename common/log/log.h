// One line per fact: `2026-11-21T20:44:09.123Z info  session.hello node=fra1 boot=9f..`.
//
// The first word is a stable message id ("room.what"); the rest are key=value pairs. Values with
// spaces are quoted, control characters escaped. Secrets are never passed here; as a second line of
// defence a PEM private key or `token.thumbprint` inside a value is replaced by "[redacted]".
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "common/status/status.h"

namespace lockstep::log {

enum class Level { kDebug, kInfo, kWarning, kError };

struct Field {
  std::string_view key;
  std::string value;

  Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, const Status& v) : key(k), value(v.ToString()) {}
  template <typename T>
  requires std::is_arithmetic_v<T> Field(std::string_view k, T v)
      : key(k), value(std::to_string(v)) {}
};
using Fields = std::initializer_list<Field>;

// Where lines go (standard error by default) and from which level on. Call once, early in main.
void Configure(Level lowest);

void Debug(std::string_view id, Fields fields = {});
void Info(std::string_view id, Fields fields = {});
void Warning(std::string_view id, Fields fields = {});
void Error(std::string_view id, Fields fields = {});

// What a value looks like in a line; exposed for its test.
std::string RenderValue(std::string_view value);

}  // namespace lockstep::log

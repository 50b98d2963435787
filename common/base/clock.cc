#include "common/base/clock.h"

#include <cstdio>
#include <ctime>

namespace lockstep {
namespace {

class SystemClock final : public Clock {
 public:
  WallTime Now() const override {
    return std::chrono::time_point_cast<Micros>(std::chrono::system_clock::now());
  }
  MonoTime Mono() const override {
    return std::chrono::time_point_cast<Micros>(std::chrono::steady_clock::now());
  }
};

template <typename... Args>
std::string Printf(const char* format, Args... args) {
  char buffer[64];
  const int n = std::snprintf(buffer, sizeof buffer, format, args...);
  return std::string(buffer, static_cast<size_t>(n));
}

}  // namespace

const Clock& Clock::System() {
  static const SystemClock clock;
  return clock;
}

int64_t ToUnixMicros(WallTime time) { return time.time_since_epoch().count(); }
WallTime FromUnixMicros(int64_t micros) { return WallTime(Micros(micros)); }

std::string FormatTime(WallTime time) {
  const int64_t micros = ToUnixMicros(time);
  const int64_t whole = micros >= 0 ? micros / 1'000'000 : (micros - 999'999) / 1'000'000;
  const auto seconds = static_cast<std::time_t>(whole);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char buffer[40];
  const size_t n = std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%S", &utc);
  return std::string(buffer, n) +
         Printf(".%03dZ", static_cast<int>((micros - whole * 1'000'000) / 1000));
}

std::string FormatDuration(Micros duration) {
  const int64_t us = duration.count();
  if (us < 0) return "-" + FormatDuration(-duration);
  const long long s = us / 1'000'000;
  // Cut, never rounded: 59.999 s is not yet a minute.
  if (us < 1000) return Printf("%lld us", static_cast<long long>(us));
  if (us < 1'000'000) return Printf("%lld ms", static_cast<long long>(us / 1000));
  if (s < 60) return Printf("%lld.%02lld s", s, static_cast<long long>(us % 1'000'000 / 10'000));
  if (s < 3600) return Printf("%lld min %02lld s", s / 60, s % 60);
  if (s < 86400) return Printf("%lld h %02lld min", s / 3600, s % 3600 / 60);
  return Printf("%lld d %lld h", s / 86400, s % 86400 / 3600);
}

}  // namespace lockstep

// Time, injected: nothing in Lockstep asks the system for the time but through a Clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace lockstep {

using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::microseconds>;
using Micros = std::chrono::microseconds;
using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

class Clock {
 public:
  virtual ~Clock() = default;
  // What a certificate's notAfter is compared with. May jump.
  virtual WallTime Now() const = 0;
  // What leases, deadlines and back-offs are measured with. Never goes back.
  virtual MonoTime Mono() const = 0;

  // The machine's clock; lives for ever.
  static const Clock& System();
};

// Microseconds since the Unix epoch, UTC: the form of every `*_at` column and proto field.
int64_t ToUnixMicros(WallTime time);
WallTime FromUnixMicros(int64_t micros);

// RFC 3339 in UTC with milliseconds: "2026-11-21T20:44:09.123Z".
std::string FormatTime(WallTime time);

// For people: "850 ms", "2.31 s", "4 min 05 s", "3 h 10 min", "12 d 4 h".
std::string FormatDuration(Micros duration);

}  // namespace lockstep

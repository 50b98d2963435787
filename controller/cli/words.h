// How things are said to a person: times, names, marks. Foreign text cannot drive the terminal.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/repeated_ptr_field.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace lockstep::controller::cli {

WallTime ToTime(const google::protobuf::Timestamp& timestamp);
Micros ToMicros(const google::protobuf::Duration& duration);

// In the machine's time zone: "2026-11-21 20:44:09", "20:44:09.123". "-" for an unset time.
std::string DateTime(const google::protobuf::Timestamp& timestamp);
std::string TimeOfDay(const google::protobuf::Timestamp& timestamp);
// How long ago, in whole seconds: "26 s", "3 min 05 s".
std::string Since(const google::protobuf::Timestamp& timestamp, WallTime now);
// "1 site", "2 sites".
std::string Count(uint64_t number, std::string_view noun);
// "3 min 05 s ago", "in 59 d 3 h", "-" for an unset time.
std::string Relative(const google::protobuf::Timestamp& timestamp, WallTime now);

// "bücher.example (xn--bcher-kva.example)"; anything that is no host name as it stands.
std::string HostName(const std::string& a_label);
std::string HostNames(const google::protobuf::RepeatedPtrField<std::string>& a_labels);
// "www.example.test +9" where there are many.
std::string FirstOf(const google::protobuf::RepeatedPtrField<std::string>& a_labels);

std::string Join(const google::protobuf::RepeatedPtrField<std::string>& words,
                 std::string_view separator = ", ");

// Control characters as \xNN; line feeds stay.
std::string Printable(std::string_view text);
bool IsUtf8(std::string_view text);
// How many columns UTF-8 text takes on a terminal.
size_t DisplayWidth(std::string_view text);

inline constexpr std::string_view kYes = "✓";
inline constexpr std::string_view kNo = "✗";

}  // namespace lockstep::controller::cli

// Protobuf messages as JSON, with the field names of the proto files and all fields present.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace lockstep::controller::cli {

// Indented, with a final line feed; `compact`: on one line, for streams.
std::string ToJson(const google::protobuf::Message& message, bool compact = false);

}  // namespace lockstep::controller::cli

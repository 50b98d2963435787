#include "controller/cli/json.h"

#include <google/protobuf/util/json_util.h>

#include "common/status/status.h"

namespace lockstep::controller::cli {

std::string ToJson(const google::protobuf::Message& message, bool compact) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = !compact;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  LS_CHECK(status.ok());
  if (compact) json += '\n';
  return json;
}

}  // namespace lockstep::controller::cli

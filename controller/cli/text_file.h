// A file that an operator applies.
#pragma once

#include <string>

#include "common/status/status.h"
#include "controller/cli/cli.h"

namespace lockstep::controller::cli {

// As the controller takes it: UTF-8, at most 1 MiB. The file may be a pipe; "-" is standard input.
// `noun`: what it is to be, "site file".
Result<std::string> ReadTextFile(Session& session, const std::string& file,
                                 const std::string& noun);

}  // namespace lockstep::controller::cli

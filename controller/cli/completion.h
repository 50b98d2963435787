// Shell completions, made from the commands themselves, so that they cannot lag behind.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace lockstep::controller::cli {

// `app` is the whole tree of commands.
std::string BashCompletion(const CLI::App& app);
std::string ZshCompletion(const CLI::App& app);

}  // namespace lockstep::controller::cli

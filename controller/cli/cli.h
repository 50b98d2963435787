// The command line: `lockstep <noun> <verb>`. Data goes to `out`, everything else to `err`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "controller/cli/connection.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/json.h"
#include "controller/cli/table.h"

namespace lockstep::controller::cli {

// What every command works with.
class Session {
 public:
  Session(std::istream& input, std::ostream& output, std::ostream& errors, const Clock& a_clock)
      : in(input), out(output), err(errors), clock(a_clock) {}

  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  const Clock& clock;

  // The options that every command has.
  std::string socket = kDefaultSocket;
  bool json = false;
  Style style;

  // What the chosen command does.
  std::function<ExitCode()> action;

  // Made when a command first needs it.
  Connection& connection();
  WallTime now() const { return clock.Now(); }

  // Says what went wrong, on `err`; the exit code for it.
  ExitCode Fail(const Status& status) const;
  // Prints a message as JSON, or calls `render`.
  ExitCode Show(const google::protobuf::Message& message,
                const std::function<void()>& render) const;
  // Runs `show` once, or every two seconds for ever with --watch.
  ExitCode Repeat(bool watch, const std::function<ExitCode()>& show) const;

 private:
  std::optional<Connection> connection_;
};

// "✗ fra1: …", wrapped.
void PrintProblem(const Session& session, const std::string& problem);

// `<noun> list`, for what there is more of than fits a screen: -n and --watch, and `show` with how
// many are wanted.
void AddListOfNewest(CLI::App& noun, Session& session, const std::string& help,
                     std::function<ExitCode(uint32_t)> show);

// The values of Alt-Svc that a node may be sending: "none, then h3=\":443\"; ma=300".
std::string ValuesOf(const v1::AltSvcNode& node);

// One for each noun.
void AddOverview(CLI::App& app, Session& session);
void AddNodes(CLI::App& app, Session& session);
void AddTokens(CLI::App& app, Session& session);
void AddSites(CLI::App& app, Session& session);
void AddPolicy(CLI::App& app, Session& session);
void AddQuicKeys(CLI::App& app, Session& session);
void AddAltSvc(CLI::App& app, Session& session);
void AddLint(CLI::App& app, Session& session);
void AddCertificates(CLI::App& app, Session& session);
void AddOrders(CLI::App& app, Session& session);
void AddGenerations(CLI::App& app, Session& session);
void AddCompletion(CLI::App& app, Session& session);

// The whole tree of commands.
std::unique_ptr<CLI::App> MakeApp(Session& session);

// What main returns.
int Main(int argc, const char* const* argv, std::istream& in, std::ostream& out, std::ostream& err,
         const Clock& clock = Clock::System());

}  // namespace lockstep::controller::cli

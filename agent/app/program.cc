#include "agent/app/program.h"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include "agent/app/agent.h"
#include "agent/app/config.h"
#include "agent/session/enrolling.h"
#include "common/fsutil/files.h"
#include "common/log/log.h"
#include "common/rpc/settings.h"

namespace lockstep::agent::app {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr size_t kMaxTokenBytes = 4096;

int Complain(const Status& status, int code) {
  std::fprintf(stderr, "lockstep-agent: %s\n", status.message().c_str());
  return code;
}

Result<std::string> ReadToken(const std::string& file) {
  if (!file.empty()) return fsutil::ReadSecretFile(file);
  std::string text;
  std::getline(std::cin, text);
  if (text.size() > kMaxTokenBytes) return InvalidArgument("join token is too long");
  return text;
}

int RunEnroll(const Config& config, const std::string& token_file) {
  Result<std::string> text = ReadToken(token_file);
  if (!text.ok()) return Complain(text.status(), kFailed);
  const crypto::Secret secret(std::move(text).value());
  const Result<state::JoinToken> token = state::JoinToken::Parse(secret.Reveal());
  if (!token.ok()) return Complain(token.status(), kFailed);
  const Status directory = fsutil::MakePrivateDirectory(config.state_dir);
  if (!directory.ok()) return Complain(directory, kFailed);
  Result<state::IdentityStore> store = state::IdentityStore::Open(config.state_dir + "/identity");
  if (!store.ok()) return Complain(store.status(), kFailed);
  const Result<state::Identity> identity =
      session::Enroll({config.enroll, config.controller_name}, *token, *store, Clock::System());
  if (!identity.ok()) return Complain(identity.status(), kFailed);
  std::printf("%s\n", identity->node.str().c_str());
  return 0;
}

// Blocked in every thread, so that the main one can wait for them.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

int RunAgent(const Config& config) {
  const sigset_t signals = BlockSignals();
  Result<Surroundings> surroundings = RealSurroundings(config);
  if (!surroundings.ok()) return Complain(surroundings.status(), kFailed);
  Result<std::unique_ptr<Agent>> agent = Agent::Create(config, *std::move(surroundings));
  if (!agent.ok()) return Complain(agent.status(), kFailed);
  const Status started = (*agent)->Start();
  if (!started.ok()) return Complain(started, kFailed);
  int signal = 0;
  sigwait(&signals, &signal);
  log::Info("agent.stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  (*agent)->Stop();
  log::Info("agent.stopped");
  return 0;
}

}  // namespace

int RunProgram(int argc, char** argv) {
  CLI::App app{"Makes this node serve what the fleet's controller wants, and proves it.",
               "lockstep-agent"};
  app.set_version_flag("--version", LOCKSTEP_VERSION);
  app.require_subcommand(1);
  std::string config_path = "/etc/lockstep/agent.toml";
  std::string token_file;
  CLI::App* run = app.add_subcommand("run", "Run the agent until SIGTERM");
  CLI::App* enroll =
      app.add_subcommand("enroll", "Make this machine a node; the join token comes on stdin");
  CLI::App* check = app.add_subcommand("check-config", "Check the configuration, all of it");
  for (CLI::App* command : {run, enroll, check}) {
    command->add_option("--config", config_path, "The configuration file")->capture_default_str();
  }
  enroll->add_option("--token-file", token_file, "A file (0600) with the join token");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }

  log::Configure(log::Level::kInfo);
  rpc::ConfigureProcess();
  Result<Config> config = LoadConfig(config_path);
  if (!config.ok()) return Complain(config.status(), kUsage);
  if (check->parsed()) return 0;
  if (enroll->parsed()) return RunEnroll(*config, token_file);
  return RunAgent(*config);
}

}  // namespace lockstep::agent::app

#include "controller/app/program.h"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "common/log/log.h"
#include "common/rpc/settings.h"
#include "controller/app/config.h"
#include "controller/app/controller.h"
#include "controller/app/version.h"

namespace lockstep::controller::app {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr char kDefaultConfig[] = "/etc/lockstep/controller.toml";

int Complain(const Status& status, int code) {
  std::fprintf(stderr, "lockstep-controller: %s\n", status.message().c_str());
  return code;
}

// Blocked before the first thread is made, so that the main one can wait for them.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

int Run(const Config& config) {
  const sigset_t signals = BlockSignals();
  rpc::ConfigureProcess();
  Controller controller(config);
  const Status started = controller.Start();
  if (!started.ok()) return Complain(started, kFailed);
  int number = 0;
  sigwait(&signals, &number);
  log::Info("app.stopping", {{"signal", number}});
  controller.Stop();
  return 0;
}

int Init(const Config& config) {
  const auto pin = Initialise(config);
  if (!pin.ok()) return Complain(pin.status(), kFailed);
  std::printf("%s is ready; the pin of its CA is %s\n", config.state_dir.c_str(), pin->c_str());
  return 0;
}

int CheckConfig(const std::string& file) {
  std::printf("%s has no errors\n", file.c_str());
  return 0;
}

int BackUpTo(const Config& config, const std::string& to) {
  const Status done = BackUp(config, to);
  if (!done.ok()) return Complain(done, kFailed);
  std::printf("%s\n", to.c_str());
  return 0;
}

int RecoverNow(const Config& config) {
  const Status done = RecoverDatabase(config);
  if (!done.ok()) return Complain(done, kFailed);
  std::printf("recovered: this database is the fleet's again; start the controller\n");
  return 0;
}

}  // namespace

int RunProgram(int argc, char** argv) {
  CLI::App app{
      "lockstep-controller: the one place that decides what every node of the fleet serves"};
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  std::string file = kDefaultConfig;
  std::string backup_to;
  const auto command = [&](const char* name, const char* what) {
    auto* out = app.add_subcommand(name, what);
    out->add_option("--config", file, "configuration file (TOML)")->capture_default_str();
    return out;
  };
  auto* init = command("init", "make the fleet's CA, the key-encryption key and the database");
  auto* run = command("run", "run the controller");
  auto* check = command("check-config", "read the configuration and report every error");
  auto* backup = command("backup", "copy the database; the controller may be running");
  backup->add_option("file", backup_to, "the copy, which must not exist yet")->required();
  auto* recover = command("recover", "declare the database of a stopped controller the right one");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  const auto config = Config::FromFile(file);
  if (!config.ok()) return Complain(config.status(), kUsage);
  if (init->parsed()) return Init(*config);
  if (run->parsed()) return Run(*config);
  if (check->parsed()) return CheckConfig(file);
  if (backup->parsed()) return BackUpTo(*config, backup_to);
  if (recover->parsed()) return RecoverNow(*config);
  return kUsage;
}

}  // namespace lockstep::controller::app

#include "agent/quicd/app/program.h"

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <string>

#include "agent/quicd/app/watchdog.h"
#include "agent/quicd/control/control_server.h"
#include "agent/quicd/loop/loop.h"
#include "agent/quicd/server/server.h"
#include "agent/quicd/upstream/upstream.h"
#include "common/log/log.h"

namespace lockstep::agent::quicd::app {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

struct Options {
  std::string control_socket = "/run/lockstep-quicd/control.sock";
  std::string allow_user;
  int drain_ms = 3000;
};

int Complain(const Status& status, int code) {
  std::fprintf(stderr, "lockstep-quicd: %s\n", status.message().c_str());
  return code;
}

// Ourselves, and the agent's user where one is named.
Result<std::vector<uid_t>> AllowedUids(const Options& options) {
  std::vector<uid_t> uids = {::geteuid()};
  if (options.allow_user.empty()) return uids;
  errno = 0;
  const passwd* entry = ::getpwnam(options.allow_user.c_str());  // before there are threads
  if (entry == nullptr) return NotFound("there is no user " + options.allow_user);
  uids.push_back(entry->pw_uid);
  return uids;
}

Result<Fd> SignalDescriptor() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  Fd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return FromErrno(errno, "making a signal descriptor");
  return fd;
}

// Serves until a signal; the first drains, a second ends it at once.
Status Serve(const Options& options) {
  LS_ASSIGN_OR_RETURN(const Fd signals, SignalDescriptor());
  LS_ASSIGN_OR_RETURN(std::vector<uid_t> uids, AllowedUids(options));
  LS_ASSIGN_OR_RETURN(const std::unique_ptr<loop::Loop> loop, loop::Loop::Create());
  server::Server server(*loop, [](loop::Loop& on, upstream::Settings settings) {
    return upstream::Upstream::Create(on, std::move(settings));
  });
  LS_ASSIGN_OR_RETURN(const std::unique_ptr<control::ControlServer> control,
                      control::ControlServer::Open(
                          *loop, server, {options.control_socket, uids, LOCKSTEP_VERSION}));
  bool stopping = false;
  LS_RETURN_IF_ERROR(loop->Watch(signals.get(), EPOLLIN, [&](uint32_t) {
    signalfd_siginfo info{};
    if (::read(signals.get(), &info, sizeof(info)) != sizeof(info)) return;
    log::Info("quicd.stopping", {{"signal", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT"}});
    if (std::exchange(stopping, true)) return loop->Stop();
    server.Drain(Millis(options.drain_ms), [&] { loop->Stop(); });
  }));
  LS_ASSIGN_OR_RETURN(const std::unique_ptr<Watchdog> watchdog, Watchdog::FromEnvironment(*loop));
  log::Info("quicd.start", {{"version", LOCKSTEP_VERSION}, {"control", options.control_socket}});
  loop->Run();
  log::Info("quicd.stopped");
  return Status::Ok();
}

}  // namespace

int RunProgram(int argc, char** argv) {
  CLI::App app{
      "Serves HTTP/3 on the service addresses, in front of the local Caddy. What it serves, the "
      "agent tells it over the control socket.",
      "lockstep-quicd"};
  Options options;
  app.set_version_flag("--version", LOCKSTEP_VERSION);
  app.add_option("--control-socket", options.control_socket, "Where the agent reaches it")
      ->capture_default_str();
  app.add_option("--allow-user", options.allow_user,
                 "Whose processes may configure it, beside its own user's");
  app.add_option("--drain-ms", options.drain_ms,
                 "How long open connections may take to finish after SIGTERM")
      ->check(CLI::Range(0, 600000))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  log::Configure(log::Level::kInfo);
  const Status served = Serve(options);
  return served.ok() ? 0 : Complain(served, kFailed);
}

}  // namespace lockstep::agent::quicd::app

#include "common/exec/keeper.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace lockstep::exec {
namespace {

constexpr int kProgramNotStarted = 127;

void Tell(int control, const Report& report) {
  // If this fails nobody is left to be told.
  [[maybe_unused]] const ssize_t sent = ::send(control, &report, sizeof report, MSG_NOSIGNAL);
}

void CloseRange(int first, int last, unsigned int flags) {
  if (first <= last) {
    ::syscall(SYS_close_range, static_cast<unsigned int>(first), static_cast<unsigned int>(last),
              flags);
  }
}

constexpr int kLastDescriptor = 0x7fffffff;

// --- the program's side, until it becomes the program ---

[[noreturn]] void Fail(int control, Report::Step step) {
  Tell(control, {.kind = Report::Kind::kNotStarted, .step = step, .error = errno});
  ::_exit(kProgramNotStarted);
}

// Each descriptor under its number; all others go at exec. Sources are first copied above all
// targets, so that no move overwrites the source of another. Returns where control is now.
int ArrangeDescriptors(const KeeperPlan& plan) {
  const int above = plan.moves[plan.move_count - 1].to + 1;
  const int control = ::fcntl(plan.control, F_DUPFD_CLOEXEC, above);
  if (control < 0) Fail(plan.control, Report::Step::kDescriptors);
  for (size_t i = 0; i < plan.move_count; ++i) {
    plan.moves[i].from = ::fcntl(plan.moves[i].from, F_DUPFD_CLOEXEC, above);
    if (plan.moves[i].from < 0) Fail(control, Report::Step::kDescriptors);
  }
  int next = 0;
  for (size_t i = 0; i < plan.move_count; ++i) {
    const FdMove& move = plan.moves[i];
    if (::dup2(move.from, move.to) < 0) Fail(control, Report::Step::kDescriptors);
    CloseRange(next, move.to - 1, CLOSE_RANGE_CLOEXEC);
    next = move.to + 1;
  }
  CloseRange(next, kLastDescriptor, CLOSE_RANGE_CLOEXEC);
  return control;
}

void ResetSignals() {
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void BecomeProgram(const KeeperPlan& plan, pid_t keeper) {
  // A session of its own is also a process group of its own, and has no terminal to ask questions
  // on.
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != keeper) ::_exit(kProgramNotStarted);  // the keeper died before the line above
  const rlimit no_core = {0, 0};                           // memory may hold keys
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::umask(plan.umask);
  const int control = ArrangeDescriptors(plan);
  if (::chdir(plan.working_directory) != 0) Fail(control, Report::Step::kDirectory);
  ResetSignals();
  ::execve(plan.path, plan.argv, plan.environment);
  Fail(control, Report::Step::kExec);
}

// --- the keeper's side ---

void SignalGroup(pid_t group, int number) {
  // The group appears with the child's setsid; before that there is the child alone.
  if (::kill(-group, number) != 0) ::kill(group, number);
}

enum class Children { kNone, kDying, kUnknown };

// Kills our children: descendants whose parents died come to us.
Children KillChildren() {
  const int file = ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  if (file < 0) return Children::kUnknown;
  Children children = Children::kNone;
  pid_t pid = 0;
  char buffer[256];
  ssize_t count = 0;
  while ((count = ::read(file, buffer, sizeof buffer)) > 0) {
    for (ssize_t i = 0; i < count; ++i) {
      if (buffer[i] >= '0' && buffer[i] <= '9') {
        pid = pid * 10 + (buffer[i] - '0');
      } else if (pid != 0) {
        // One that became another user's is not ours to kill, nor to wait for.
        if (::kill(pid, SIGKILL) == 0) children = Children::kDying;
        pid = 0;
      }
    }
  }
  ::close(file);
  return children;
}

// Kills and reaps all that is left of the program; returns its wait status. The program is a zombie
// until it is reaped here, so the group's number cannot have gone to somebody else.
int EndEverything(pid_t program) {
  int program_status = 0;
  SignalGroup(program, SIGKILL);
  while (true) {
    const Children children = KillChildren();
    // Without /proc there is still the group, whose members are all dying.
    const pid_t whom = children == Children::kUnknown ? -program : -1;
    int status = 0;
    const pid_t reaped =
        ::waitpid(whom, &status, __WALL | (children == Children::kNone ? WNOHANG : 0));
    if (reaped == program) program_status = status;
    if (reaped == 0 || (reaped < 0 && errno != EINTR)) return program_status;
  }
}

// Carries out orders until the program ends or we are gone.
void Keep(int control, pid_t program) {
  const int program_fd = static_cast<int>(::syscall(SYS_pidfd_open, program, 0));
  pollfd waits[] = {{.fd = control, .events = POLLIN, .revents = 0},
                    {.fd = program_fd, .events = POLLIN, .revents = 0}};
  while (program_fd >= 0) {
    if (::poll(waits, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (waits[1].revents != 0) return;
    char order = 0;
    if (::recv(control, &order, 1, 0) <= 0) return;
    if (order == kKillGroup) return;
    SignalGroup(program, SIGTERM);
  }
}

}  // namespace

pid_t ForkQuietly() {
#ifdef __SANITIZE_THREAD__
  return ::fork();  // only this one knows ThreadSanitizer's own locks
#else
  return ::_Fork();
#endif
}

void RunKeeper(const KeeperPlan& plan) {
  ::prctl(PR_SET_NAME, "lockstep-keeper");
  ::prctl(PR_SET_DUMPABLE, 0);  // a copy of our memory: nobody reads it
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t keeper = ::getpid();
  const pid_t program = ForkQuietly();
  if (program == 0) BecomeProgram(plan, keeper);
  if (program < 0) Fail(plan.control, Report::Step::kFork);

  CloseRange(0, plan.control - 1, 0);
  CloseRange(plan.control + 1, kLastDescriptor, 0);
  Keep(plan.control, program);
  const int status = EndEverything(program);
  Tell(plan.control, {.kind = Report::Kind::kEnded, .wait_status = status});
  ::_exit(0);
}

}  // namespace lockstep::exec

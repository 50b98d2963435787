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

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace lockstep::exec {
namespace {

constexpr char kName[] = "lockstep-keeper";
constexpr int kProgramNotStarted = 127;
constexpr int kMisunderstood = 126;
constexpr int kFixedWords = 5;  // before the program's own

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
  const int above =
      std::max(plan.targets.back(), plan.control + static_cast<int>(plan.targets.size())) + 1;
  const int control = ::fcntl(plan.control, F_DUPFD_CLOEXEC, above);
  if (control < 0) Fail(plan.control, Report::Step::kDescriptors);
  std::vector<int> sources;
  for (size_t i = 0; i < plan.targets.size(); ++i) {
    const int given = plan.control + 1 + static_cast<int>(i);
    sources.push_back(::fcntl(given, F_DUPFD_CLOEXEC, above));
    if (sources.back() < 0) Fail(control, Report::Step::kDescriptors);
  }
  int next = 0;
  for (size_t i = 0; i < plan.targets.size(); ++i) {
    const int target = plan.targets[i];
    if (::dup2(sources[i], target) < 0) Fail(control, Report::Step::kDescriptors);
    CloseRange(next, target - 1, CLOSE_RANGE_CLOEXEC);
    next = target + 1;
  }
  CloseRange(next, kLastDescriptor, CLOSE_RANGE_CLOEXEC);
  return control;
}

// By the system call: glibc keeps two numbers for itself, which posix_spawn leaves ignored.
void ResetSignals() {
  constexpr size_t kSetBytes = 8;               // of the kernel's sigset_t
  const std::array<uint64_t, 4> standard = {};  // the kernel's struct sigaction: SIG_DFL
  for (int number = 1; number < NSIG; ++number) {
    ::syscall(SYS_rt_sigaction, number, standard.data(), nullptr, kSetBytes);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void BecomeProgram(const KeeperPlan& plan, char** argv, char** environment,
                                pid_t keeper) {
  // A session of its own is also a process group of its own, and has no terminal to ask questions
  // on.
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != keeper) ::_exit(kProgramNotStarted);  // the keeper died before the line above
  const rlimit no_core = {0, 0};                           // memory may hold keys
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::umask(plan.umask);
  const int control = ArrangeDescriptors(plan);
  if (::chdir(plan.working_directory.c_str()) != 0) Fail(control, Report::Step::kDirectory);
  ResetSignals();
  ::execve(argv[0], argv, environment);
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

[[noreturn]] void RunKeeper(const KeeperPlan& plan, char** argv, char** environment) {
  ::prctl(PR_SET_NAME, kName);
  ::prctl(PR_SET_DUMPABLE, 0);  // it holds the program's descriptors: nobody looks into it
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t keeper = ::getpid();
  const pid_t program = ::fork();
  if (program == 0) BecomeProgram(plan, argv, environment, keeper);
  if (program < 0) Fail(plan.control, Report::Step::kFork);

  CloseRange(0, plan.control - 1, 0);
  CloseRange(plan.control + 1, kLastDescriptor, 0);
  Keep(plan.control, program);
  const int status = EndEverything(program);
  Tell(plan.control, {.kind = Report::Kind::kEnded, .wait_status = status});
  ::_exit(0);
}

std::vector<int> ReadNumbers(const char* text) {
  std::vector<int> numbers;
  for (char* end = nullptr; *text != '\0'; text = *end == ',' ? end + 1 : end) {
    numbers.push_back(static_cast<int>(std::strtol(text, &end, 10)));
    if (end == text) ::_exit(kMisunderstood);
  }
  return numbers;
}

// glibc hands constructors what main gets. No thread runs yet, and nothing of the program.
[[gnu::constructor]] void BecomeKeeperIfNamed(int argc, char** argv, char** environment) {
  if (argc < 1 || std::strcmp(argv[0], kName) != 0) return;
  if (argc <= kFixedWords) ::_exit(kMisunderstood);
  KeeperPlan plan;
  const std::vector<int> control = ReadNumbers(argv[1]);
  if (control.size() != 1) ::_exit(kMisunderstood);
  plan.control = control.front();
  plan.targets = ReadNumbers(argv[2]);
  plan.umask = static_cast<mode_t>(std::strtoul(argv[3], nullptr, 8));
  plan.working_directory = argv[4];
  if (plan.control < 3 || plan.targets.size() < 3) ::_exit(kMisunderstood);
  RunKeeper(plan, argv + kFixedWords, environment);
}

}  // namespace

std::vector<std::string> WordsOf(const KeeperPlan& plan) {
  std::string targets;
  for (const int target : plan.targets) {
    targets += (targets.empty() ? "" : ",") + std::to_string(target);
  }
  char octal[16];
  std::snprintf(octal, sizeof octal, "%o", static_cast<unsigned int>(plan.umask));
  std::vector<std::string> words = {kName, std::to_string(plan.control), std::move(targets), octal,
                                    plan.working_directory};
  words.insert(words.end(), plan.argv.begin(), plan.argv.end());
  return words;
}

}  // namespace lockstep::exec

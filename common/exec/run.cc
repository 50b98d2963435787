#include "common/exec/run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "common/base/fd.h"
#include "common/base/hostname.h"
#include "common/exec/capped_output.h"
#include "common/exec/keeper.h"

namespace lockstep::exec {
namespace {

Status Check(const Command& command) {
  const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  if (command.argv.empty()) return InvalidArgument("command has no words");
  if (!command.argv[0].starts_with('/')) {
    return InvalidArgument("program " + Quoted(command.argv[0]) + " is not an absolute path");
  }
  if (!command.working_directory.starts_with('/')) {
    return InvalidArgument("working directory " + Quoted(command.working_directory) +
                           " is not an absolute path");
  }
  if (has_nul(command.working_directory) || std::ranges::any_of(command.argv, has_nul)) {
    return InvalidArgument("command for " + Quoted(command.argv[0]) + " holds a NUL byte");
  }
  for (const auto& [name, value] : command.environment) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name) || has_nul(value)) {
      return InvalidArgument("environment variable " + Quoted(name) + " cannot be passed on");
    }
  }
  std::set<int> numbers;
  for (const InheritedFd& fd : command.inherited) {
    if (fd.fd < 0 || fd.child_number < 3 || fd.child_number > 1023 ||
        !numbers.insert(fd.child_number).second) {
      return InvalidArgument("inherited descriptor for child number " +
                             std::to_string(fd.child_number) +
                             " must be open, between 3 and 1023, and given once");
    }
  }
  if (command.deadline <= Micros(0)) {
    return InvalidArgument("command for " + Quoted(command.argv[0]) + " has no deadline");
  }
  return Status::Ok();
}

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return FromErrno(errno, "pipe");
  Pipe pipe{Fd(ends[0]), Fd(ends[1])};
  ::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK);  // our end only; theirs stays blocking
  return pipe;
}

// The child's whole input in memory: unlike a pipe it needs nobody to feed it, and a child that
// does not read it is no error.
Result<Fd> MakeInput(const std::string& text) {
  Fd fd(::memfd_create("lockstep-stdin", MFD_CLOEXEC));
  if (!fd.valid()) return FromErrno(errno, "memfd_create");
  for (size_t done = 0; done < text.size();) {
    const ssize_t count = ::write(fd.get(), text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR) return FromErrno(errno, "input of the child");
    if (count > 0) done += static_cast<size_t>(count);
  }
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Copies of ours far above what a keeper gets, so that none is overwritten by another's number.
Result<std::vector<Fd>> CopiesAbove(int lowest, const std::vector<int>& descriptors) {
  std::vector<Fd> copies;
  for (const int descriptor : descriptors) {
    copies.emplace_back(::fcntl(descriptor, F_DUPFD_CLOEXEC, lowest));
    if (!copies.back().valid()) return FromErrno(errno, "copying a descriptor for a child");
  }
  return copies;
}

class SpawnSettings {
 public:
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    // The keeper must not die of a Ctrl-C meant for us: all stays blocked in it. The program
    // unblocks.
    sigset_t all;
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

// This program once more, as the keeper of `command`. posix_spawn shares our memory until the exec,
// where a fork would copy it page by page.
Result<pid_t> SpawnKeeper(const Command& command, const Fd& control,
                          std::vector<InheritedFd> given) {
  std::ranges::sort(given, {}, &InheritedFd::child_number);
  KeeperPlan plan;
  std::vector<int> sources = {control.get()};
  for (const InheritedFd& fd : given) {
    plan.targets.push_back(fd.child_number);
    sources.push_back(fd.fd);
  }
  plan.control = plan.targets.back() + 1;
  plan.umask = command.umask;
  plan.working_directory = command.working_directory;
  plan.argv = command.argv;
  const int beyond = plan.control + static_cast<int>(sources.size());
  LS_ASSIGN_OR_RETURN(const std::vector<Fd> copies, CopiesAbove(beyond, sources));

  SpawnSettings settings;
  int error = 0;
  for (size_t i = 0; i < copies.size() && error == 0; ++i) {
    error = ::posix_spawn_file_actions_adddup2(&settings.actions, copies[i].get(),
                                               plan.control + static_cast<int>(i));
  }
  if (error == 0) error = ::posix_spawn_file_actions_addclosefrom_np(&settings.actions, beyond);
  std::vector<std::string> words = WordsOf(plan);
  std::vector<std::string> variables;
  for (const auto& [name, value] : command.environment) {
    variables.emplace_back(name).append("=").append(value);
  }
  pid_t keeper = -1;
  if (error == 0) {
    error = ::posix_spawn(&keeper, "/proc/self/exe", &settings.actions, &settings.attributes,
                          Pointers(words).data(), Pointers(variables).data());
  }
  if (error != 0) return FromErrno(error, "starting a keeper for " + Quoted(command.argv[0]));
  return keeper;
}

// A child under way: from the start to the last reaped descendant.
class Child {
 public:
  // Starts the keeper.
  static Result<Child> Start(const Command& command);
  Child(Child&& other) noexcept
      : keeper_(std::exchange(other.keeper_, -1)),
        control_(std::move(other.control_)),
        out_(std::move(other.out_)),
        err_(std::move(other.err_)) {}
  ~Child();

  // Collects output and reports until the program has ended and its output is read.
  Result<Finished> Wait(const Command& command, std::stop_token stop);

 private:
  Child() = default;
  void Order(char order) const {
    [[maybe_unused]] const ssize_t sent = ::send(control_.get(), &order, 1, MSG_NOSIGNAL);
  }
  // Reads what is there; closes the end at end of file.
  static void Drain(Fd& from, CappedOutput& into);
  // True once there will be no more reports.
  bool ReadReport();
  Status StartError(const Command& command) const;

  pid_t keeper_ = -1;
  Fd control_;
  Fd out_;
  Fd err_;
  std::optional<Report> not_started_;
  std::optional<int> wait_status_;
};

Result<Child> Child::Start(const Command& command) {
  LS_ASSIGN_OR_RETURN(Fd input, MakeInput(command.stdin_text));
  LS_ASSIGN_OR_RETURN(Pipe out, MakePipe());
  LS_ASSIGN_OR_RETURN(Pipe err, MakePipe());
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return FromErrno(errno, "socketpair");
  }
  Child child;
  child.control_ = Fd(ends[0]);
  const Fd keeper_end(ends[1]);

  std::vector<InheritedFd> given = {{input.get(), STDIN_FILENO},
                                    {out.write.get(), STDOUT_FILENO},
                                    {err.write.get(), STDERR_FILENO}};
  given.insert(given.end(), command.inherited.begin(), command.inherited.end());
  LS_ASSIGN_OR_RETURN(child.keeper_, SpawnKeeper(command, keeper_end, std::move(given)));
  child.out_ = std::move(out.read);
  child.err_ = std::move(err.read);
  return child;
}

Child::~Child() {
  control_.Reset();  // the keeper ends everything now, if it has not yet
  if (keeper_ <= 0) return;
  while (::waitpid(keeper_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Child::Drain(Fd& from, CappedOutput& into) {
  std::array<char, 16384> buffer;
  while (from.valid()) {
    const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
    if (count > 0) {
      into.Append({buffer.data(), static_cast<size_t>(count)});
    } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
      from.Reset();
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

bool Child::ReadReport() {
  Report report;
  ssize_t count = 0;
  do {
    count = ::recv(control_.get(), &report, sizeof report, 0);
  } while (count < 0 && errno == EINTR);
  if (count != sizeof report) return true;
  if (report.kind == Report::Kind::kNotStarted) {
    not_started_ = report;
    return false;  // the keeper still says when it has reaped
  }
  wait_status_ = report.wait_status;
  return true;
}

Status Child::StartError(const Command& command) const {
  switch (not_started_->step) {
    case Report::Step::kFork:
      return FromErrno(not_started_->error, "fork for " + Quoted(command.argv[0]));
    case Report::Step::kDescriptors:
      return FromErrno(not_started_->error, "descriptors for " + Quoted(command.argv[0]));
    case Report::Step::kDirectory:
      return FromErrno(not_started_->error,
                       "working directory " + Quoted(command.working_directory));
    case Report::Step::kExec:
      break;
  }
  return FromErrno(not_started_->error, "program " + Quoted(command.argv[0]));
}

Result<Finished> Child::Wait(const Command& command, std::stop_token stop) {
  const Clock& clock = Clock::System();
  const MonoTime started = clock.Mono();
  CappedOutput out(command.output_cap_bytes);
  CappedOutput err(command.output_cap_bytes);
  Finished finished;

  const Fd stop_event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_event.valid()) return FromErrno(errno, "eventfd");
  const std::stop_callback wake(stop, [&] { ::eventfd_write(stop_event.get(), 1); });

  // What happens when the clock reaches `next`: first TERM, then KILL, then nothing more.
  MonoTime next = started + command.deadline;
  bool terminated = false;
  bool killed = false;
  for (bool ended = false; !ended;) {
    std::array<pollfd, 4> waits = {{{control_.get(), POLLIN, 0},
                                    {out_.get(), POLLIN, 0},
                                    {err_.get(), POLLIN, 0},
                                    {terminated ? -1 : stop_event.get(), POLLIN, 0}}};
    const auto left = std::chrono::ceil<Millis>(next - clock.Mono()).count();
    const int timeout = killed ? -1 : static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30));
    if (::poll(waits.data(), waits.size(), timeout) < 0 && errno != EINTR) {
      return FromErrno(errno, "poll");
    }
    Drain(out_, out);
    Drain(err_, err);
    if (waits[0].revents != 0) ended = ReadReport();
    if (ended) break;
    if (!terminated && (stop.stop_requested() || clock.Mono() >= next)) {
      finished.cancelled = stop.stop_requested();
      finished.timed_out = !finished.cancelled;
      terminated = true;
      next = clock.Mono() + command.grace;
      Order(kTerminateGroup);
    }
    if (terminated && !killed && clock.Mono() >= next) {
      killed = true;
      Order(kKillGroup);
    }
  }
  if (not_started_) return StartError(command);
  if (!wait_status_) {
    return Unavailable("keeper of " + Quoted(command.argv[0]) + " was killed, the program with it");
  }
  Drain(out_, out);  // nobody writes any more
  Drain(err_, err);
  if (WIFEXITED(*wait_status_)) {
    finished.exit_code = WEXITSTATUS(*wait_status_);
  } else {
    finished.signal = WTERMSIG(*wait_status_);
  }
  finished.out = {.text = out.Text(), .left_out_bytes = out.left_out_bytes()};
  finished.err = {.text = err.Text(), .left_out_bytes = err.left_out_bytes()};
  finished.elapsed = clock.Mono() - started;
  return finished;
}

}  // namespace

std::string Finished::Describe() const {
  if (timed_out) return "did not end in time and was stopped after " + FormatDuration(elapsed);
  if (cancelled) return "was stopped on request";
  if (exit_code) return "exited with " + std::to_string(*exit_code);
  const char* name = ::sigabbrev_np(signal);
  return "was killed by " + (name ? "SIG" + std::string(name) : "signal " + std::to_string(signal));
}

Result<Finished> Run(const Command& command, std::stop_token stop) {
  LS_RETURN_IF_ERROR(Check(command));
  if (stop.stop_requested()) return Cancelled(Quoted(command.argv[0]) + " was not started");
  LS_ASSIGN_OR_RETURN(Child child, Child::Start(command));
  return child.Wait(command, stop);
}

}  // namespace lockstep::exec

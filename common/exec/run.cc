#include "common/exec/run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
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

// A child under way: from the fork to the last reaped descendant.
class Child {
 public:
  // Forks the keeper.
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

  // All memory that the keeper and the child use is made ready here.
  std::vector<std::string> words = command.argv;
  std::vector<std::string> variables;
  for (const auto& [name, value] : command.environment) {
    variables.emplace_back(name).append("=").append(value);
  }
  const std::vector<char*> argv = Pointers(words);
  const std::vector<char*> environment = Pointers(variables);
  std::vector<FdMove> moves = {{input.get(), STDIN_FILENO},
                               {out.write.get(), STDOUT_FILENO},
                               {err.write.get(), STDERR_FILENO}};
  for (const InheritedFd& fd : command.inherited) moves.push_back({fd.fd, fd.child_number});
  std::ranges::sort(moves, {}, &FdMove::to);
  const KeeperPlan plan = {.path = words[0].c_str(),
                           .argv = argv.data(),
                           .environment = environment.data(),
                           .working_directory = command.working_directory.c_str(),
                           .umask = command.umask,
                           .moves = moves.data(),
                           .move_count = moves.size(),
                           .control = keeper_end.get()};

  // The keeper must not die of a Ctrl-C meant for us, nor run our handlers.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const int our_end = child.control_.get();
  const pid_t pid = ForkQuietly();
  if (pid == 0) {
    ::close(our_end);
    RunKeeper(plan);
  }
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return FromErrno(error, "fork for " + Quoted(command.argv[0]));
  child.keeper_ = pid;
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

// The keeper: the process between us and the program (run.h says why there is one).
//
// Everything here runs after a fork of a process with many threads, so it calls async-signal-safe
// functions only and allocates nothing: the caller prepares all arrays.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace lockstep::exec {

struct FdMove {
  int from = -1;
  int to = -1;
};

struct KeeperPlan {
  const char* path = nullptr;
  char* const* argv = nullptr;
  char* const* environment = nullptr;
  const char* working_directory = nullptr;
  mode_t umask = 0077;
  FdMove* moves = nullptr;  // sorted by `to`; 0, 1 and 2 are among them; overwritten by the child
  size_t move_count = 0;
  int control = -1;  // SOCK_SEQPACKET: requests in, reports out; end of file means "we are gone"
};

// Orders to the keeper, one byte each.
inline constexpr char kTerminateGroup = 'T';
inline constexpr char kKillGroup = 'K';

// What the keeper, or the child before it became the program, tells.
struct Report {
  enum class Kind { kNotStarted, kEnded } kind = Kind::kEnded;
  enum class Step { kFork, kDescriptors, kDirectory, kExec } step = Step::kFork;
  int error = 0;        // errno of a step that failed
  int wait_status = 0;  // of the program, as waitpid gives it
};

// A fork without fork handlers: gRPC's must not run for our children.
pid_t ForkQuietly();

// Starts the program, keeps it, and ends this process.
[[noreturn]] void RunKeeper(const KeeperPlan& plan);

}  // namespace lockstep::exec

// The keeper: the process between us and the program (run.h says why there is one).
//
// It is this same program, started again under another name: what links this room becomes a keeper
// before its main when it is called so. A plain fork would keep a copy of all our memory for as
// long as the program runs, and every page that we write meanwhile would first be copied (measured:
// an order of a controller with 1,000 nodes took 3 s instead of 0.3 s).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace lockstep::exec {

// What a keeper is told, by its words. Its descriptors: `control` (SOCK_SEQPACKET: requests in,
// reports out; end of file means "we are gone"), and behind it what the program gets as `targets`,
// in their order. Its environment is the program's.
struct KeeperPlan {
  int control = -1;
  std::vector<int> targets;  // ascending; 0, 1 and 2 are among them
  mode_t umask = 0077;
  std::string working_directory;
  std::vector<std::string> argv;  // the program and its words
};

// argv of the keeper's process.
std::vector<std::string> WordsOf(const KeeperPlan& plan);

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

}  // namespace lockstep::exec

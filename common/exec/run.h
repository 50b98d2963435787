// Running a child process that cannot outlive us, block us, flood us or inherit from us.
//
// Between us and the program sits a keeper: a process of ours (keeper.h) that owns the program's
// process group, adopts every descendant (PR_SET_CHILD_SUBREAPER) and holds one end of a socket.
// When that socket closes, because Run is done with it or because our whole process was killed, the
// keeper kills everything that is left, reaps it and exits. PR_SET_PDEATHSIG alone would not do: it
// reaches the direct child only, and it fires when the *thread* that forked ends, not the process.
// The program itself does carry it, towards its keeper, which has one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/status/status.h"

namespace lockstep::exec {

// A descriptor of ours that the child gets under `child_number` (3 or above).
struct InheritedFd {
  int fd = -1;
  int child_number = -1;
};

struct Command {
  // The program and its words; no shell. argv[0] is an absolute path.
  std::vector<std::string> argv = {};
  // The whole environment; nothing of ours is passed on.
  std::map<std::string, std::string> environment = {};
  // Absolute; "/" by default.
  std::string working_directory = "/";
  // What the child reads from descriptor 0 before end of file.
  std::string stdin_text = {};
  std::vector<InheritedFd> inherited = {};
  // From the start to the first signal. Required.
  Micros deadline{0};
  // How long the group may take between TERM and KILL; 0 kills at once.
  Micros grace = Seconds(2);
  // Per stream; beyond it the head and the tail are kept and the middle is left out.
  size_t output_cap_bytes = size_t{256} << 10;
  mode_t umask = 0077;
};

// What a child wrote to one stream.
struct Output {
  // At most the cap, plus one line "[... N bytes left out ...]" where the middle is missing.
  std::string text = {};
  uint64_t left_out_bytes = 0;
};

struct Finished {
  std::optional<int> exit_code = {};  // set if the program ended by itself
  int signal = 0;                     // else the signal that ended it
  Output out = {};
  Output err = {};
  bool timed_out = false;  // the deadline passed before it ended
  bool cancelled = false;  // the stop token asked before it ended
  Micros elapsed{0};

  bool Succeeded() const { return exit_code == 0 && !timed_out && !cancelled; }
  // "exited with 1", "was killed by SIGSEGV", "did not end in time and was stopped after 30.0 s".
  std::string Describe() const;
};

// Runs the program and waits for its end. Blocks the calling thread: use a worker. When it returns,
// no process that the program started is left, not even one that made a session of its own.
//
// A program that could not be started is an error (NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT
// for a malformed command, CANCELLED if the token had asked before, RESOURCE_EXHAUSTED or
// UNAVAILABLE when we cannot fork). One that started is a Finished, however it ended. On the
// deadline or a stop request: TERM to the group, KILL after `grace`.
Result<Finished> Run(const Command& command, std::stop_token stop = {});

}  // namespace lockstep::exec

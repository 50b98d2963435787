// Pushers: the threads on which writes begin.
//
// StartWrite frames, encrypts and sends on the calling thread (measured: 28-35 µs per agent), so a
// broadcast must not run on the state strand, and gets faster by being shared out: with two
// threads, the last ACK of 1,000 agents came after 19 instead of 29 ms.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace lockstep::controller::session {

class Session;

class Pushers {
 public:
  explicit Pushers(size_t threads);
  ~Pushers();  // Stop()

  // The session's Pump() is called soon, on the thread that its number is assigned to.
  void Schedule(std::shared_ptr<Session> session);
  // Drops what is scheduled; joins. Idempotent.
  void Stop();

 private:
  struct Shard {
    std::mutex mutex;
    std::condition_variable wake;
    std::vector<std::shared_ptr<Session>> waiting;  // guarded by mutex
    bool stopping = false;                          // guarded by mutex
    std::thread thread;
  };
  static void Loop(Shard& shard);

  std::deque<Shard> shards_;
};

}  // namespace lockstep::controller::session

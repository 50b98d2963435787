// One round of a benchmark: everybody is sent something, everybody answers.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

#include "common/base/clock.h"

namespace lockstep::bench {

// Any thread.
class RoundMeter {
 public:
  // Answers for `key` count from now on, until `expected` of them have come.
  void Begin(uint64_t key, uint64_t expected);
  void OnAnswer(uint64_t key);
  // After all was handed to the transport.
  void Issued();
  // `{"acks":N,"issue_us":N,"first_us":N,"last_us":N}`; last_us is -1 if `limit` passed before.
  std::string Finish(std::chrono::seconds limit);

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  uint64_t key_ = 0;  // guarded by mutex_, as all below
  uint64_t expected_ = 0;
  uint64_t answers_ = 0;
  MonoTime begun_;
  MonoTime issued_;
  MonoTime first_;
  MonoTime last_;
};

}  // namespace lockstep::bench

#include "tests/bench/round_meter.h"

namespace lockstep::bench {

void RoundMeter::Begin(uint64_t key, uint64_t expected) {
  const std::lock_guard lock(mutex_);
  key_ = key;
  expected_ = expected;
  answers_ = 0;
  begun_ = Clock::System().Mono();
  issued_ = first_ = last_ = begun_;
}

void RoundMeter::Issued() {
  const std::lock_guard lock(mutex_);
  issued_ = Clock::System().Mono();
}

void RoundMeter::OnAnswer(uint64_t key) {
  const std::lock_guard lock(mutex_);
  if (key != key_) return;
  ++answers_;
  if (answers_ == 1) first_ = Clock::System().Mono();
  if (answers_ != expected_) return;
  last_ = Clock::System().Mono();
  done_.notify_all();
}

std::string RoundMeter::Finish(std::chrono::seconds limit) {
  std::unique_lock lock(mutex_);
  const bool complete = done_.wait_for(lock, limit, [this] { return answers_ >= expected_; });
  const auto since = [this](MonoTime time) { return std::to_string((time - begun_).count()); };
  return "{\"acks\":" + std::to_string(answers_) + ",\"issue_us\":" + since(issued_) +
         ",\"first_us\":" + since(first_) + ",\"last_us\":" + (complete ? since(last_) : "-1") +
         "}";
}

}  // namespace lockstep::bench

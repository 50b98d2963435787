#include "common/task/strand.h"

#include <pthread.h>

#include <future>

#include "common/status/status.h"

namespace lockstep::task {

Strand::Strand(std::string name, const Clock& clock) : clock_(clock) {
  thread_ = std::thread([this] { Loop(); });
  pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
}

Strand::~Strand() { Stop(); }

// Dropped work is destroyed outside the lock everywhere below: what a capture's destructor does is
// not ours to know, and it may come back here.

bool Strand::Enqueue(Work& work) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
  return true;
}

void Strand::Post(Work work) { (void)Enqueue(work); }

TimerId Strand::PostAfter(Micros delay, Work work) {
  TimerId id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return 0;
    id = next_timer_++;
    const MonoTime due = clock_.Mono() + delay;
    timers_.emplace(std::pair(due, id), std::move(work));
    due_.emplace(id, due);
  }
  wake_.notify_one();
  return id;
}

void Strand::Cancel(TimerId timer) {
  decltype(timers_)::node_type dropped;
  const std::lock_guard lock(mutex_);
  const auto found = due_.find(timer);
  if (found == due_.end()) return;
  dropped = timers_.extract({found->second, timer});
  due_.erase(found);
}

void Strand::RunAndWait(Work work) {
  LS_CHECK(!OnStrand());
  std::promise<void> done;
  Work posted = [&] {
    work();
    done.set_value();
  };
  if (Enqueue(posted)) done.get_future().wait();
}

void Strand::Stop() {
  decltype(timers_) dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(timers_);
    due_.clear();
  }
  dropped.clear();
  wake_.notify_one();
  if (thread_.joinable()) {
    LS_CHECK(!OnStrand());
    thread_.join();
  }
}

void Strand::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    Work work;
    if (!timers_.empty() && timers_.begin()->first.first <= clock_.Mono()) {
      auto node = timers_.extract(timers_.begin());
      due_.erase(node.key().second);
      work = std::move(node.mapped());
    } else if (!queue_.empty()) {
      work = std::move(queue_.front());
      queue_.pop_front();
    } else if (stopping_) {
      return;
    } else if (timers_.empty()) {
      wake_.wait(lock);
      continue;
    } else {
      wake_.wait_for(lock, timers_.begin()->first.first - clock_.Mono());
      continue;
    }
    lock.unlock();
    work();
    work = nullptr;  // captures go before the lock is taken again
    lock.lock();
  }
}

}  // namespace lockstep::task

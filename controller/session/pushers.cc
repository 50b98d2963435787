#include "controller/session/pushers.h"

#include <pthread.h>

#include <string>

#include "controller/session/session.h"

namespace lockstep::controller::session {

Pushers::Pushers(size_t threads) {
  for (size_t i = 0; i < threads; ++i) {
    Shard& shard = shards_.emplace_back();
    shard.thread = std::thread([&shard] { Loop(shard); });
    pthread_setname_np(shard.thread.native_handle(), ("pusher " + std::to_string(i)).c_str());
  }
}

Pushers::~Pushers() { Stop(); }

void Pushers::Schedule(std::shared_ptr<Session> session) {
  Shard& shard = shards_[session->number() % shards_.size()];
  bool wake = false;
  {
    const std::lock_guard lock(shard.mutex);
    if (shard.stopping) return;
    wake = shard.waiting.empty();
    shard.waiting.push_back(std::move(session));
  }
  if (wake) shard.wake.notify_one();
}

void Pushers::Loop(Shard& shard) {
  std::vector<std::shared_ptr<Session>> batch;
  std::unique_lock lock(shard.mutex);
  while (true) {
    shard.wake.wait(lock, [&] { return shard.stopping || !shard.waiting.empty(); });
    if (shard.stopping) return;
    batch.swap(shard.waiting);
    lock.unlock();
    for (const auto& session : batch) session->Pump();
    batch.clear();
    lock.lock();
  }
}

void Pushers::Stop() {
  for (Shard& shard : shards_) {
    {
      const std::lock_guard lock(shard.mutex);
      shard.stopping = true;
    }
    shard.wake.notify_one();
    if (shard.thread.joinable()) shard.thread.join();
    const std::lock_guard lock(shard.mutex);
    shard.waiting.clear();
  }
}

}  // namespace lockstep::controller::session

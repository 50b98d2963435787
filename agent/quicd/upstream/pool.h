// The connections to Caddy: as many as allowed, kept alive between requests, and a queue of
// requests for which there is none.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "agent/quicd/loop/loop.h"
#include "agent/quicd/upstream/blocks.h"
#include "agent/quicd/upstream/connection.h"
#include "agent/quicd/upstream/transfer.h"
#include "agent/quicd/upstream/upstream.h"

namespace lockstep::agent::quicd::upstream {

class Pool final : public Upstream {
 public:
  Pool(loop::Loop& loop, Settings settings);
  ~Pool() override;

  // Upstream
  void Configure(Settings settings) override;
  std::unique_ptr<Exchange> Start(RequestHead head, Listener& listener) override;

  // What transfers need.
  loop::Loop& loop() { return loop_; }
  const Settings& settings() const { return settings_; }
  Blocks& blocks() { return blocks_; }
  void TakeBack(std::unique_ptr<Connection> connection, bool reusable);
  // A stale connection goes, a new one comes in its place.
  void Replace(std::unique_ptr<Connection> stale, Transfer& transfer);
  // The connection that Transfer::Connect was to make does not exist.
  void OnNotOpened();
  void StopWaiting(Transfer& transfer);

 private:
  // A connection that nobody uses: it must keep quiet, or goes.
  class Idle final : public Connection::User {
   public:
    Idle(Pool& pool, std::unique_ptr<Connection> connection);
    void OnReady(uint32_t epoll_events) override;
    const Connection& connection() const { return *connection_; }
    std::unique_ptr<Connection> Release() { return std::move(connection_); }
    MonoTime since() const { return since_; }

   private:
    Pool& pool_;
    std::unique_ptr<Connection> connection_;
    const MonoTime since_;
  };

  // Connections for whoever has waited longest.
  void ServeWaiting();
  void ServeWaitingSoon();
  void Open(Transfer& transfer);
  // A connection is gone.
  void Forget();
  // Whether it leads where new ones would.
  bool MayKeep(const Connection& connection) const;
  // The most recently used one that is still quiet; null: none.
  std::unique_ptr<Connection> FindKept();
  void Keep(std::unique_ptr<Connection> connection);
  void Drop(const Idle& idle);
  void DropOldest();
  void ScheduleExpiry();
  void DropExpired();

  loop::Loop& loop_;
  Settings settings_;
  Result<Endpoint> target_ = Unavailable("upstream: not configured");
  Blocks blocks_;
  size_t open_ = 0;                         // connections, idle ones included
  std::deque<std::unique_ptr<Idle>> idle_;  // the longest idle first
  std::deque<Transfer*> waiting_;
  loop::Loop::TimerId expiry_ = 0;
  bool serving_scheduled_ = false;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for work the loop has
};

}  // namespace lockstep::agent::quicd::upstream

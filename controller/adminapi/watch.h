// FeedReactor: a server stream that is fed from the state strand.
#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "common/rpc/status.h"
#include "common/status/status.h"

namespace lockstep::controller::adminapi {

// One write outstanding; what waits is bounded: a reader that does not keep up is cut with
// RESOURCE_EXHAUSTED. Held by gRPC until OnDone and by whoever feeds it.
template <typename Response>
class FeedReactor final : public grpc::ServerWriteReactor<Response>,
                          public std::enable_shared_from_this<FeedReactor<Response>> {
 public:
  static std::shared_ptr<FeedReactor> Make(std::function<void()> on_done) {
    auto made = std::make_shared<FeedReactor>(std::move(on_done));
    made->self_ = made;
    return made;
  }
  explicit FeedReactor(std::function<void()> on_done) : on_done_(std::move(on_done)) {}

  // Any thread.
  void Feed(Response response) {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    if (waiting_.size() == kMostWaiting) {
      return EndLocked(ResourceExhausted("the reader does not keep up; watch again"));
    }
    waiting_.push_back(std::move(response));
    if (waiting_.size() == 1) this->StartWrite(&waiting_.front());
  }

  // Ends the stream once what waits was written. Any thread; later calls do nothing.
  void End(Status status) {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    if (waiting_.empty()) return EndLocked(status);
    end_with_ = std::move(status);
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    if (!waiting_.empty()) waiting_.pop_front();
    if (ended_) return;
    if (!ok) return EndLocked(lockstep::Cancelled("the reader has gone"));
    if (!waiting_.empty()) {
      this->StartWrite(&waiting_.front());
    } else if (end_with_) {
      EndLocked(*end_with_);
    }
  }
  void OnCancel() override {
    const std::lock_guard lock(mutex_);
    EndLocked(lockstep::Cancelled("the reader has gone"));
  }
  void OnDone() override {
    on_done_();
    self_.reset();
  }

 private:
  static constexpr size_t kMostWaiting = 1024;

  void EndLocked(const Status& status) {
    if (ended_) return;
    ended_ = true;
    this->Finish(rpc::ToGrpc(status));
  }

  const std::function<void()> on_done_;
  std::shared_ptr<FeedReactor> self_;  // gRPC's hold, let go in OnDone
  std::mutex mutex_;
  std::deque<Response> waiting_;    // guarded by mutex_; the first is being written
  std::optional<Status> end_with_;  // guarded by mutex_
  bool ended_ = false;              // guarded by mutex_
};

}  // namespace lockstep::controller::adminapi

// Stream: a server-streaming call that the state strand feeds.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "common/rpc/status.h"
#include "common/status/status.h"

namespace lockstep::controller::adminapi {

// One write outstanding at most. An operator who does not read loses the stream, not our memory.
// Lives as long as gRPC or anybody else holds it. All methods from any thread.
template <typename Response>
class Stream final : public grpc::ServerWriteReactor<Response>,
                     public std::enable_shared_from_this<Stream<Response>> {
 public:
  static constexpr size_t kMaxWaiting = 10'000;

  // `on_gone` is called once, on a thread of gRPC, when nobody listens any more.
  static std::shared_ptr<Stream> Make(std::function<void()> on_gone) {
    std::shared_ptr<Stream> stream(new Stream(std::move(on_gone)));
    stream->self_ = stream;
    return stream;
  }

  void Send(Response response) {
    std::unique_lock lock(mutex_);
    if (ending_) return;
    if (waiting_.size() >= kMaxWaiting) {
      waiting_.clear();
      return EndLocked(ResourceExhausted("the answers are not read"));
    }
    waiting_.push_back(std::move(response));
    PumpLocked();
  }
  // After what waits has been sent. Idempotent.
  void End(const Status& status) {
    const std::lock_guard lock(mutex_);
    EndLocked(status);
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) {
      waiting_.clear();
      EndLocked(Cancelled("the operator has gone"));
    }
    PumpLocked();
  }
  void OnCancel() override {
    const std::lock_guard lock(mutex_);
    waiting_.clear();
    EndLocked(Cancelled("the operator has gone"));
  }
  void OnDone() override {
    on_gone_();
    const std::shared_ptr<Stream> last = std::move(self_);
  }

 private:
  explicit Stream(std::function<void()> on_gone) : on_gone_(std::move(on_gone)) {}

  void EndLocked(const Status& status) {
    if (!ending_) ending_ = status;
    PumpLocked();
  }
  void PumpLocked() {
    if (writing_ || finished_) return;
    if (!waiting_.empty()) {
      current_ = std::move(waiting_.front());
      waiting_.pop_front();
      writing_ = true;
      this->StartWrite(&current_);
    } else if (ending_) {
      finished_ = true;
      this->Finish(rpc::ToGrpc(*ending_));
    }
  }

  const std::function<void()> on_gone_;
  std::shared_ptr<Stream> self_;  // until OnDone

  std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<Response> waiting_;
  Response current_;  // while writing_: gRPC's
  std::optional<Status> ending_;
  bool writing_ = false;
  bool finished_ = false;
};

}  // namespace lockstep::controller::adminapi

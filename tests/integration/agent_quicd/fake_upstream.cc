#include "tests/integration/agent_quicd/fake_upstream.h"

#include <algorithm>
#include <charconv>

namespace lockstep::agent::quicd {
namespace {

using upstream::Failure;
using upstream::Header;

constexpr size_t kBlockBytes = 16 << 10;

// Bytes that are counted as long as anybody holds them.
class Ledger {
 public:
  explicit Ledger(std::shared_ptr<FakeUpstream::Log> log) : log_(std::move(log)) {}
  upstream::Block Make(std::vector<uint8_t> bytes) {
    const size_t size = bytes.size();
    const size_t now = held_->fetch_add(size) + size;
    size_t most = log_->most_held;
    while (now > most && !log_->most_held.compare_exchange_weak(most, now)) {
    }
    return {new std::vector<uint8_t>(std::move(bytes)),
            [held = held_, size](const std::vector<uint8_t>* block) {
              held->fetch_sub(size);
              delete block;
            }};
  }

 private:
  const std::shared_ptr<FakeUpstream::Log> log_;
  const std::shared_ptr<std::atomic<size_t>> held_ = std::make_shared<std::atomic<size_t>>(0);
};

class FakeExchange final : public upstream::Exchange {
 public:
  FakeExchange(loop::Loop& loop, std::shared_ptr<FakeUpstream::Log> log, upstream::RequestHead head,
               upstream::Listener& listener)
      : loop_(loop),
        log_(std::move(log)),
        ledger_(log_),
        head_(std::move(head)),
        listener_(listener) {
    Soon([this] { Begin(); });
  }
  ~FakeExchange() override {
    if (!ended_) ++log_->cancelled;
  }

  void Write(std::span<const uint8_t> body) override {
    const size_t size = body.size();
    if (head_.path == "/echo") echoed_.insert(echoed_.end(), body.begin(), body.end());
    if (log_->swallow) return;
    Soon([this, size] {
      listener_.OnWritten(size);
      if (head_.path == "/echo") PassOn();
    });
  }
  void Finish() override {
    ++log_->finished;
    Soon([this] {
      finished_ = true;
      if (head_.path == "/echo") PassOn();
    });
  }
  void Pause() override {
    ++log_->pauses;
    paused_ = true;
  }
  void Resume() override {
    paused_ = false;
    Soon([this] { head_.path == "/echo" ? PassOn() : Pump(); });
  }

 private:
  void Soon(std::function<void()> work) {
    loop_.Later([alive = std::weak_ptr<bool>(alive_), work = std::move(work)] {
      if (!alive.expired()) work();
    });
  }

  void Begin() {
    const std::string& path = head_.path;
    if (path == "/hang") return;
    if (path == "/fail/refused") return Fail(Failure::kRefused);
    if (path == "/fail/timeout") return Fail(Failure::kTimeout);
    if (path == "/fail/malformed") return Fail(Failure::kMalformed);
    if (path.starts_with("/bytes/")) {
      std::from_chars(path.data() + 7, path.data() + path.size(), left_);
      SendHead(left_);
      return Pump();
    }
    if (path == "/echo") {
      SendHead(std::nullopt);
      if (!head_.has_body) finished_ = true;
      return PassOn();
    }
    if (path == "/break") {
      SendHead(1000);
      left_ = 500;
      breaks_ = true;
      return Pump();
    }
    Describe();
  }

  void SendHead(std::optional<uint64_t> length) {
    upstream::ResponseHead head;
    head.status = 200;
    head.headers = {{"content-type", "text/plain"}, {"alt-svc", "h3=\":9\"; ma=2592000"}};
    if (length) head.headers.push_back({"content-length", std::to_string(*length)});
    head.content_length = length;
    listener_.OnHead(std::move(head));
  }

  void Describe() {
    std::string text = head_.method + " " + head_.path + "\n";
    for (const Header& header : head_.headers) text += header.name + ": " + header.value + "\n";
    SendHead(text.size());
    SendBody({text.begin(), text.end()});
    End();
  }

  // The pattern, as long as nobody says to pause.
  void Pump() {
    if (ended_) return;
    for (int blocks = 0; left_ > 0 && !paused_ && blocks < 4; ++blocks) {
      std::vector<uint8_t> bytes(std::min(left_, kBlockBytes));
      for (uint8_t& byte : bytes) byte = PatternByte(sent_++);
      left_ -= bytes.size();
      SendBody(std::move(bytes));
    }
    if (paused_) return;
    if (left_ > 0) return Soon([this] { Pump(); });
    breaks_ ? Fail(Failure::kBroken) : End();
  }

  void PassOn() {
    if (ended_ || paused_) return;
    if (!echoed_.empty()) SendBody(std::exchange(echoed_, {}));
    if (finished_) End();
  }

  void SendBody(std::vector<uint8_t> bytes) {
    const size_t size = bytes.size();
    listener_.OnBody({ledger_.Make(std::move(bytes)), 0, size});
  }
  void End() {
    ended_ = true;
    listener_.OnEnd({});  // may destroy us
  }
  void Fail(Failure failure) {
    ended_ = true;
    listener_.OnFailed(failure, "as asked");
  }

  loop::Loop& loop_;
  const std::shared_ptr<FakeUpstream::Log> log_;
  Ledger ledger_;
  const upstream::RequestHead head_;
  upstream::Listener& listener_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::vector<uint8_t> echoed_;
  size_t left_ = 0;
  size_t sent_ = 0;
  bool paused_ = false;
  bool finished_ = false;
  bool ended_ = false;
  bool breaks_ = false;
};

}  // namespace

uint8_t PatternByte(size_t offset) { return static_cast<uint8_t>(offset * 131 + (offset >> 9)); }

std::unique_ptr<upstream::Exchange> FakeUpstream::Start(upstream::RequestHead head,
                                                        upstream::Listener& listener) {
  ++log_->started;
  {
    const std::lock_guard<std::mutex> lock(log_->mutex);
    log_->heads.push_back(head);
  }
  return std::make_unique<FakeExchange>(loop_, log_, std::move(head), listener);
}

}  // namespace lockstep::agent::quicd

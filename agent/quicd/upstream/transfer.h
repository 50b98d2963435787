// One request on its way to Caddy, and its response on its way back.
//
//   waiting     for a connection, in the pool's queue
//   connecting  on one that is not open yet
//   talking     the request goes out and the response comes in, both at once
//   over        the listener was told the end
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/quicd/upstream/connection.h"
#include "agent/quicd/upstream/request_writer.h"
#include "agent/quicd/upstream/response_parser.h"
#include "agent/quicd/upstream/upstream.h"

namespace lockstep::agent::quicd::upstream {

class Pool;

class Transfer final : public Exchange, private Connection::User {
 public:
  Transfer(Pool& pool, RequestHead head, Listener& listener);
  ~Transfer() override;

  // Exchange
  void Write(std::span<const uint8_t> body) override;
  void Finish() override;
  void Pause() override;
  void Resume() override;

  // From the pool: a kept-alive connection; a new one; why there is none.
  void TakeKept(std::unique_ptr<Connection> connection);
  void Connect(const Endpoint& target);
  void FailSoon(Failure failure, std::string why);

 private:
  enum class State { kWaiting, kConnecting, kTalking, kOver };

  void OnReady(uint32_t epoll_events) override;
  void OnConnected();
  void Talk();

  void FlushSoon();
  void Flush();
  void Read();
  // False: the listener has destroyed this, or the response is over.
  bool Tell(std::vector<ResponseParser::Event> events, size_t filled);
  void TellEnd(std::vector<Header> trailers);
  void OnStreamEnd();
  void OnReadError(const Status& error);
  bool RetryIfStale();

  void Fail(Failure failure, std::string why);
  void FailNow();
  void Listen();
  void Soon(void (Transfer::*work)());
  void RestartTimer();
  void SetTimer();
  void OnTimer();
  void OnTimeout();
  bool IsTheirTurn() const;

  Pool& pool_;
  const RequestHead head_;
  Listener& listener_;
  State state_ = State::kWaiting;
  std::unique_ptr<Connection> connection_;
  RequestWriter writer_;
  ResponseParser parser_;
  std::vector<uint8_t> unparsed_;  // the beginning of a line that has not ended yet
  bool heard_ = false;             // a byte of the response has come
  bool head_told_ = false;
  bool retried_ = false;
  bool paused_ = false;
  bool write_broken_ = false;  // they take no more; what they said may still be there to read
  bool flush_scheduled_ = false;
  std::optional<ResponseParser::Problem> doomed_;  // to be told as soon as the loop allows
  std::optional<MonoTime> deadline_;               // of whoever's turn it is
  loop::Loop::TimerId timer_ = 0;
  MonoTime timer_at_{};
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for work the loop has
};

}  // namespace lockstep::agent::quicd::upstream

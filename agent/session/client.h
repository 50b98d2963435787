// Client: keeps a session stream to the controller, for ever, with full jitter between tries.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/session/controller_link.h"
#include "agent/session/stream.h"
#include "common/frame/assembler.h"
#include "common/frame/cutter.h"
#include "common/task/backoff.h"
#include "common/task/executor.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::agent::session {

// Where messages to the controller go; on the strand. Dropped while there is no stream: what
// matters is said again on the next one.
class Outbox {
 public:
  virtual ~Outbox() = default;
  virtual void Send(const v1::AgentMessage& message, Urgency urgency) = 0;
};

// What the stream says; on the strand.
class ClientEvents {
 public:
  virtual ~ClientEvents() = default;
  virtual v1::Hello MakeHello() = 0;
  virtual void OnWelcome(const v1::Welcome& welcome) = 0;
  // Whole, in order, after the welcome.
  virtual void OnMessage(v1::ControllerMessage message) = 0;
  virtual void OnDisconnected(const Status& why) = 0;
};

struct ClientSettings {
  Micros backoff_base = Millis(500);
  Micros backoff_ceiling = Seconds(30);
  // From the start of a try to the welcome.
  Micros welcome_deadline = Seconds(20);
};

// Lives on the strand, which is stopped before it goes.
class Client final : public Outbox {
 public:
  Client(task::Executor& strand, ControllerLink& link, ClientEvents& events, uint64_t jitter_seed,
         ClientSettings settings = {});

  void Start() { Connect(); }
  // Ends the stream and tries no more. `on_stopped` runs on the strand once nothing of gRPC's can
  // call back any more: only then may the strand be stopped.
  void Stop(std::function<void()> on_stopped);
  void Send(const v1::AgentMessage& message, Urgency urgency) override;
  bool connected() const { return welcomed_; }

 private:
  void Connect();
  void OnRead(uint64_t attempt, v1::ControllerMessage message);
  void OnClosed(uint64_t attempt, const Status& why);
  void Take(v1::ControllerMessage message);
  void Break(const Status& why);

  task::Executor& strand_;
  ControllerLink& link_;
  ClientEvents& events_;
  const ClientSettings settings_;
  task::Backoff backoff_;

  bool stopped_ = false;
  std::function<void()> on_stopped_;
  uint64_t attempt_ = 0;  // what an older stream still says is not heard
  std::shared_ptr<Stream> stream_;
  bool welcomed_ = false;
  Status broken_;  // why we ended the stream, where it was us
  std::optional<frame::Inbox<v1::ControllerMessage>> inbox_;
  std::optional<frame::Splitter<v1::AgentMessage>> splitter_;
};

}  // namespace lockstep::agent::session

// floor_server: what the session protocol costs at the least: epoll, HTTP/2 frames and OpenSSL by
// hand, one thread, the same bytes as the controller sends. It decides nothing, stores nothing and
// believes everybody: the yardstick that lockstep-controller is measured against.
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "controller/identity/fleet_ca.h"
#include "lockstep/agent/v1/session.pb.h"
#include "tests/bench/commands.h"
#include "tests/bench/fleet_payload.h"
#include "tests/bench/grpc_stream.h"
#include "tests/bench/limits.h"
#include "tests/bench/poller.h"
#include "tests/bench/round_meter.h"
#include "tests/bench/tls_connection.h"

namespace lockstep::bench {
namespace {

// Keys of the rounds: push ids are even, lane sequences odd.
uint64_t PushKey(uint64_t push_id) { return push_id * 2; }
uint64_t LaneKey(uint64_t sequence) { return sequence * 2 + 1; }

class FloorServer;

// One agent's connection. Lives on the server's thread.
class FloorSession final : public Pollable {
 public:
  FloorSession(TlsConnection connection, FloorServer& server);
  void OnReady() override;
  // Sends a message that was rendered once for all sessions.
  void Broadcast(const std::string& message, const std::string& frames);
  bool greeted() const { return greeted_; }
  int fd() const { return connection_.fd(); }

 private:
  void OnBytes(std::string_view serialised);
  Status Flush();

  TlsConnection connection_;
  FloorServer& server_;
  GrpcStream stream_;
  bool greeted_ = false;
  bool polls_write_ = false;
};

class FloorServer final : public BenchServer, public Pollable {
 public:
  FloorServer(TlsContext context, Fd listener);
  ~FloorServer() override;

  // From the thread of the commands.
  uint64_t Streams() override { return streams_; }
  std::string Push(size_t bytes, uint64_t expect) override;
  std::string Lane(size_t bytes, uint64_t expect) override;

  // From the server's thread.
  void OnReady() override;  // the listener has connections
  void OnHello(GrpcStream& stream);
  void OnAnswer(const agent::v1::AgentMessage& message);
  void OnClosed(FloorSession* session);
  Poller& poller() { return poller_; }

 private:
  class Wakeup final : public Pollable {
   public:
    explicit Wakeup(FloorServer& server)
        : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), server_(server) {}
    void OnReady() override;
    void Ring() const;
    int fd() const { return fd_.get(); }

   private:
    Fd fd_;
    FloorServer& server_;
  };
  void Loop();
  // Runs `work` on the server's thread; returns once it ran.
  void RunAndWait(std::function<void()> work);
  void RunPosted();
  void Broadcast(const std::string& message);

  TlsContext context_;
  Fd listener_;
  Poller poller_;
  Wakeup wakeup_;
  RoundMeter meter_;
  FleetPayload payload_{5000};  // the server's thread only
  std::string full_push_;       // of the current generation
  std::unordered_map<FloorSession*, std::unique_ptr<FloorSession>> sessions_;
  std::vector<std::unique_ptr<FloorSession>> closed_;
  std::atomic<uint64_t> streams_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by mutex_
  std::thread thread_;
};

FloorSession::FloorSession(TlsConnection connection, FloorServer& server)
    : connection_(std::move(connection)),
      server_(server),
      stream_(GrpcStream::Role::kServer, [this](std::string_view bytes) { OnBytes(bytes); }) {}

void FloorSession::OnReady() {
  std::string input;
  const Status driven = connection_.Drive(&input);
  const Status received = input.empty() ? Status::Ok() : stream_.Receive(input);
  const Status flushed = Flush();
  if (!driven.ok() || !received.ok() || !flushed.ok()) server_.OnClosed(this);
}

void FloorSession::OnBytes(std::string_view serialised) {
  agent::v1::AgentMessage message;
  if (!message.ParseFromArray(serialised.data(), static_cast<int>(serialised.size()))) return;
  if (message.has_hello()) {
    greeted_ = true;
    server_.OnHello(stream_);
  } else {
    server_.OnAnswer(message);
  }
}

void FloorSession::Broadcast(const std::string& message, const std::string& frames) {
  Status written;
  if (!stream_.has_output() && stream_.Reserve(frames.size())) {
    written = connection_.Write(frames);
  } else {
    stream_.Send(message);
  }
  const Status flushed = Flush();
  if (!written.ok() || !flushed.ok()) server_.OnClosed(this);
}

Status FloorSession::Flush() {
  if (stream_.has_output()) LS_RETURN_IF_ERROR(connection_.Write(stream_.TakeOutput()));
  if (connection_.wants_write() != polls_write_) {
    polls_write_ = connection_.wants_write();
    server_.poller().Change(connection_.fd(), this, true, polls_write_);
  }
  return Status::Ok();
}

FloorServer::FloorServer(TlsContext context, Fd listener)
    : context_(std::move(context)), listener_(std::move(listener)), wakeup_(*this) {
  full_push_ = payload_.FullPush();
  poller_.Add(listener_.get(), this, false);
  poller_.Add(wakeup_.fd(), &wakeup_, false);
  thread_ = std::thread([this] { Loop(); });
}

FloorServer::~FloorServer() {
  stopping_ = true;
  wakeup_.Ring();
  thread_.join();
}

void FloorServer::Wakeup::OnReady() {
  uint64_t count = 0;
  if (read(fd_.get(), &count, sizeof count) > 0) server_.RunPosted();
}

void FloorServer::Wakeup::Ring() const {
  const uint64_t one = 1;
  LS_CHECK(write(fd_.get(), &one, sizeof one) == sizeof one);
}

void FloorServer::Loop() {
  while (!stopping_) {
    poller_.RunOnce(Millis(1000));
    closed_.clear();
  }
}

void FloorServer::RunAndWait(std::function<void()> work) {
  std::promise<void> done;
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back([&] {
      work();
      done.set_value();
    });
  }
  wakeup_.Ring();
  done.get_future().wait();
}

void FloorServer::RunPosted() {
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(mutex_);
    work.swap(posted_);
  }
  for (const auto& run : work) run();
}

void FloorServer::OnReady() {
  while (true) {
    Fd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) return;
    SetNoDelay(fd.get());
    auto session =
        std::make_unique<FloorSession>(TlsConnection::Accept(context_, std::move(fd)), *this);
    poller_.Add(session->fd(), session.get(), false);
    FloorSession* key = session.get();
    sessions_.emplace(key, std::move(session));
  }
}

void FloorServer::OnHello(GrpcStream& stream) {
  ++streams_;
  stream.Send(payload_.Welcome());
  stream.Send(payload_.LaneSet());
  stream.Send(full_push_);
}

void FloorServer::OnAnswer(const agent::v1::AgentMessage& message) {
  if (message.has_ack()) meter_.OnAnswer(PushKey(message.ack().push_id()));
  if (message.has_lane_ack()) meter_.OnAnswer(LaneKey(message.lane_ack().sequence()));
}

void FloorServer::OnClosed(FloorSession* session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  if (session->greeted()) --streams_;
  closed_.push_back(std::move(found->second));  // it may be the caller: it goes after this turn
  sessions_.erase(found);
}

void FloorServer::Broadcast(const std::string& message) {
  const std::string frames = RenderMessage(message);
  std::vector<FloorSession*> greeted;
  greeted.reserve(sessions_.size());
  for (const auto& [session, owned] : sessions_) {
    if (session->greeted()) greeted.push_back(session);
  }
  for (FloorSession* session : greeted) session->Broadcast(message, frames);
  meter_.Issued();
}

std::string FloorServer::Push(size_t bytes, uint64_t expect) {
  RunAndWait([this, bytes, expect] {
    payload_.Advance(bytes);
    full_push_ = payload_.FullPush();
    const std::string message = payload_.DeltaPush();
    meter_.Begin(PushKey(payload_.generation()), expect);
    Broadcast(message);
  });
  return meter_.Finish(Seconds(30));
}

std::string FloorServer::Lane(size_t bytes, uint64_t expect) {
  RunAndWait([this, bytes, expect] {
    payload_.AdvanceLane(bytes);
    const std::string message = payload_.LaneSet();
    meter_.Begin(LaneKey(payload_.lane_sequence()), expect);
    Broadcast(message);
  });
  return meter_.Finish(Seconds(30));
}

Status Serve(const std::string& directory, const std::string& listen) {
  RaiseDescriptorLimit();
  LS_ASSIGN_OR_RETURN(const Endpoint endpoint, Endpoint::Parse(listen));
  LS_ASSIGN_OR_RETURN(const auto ca, controller::identity::FleetCa::Open(directory + "/ca"));
  LS_ASSIGN_OR_RETURN(TlsContext context,
                      TlsContext::Server(ca.certificate(), directory + "/server/current/cert.pem",
                                         directory + "/server/current/key.pem"));
  LS_ASSIGN_OR_RETURN(Fd listener, Listen(endpoint));
  FloorServer server(std::move(context), std::move(listener));
  std::cout << "{\"listening\":\"" << endpoint.ToString() << "\"}" << std::endl;
  ServeCommands(server);
  return Status::Ok();
}

}  // namespace
}  // namespace lockstep::bench

int main(int argc, char** argv) {
  std::string directory;
  std::string listen = "127.0.0.1:7443";
  CLI::App app("the session protocol at its cheapest");
  app.add_option("--identity", directory, "what bench_identity made")->required();
  app.add_option("--listen", listen, "address:port");
  CLI11_PARSE(app, argc, argv);
  const lockstep::Status served = lockstep::bench::Serve(directory, listen);
  if (served.ok()) return 0;
  std::cerr << "floor_server: " << served << "\n";
  return 1;
}

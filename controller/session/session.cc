#include "controller/session/session.h"

#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/slice.h>

#include <utility>

#include "common/rpc/status.h"

namespace lockstep::controller::session {
namespace {

// A slice of shared bytes: the same memory for all streams that send it.
grpc::Slice Share(const link::Bytes& whole, std::string_view part) {
  return {const_cast<char*>(part.data()), part.size(),
          [](void* held) { delete static_cast<link::Bytes*>(held); }, new link::Bytes(whole)};
}

grpc::ByteBuffer ToBuffer(const Parcel& parcel) {
  if (parcel.header.empty()) {
    const grpc::Slice slice = Share(parcel.whole, parcel.data);
    return {&slice, 1};
  }
  const grpc::Slice slices[] = {grpc::Slice(parcel.header), Share(parcel.whole, parcel.data)};
  return {slices, 2};
}

// A stream that is refused before it begins.
class Refusal final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit Refusal(const Status& why) { Finish(rpc::ToGrpc(why)); }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* RefuseStream(const Status& why) {
  return new Refusal(why);
}

std::shared_ptr<Session> Session::Start(SessionOwner& owner, grpc::CallbackServerContext* context,
                                        NodeName node, uint64_t number, frame::Limits limits) {
  std::shared_ptr<Session> session(new Session(owner, context, std::move(node), number, limits));
  session->self_ = session;
  const std::lock_guard lock(session->mutex_);
  session->ReadIfAllowed();
  return session;
}

Session::Session(SessionOwner& owner, grpc::CallbackServerContext* context, NodeName node,
                 uint64_t number, frame::Limits limits)
    : owner_(owner),
      context_(context),
      node_(std::move(node)),
      number_(number),
      started_at_(owner.clock().Mono()),
      inbox_(limits) {}

void Session::Greet(link::Bytes welcome) {
  std::unique_lock lock(mutex_);
  greeted_ = true;
  outbox_.PutWelcome(std::move(welcome));
  Offer(lock);
}

void Session::PutLane(link::Bytes message) {
  std::unique_lock lock(mutex_);
  outbox_.PutLane(std::move(message));
  Offer(lock);
}

void Session::PutPush(link::Bytes message) {
  std::unique_lock lock(mutex_);
  outbox_.PutPush(std::move(message));
  Offer(lock);
}

Status Session::PutRequest(link::Bytes message) {
  std::unique_lock lock(mutex_);
  LS_RETURN_IF_ERROR(outbox_.PutRequest(std::move(message)));
  Offer(lock);
  return Status::Ok();
}

// While a write is outstanding its completion goes on with the next; otherwise a pusher begins.
void Session::Offer(std::unique_lock<std::mutex>& lock) {
  if (!greeted_ || writing_ || offered_ || ended_) return;
  offered_ = true;
  lock.unlock();
  owner_.OnSendable(shared_from_this());
}

void Session::Pump() {
  {
    const std::lock_guard lock(mutex_);
    offered_ = false;
    if (!greeted_ || writing_ || ended_) return;
    const std::optional<Parcel> parcel = outbox_.Next();
    if (!parcel) return;
    outgoing_ = ToBuffer(*parcel);
    writing_ = true;
    write_began_at_ = owner_.clock().Mono();
  }
  // Outside the lock, for it encrypts. Finish waits for OnWriteDone, so the call is still there.
  StartWrite(&outgoing_);
}

void Session::OnWriteDone(bool ok) {
  {
    std::unique_lock lock(mutex_);
    writing_ = false;
    write_began_at_.reset();
    outgoing_.Clear();
    if (ended_) return FinishIfIdle();
    if (!ok) return EndLocked(lock, Unavailable("the connection broke while sending"));
  }
  Pump();
}

// Requires mutex_.
void Session::ReadIfAllowed() {
  if (reading_ || ended_ || in_flight_ >= kMessagesInFlight) return;
  reading_ = true;
  StartRead(&incoming_);
}

void Session::OnReadDone(bool ok) {
  if (!ok) {
    std::unique_lock lock(mutex_);
    reading_ = false;
    return EndLocked(lock, Unavailable("the agent ended the stream"));
  }
  Result<std::optional<agent::v1::AgentMessage>> message = TakeIncoming();
  {
    std::unique_lock lock(mutex_);
    if (!message.ok()) {
      reading_ = false;
      return EndLocked(lock, message.status());
    }
    if (*message && !ended_) {
      first_message_ = true;
      ++in_flight_;
    }
    if (ended_) message = std::optional<agent::v1::AgentMessage>();
  }
  // The next read begins only after this message was handed on: else OnTaken of an earlier one
  // could begin it, and what it brings would overtake this one on another thread.
  if (*message) owner_.OnMessage(shared_from_this(), **std::move(message));
  const std::lock_guard lock(mutex_);
  reading_ = false;
  ReadIfAllowed();
}

Result<std::optional<agent::v1::AgentMessage>> Session::TakeIncoming() {
  agent::v1::AgentMessage message;
  bool parsed = false;
  {
    grpc::ProtoBufferReader reader(&incoming_);
    parsed = reader.status().ok() && message.ParseFromZeroCopyStream(&reader);
  }
  incoming_.Clear();
  if (!parsed) return InvalidArgument("what the agent sent is no AgentMessage");
  return inbox_.Take(std::move(message));
}

void Session::OnTaken() {
  const std::lock_guard lock(mutex_);
  --in_flight_;
  ReadIfAllowed();
}

void Session::OnCancel() { End(Unavailable("the connection is gone")); }

void Session::End(Status why) {
  std::unique_lock lock(mutex_);
  EndLocked(lock, std::move(why));
}

void Session::EndLocked(std::unique_lock<std::mutex>& lock, Status why) {
  if (ended_) return;
  ended_ = why;
  ended_at_ = owner_.clock().Mono();
  FinishIfIdle();
  lock.unlock();
  owner_.OnEnded(shared_from_this(), std::move(why));
}

// Requires mutex_. After Finish gRPC may let go of the call, and no operation may begin: so it
// waits for the outstanding write, and reads and writes begin only under the lock and before it.
void Session::FinishIfIdle() {
  if (finished_ || writing_) return;
  finished_ = true;
  Finish(rpc::ToGrpc(*ended_));
}

void Session::OnTick(const Patience& patience) {
  std::unique_lock lock(mutex_);
  if (done_) return;
  const MonoTime now = owner_.clock().Mono();
  if (ended_) {
    // The peer does not take what we have written: the stream ends without its consent.
    if (now - ended_at_ > patience.end) context_->TryCancel();
    return;
  }
  if (write_began_at_ && now - *write_began_at_ > patience.write) {
    return EndLocked(lock, DeadlineExceeded("the agent has not read for " +
                                            FormatDuration(now - *write_began_at_)));
  }
  if (!first_message_ && now - started_at_ > patience.hello) {
    EndLocked(lock, DeadlineExceeded("no hello within " + FormatDuration(patience.hello)));
  }
}

void Session::OnDone() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  owner_.OnGone(*this);
  const std::shared_ptr<Session> last = std::move(self_);
}

}  // namespace lockstep::controller::session

#include "agent/session/stream.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/slice.h>

#include <utility>

#include "common/rpc/status.h"

namespace lockstep::agent::session {
namespace {

constexpr char kMethod[] = "/lockstep.agent.v1.AgentService/Session";

}  // namespace

std::shared_ptr<Stream> Stream::Open(std::shared_ptr<grpc::Channel> channel, Reactions reactions) {
  std::shared_ptr<Stream> stream(new Stream(std::move(channel), std::move(reactions)));
  stream->self_ = stream;
  // Requests go out as the bytes they were serialised to: a message's pieces are cut from those.
  grpc::TemplatedGenericStub<grpc::ByteBuffer, v1::ControllerMessage> stub(stream->channel_);
  stub.PrepareBidiStreamingCall(&stream->context_, kMethod, grpc::StubOptions(), stream.get());
  stream->AddHold();  // for writes that start outside of reactions; until Close
  stream->StartRead(&stream->incoming_);
  stream->StartCall();
  return stream;
}

void Stream::Send(std::string message, Urgency urgency) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  (urgency == Urgency::kUrgent ? urgent_ : bulk_).push_back(std::move(message));
  if (!writing_) WriteNext();
}

void Stream::WriteNext() {
  std::deque<std::string>& queue = urgent_.empty() ? bulk_ : urgent_;
  if (queue.empty() || closed_) return;
  const grpc::Slice slice(queue.front());
  queue.pop_front();
  outgoing_ = grpc::ByteBuffer(&slice, 1);
  writing_ = true;
  StartWrite(&outgoing_);
}

void Stream::OnWriteDone(bool ok) {
  if (!ok) return Close();
  const std::lock_guard lock(mutex_);
  writing_ = false;
  WriteNext();
}

void Stream::OnReadDone(bool ok) {
  if (!ok) return Close();
  reactions_.on_message(std::exchange(incoming_, {}));
  StartRead(&incoming_);
}

void Stream::Close() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return;
    urgent_.clear();
    bulk_.clear();
  }
  // A read may still be under way after a failed write: it must end, too.
  context_.TryCancel();
  RemoveHold();
}

void Stream::OnDone(const grpc::Status& status) {
  reactions_.on_closed(rpc::FromGrpc(status));
  self_.reset();  // may delete this
}

}  // namespace lockstep::agent::session

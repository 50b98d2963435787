#include "common/rpc/settings.h"

#include <absl/synchronization/mutex.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/impl/server_builder_option.h>
#include <malloc.h>

#include <memory>
#include <utility>
#include <vector>

#include "common/log/log.h"

namespace lockstep::rpc {
namespace {

constexpr int kKeepaliveMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
// gRPC's default, 5 minutes, answers our own keepalives with GOAWAY.
constexpr int kLeastPingIntervalMs = 10'000;
constexpr int kHandshakeTimeoutMs = 10'000;
// One session, renewal, a challenge miss or two.
constexpr int kStreamsPerConnection = 4;
// gRPC encrypts into a buffer of 8 KiB, and where the last record of a write fits into what is left
// of it and fills a frame to the last byte, gRPC 1.51 takes the rest of the buffer for encrypted,
// too: old memory leaves as it lies there, and the connection is lost. A frame whose plaintext
// alone is as large as that buffer never fits (a frame holds 100 bytes less of it). Buffers of it
// are held for every connection, so no larger one.
constexpr int kTlsFrameBytes = 8192 + 100;
constexpr int kMallocArenas = 2;

void OnLibraryMessage(gpr_log_func_args* args) {
  const std::string text(args->message);
  if (args->severity == GPR_LOG_SEVERITY_ERROR) {
    log::Warning("rpc.library", {{"text", text}});
  } else {
    log::Debug("rpc.library", {{"text", text}});
  }
}

// A peer's string that is no UTF-8 is a line for each, on standard error and without a limit: the
// message is refused, or not, by who reads it.
void OnProtobufMessage(google::protobuf::LogLevel level, const char*, int,
                       const std::string& text) {
  if (level == google::protobuf::LOGLEVEL_FATAL) {
    log::Error("rpc.library", {{"text", text}});
  } else {
    log::Debug("rpc.library", {{"text", text}});
  }
}

// Reflection for one server or not. The library, once linked, adds it to every server of the
// process, those of agents and certbot's helper included.
class Reflection final : public grpc::ServerBuilderOption {
 public:
  explicit Reflection(bool wanted) : wanted_(wanted) {}
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    auto ours = std::make_unique<grpc::reflection::ProtoServerReflectionPlugin>();
    std::erase_if(*plugins, [&](const auto& plugin) { return plugin->name() == ours->name(); });
    if (wanted_) plugins->push_back(std::move(ours));
  }

 private:
  const bool wanted_;
};

}  // namespace

void ConfigureProcess() {
  // Of the C library, where no other allocator is linked (common/heap): an arena for each of an
  // agent's threads holds on to more than all of them use.
  mallopt(M_ARENA_MAX, kMallocArenas);
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  gpr_set_log_function(&OnLibraryMessage);
  google::protobuf::SetLogHandler(&OnProtobufMessage);
}

void ConfigureAgentServer(grpc::ServerBuilder& builder) {
  builder.SetOption(std::make_unique<Reflection>(false));
  builder.SetMaxReceiveMessageSize(kAgentReceiveBytes);
  // The BDP probe pings for every ACK that comes in: 30 % of the CPU of a push.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_TSI_MAX_FRAME_SIZE, kTlsFrameBytes);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kLeastPingIntervalMs);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs);
  // Two controllers on one port would share its agents by chance.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

void ConfigureLocalServer(grpc::ServerBuilder& builder, bool reflection) {
  builder.SetOption(std::make_unique<Reflection>(reflection));
  builder.SetMaxReceiveMessageSize(kAdminReceiveBytes);
  builder.SetMaxSendMessageSize(kAdminAnswerBytes);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
}

grpc::ChannelArguments AgentChannelArguments(const std::string& server_name) {
  grpc::ChannelArguments arguments;
  // What the controller sends is cut at 48 KiB, too.
  arguments.SetMaxReceiveMessageSize(kAgentReceiveBytes);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Reconnecting is the agent's, with full jitter; and no service config is fetched from the DNS.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  if (!server_name.empty()) arguments.SetSslTargetNameOverride(server_name);
  return arguments;
}

grpc::ChannelArguments LocalChannelArguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kAdminAnswerBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // A proxy from the environment has no business on a unix socket.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return arguments;
}

}  // namespace lockstep::rpc

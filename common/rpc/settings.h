// gRPC settings in one place; docs/adr and tests/bench measured what each is worth.
#pragma once

#include <grpcpp/server_builder.h>
#include <grpcpp/support/channel_arguments.h>

#include <string>

namespace lockstep::rpc {

// Messages of the session stream are cut at 48 KiB; nothing larger is read from anybody.
inline constexpr int kAgentReceiveBytes = 64 * 1024;
// The admin API carries site files of at most 1 MiB and answers of whole fleets.
inline constexpr int kAdminReceiveBytes = 2 * 1024 * 1024;
inline constexpr int kAdminAnswerBytes = 64 * 1024 * 1024;

// Once, before the first thread, server or channel: Abseil's deadlock detector off (6-8 % of the
// time of a push), few malloc arenas, and gRPC's own messages into our log.
void ConfigureProcess();

// For the listeners of agents and enrolment: no reflection.
void ConfigureAgentServer(grpc::ServerBuilder& builder);
// For servers behind a LocalDoor; `reflection`: they tell which methods they have.
void ConfigureLocalServer(grpc::ServerBuilder& builder, bool reflection);

// For an agent's channel. `server_name`: the name that the controller's certificate must carry
// where it is not the one dialled; empty: the one dialled.
grpc::ChannelArguments AgentChannelArguments(const std::string& server_name = "");
// For clients of a unix socket.
grpc::ChannelArguments LocalChannelArguments();

}  // namespace lockstep::rpc

#include "common/dns/exchange.h"

#include <array>
#include <string>

#include "common/base/encoding.h"
#include "common/net/socket.h"

namespace lockstep::dns {
namespace {

constexpr size_t kMaxMessage = 65535;

uint16_t RandomId() {
  const std::string bytes = RandomBytes(2);
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[0]) << 8 |
                               static_cast<uint8_t>(bytes[1]));
}

Result<Message> OverUdp(const Endpoint& server, const Query& query, const net::Limit& limit) {
  const uint16_t id = RandomId();
  LS_ASSIGN_OR_RETURN(const std::string question, RenderQuery(query, id));
  LS_ASSIGN_OR_RETURN(const Fd socket, net::ConnectUdp(server, std::nullopt));
  LS_RETURN_IF_ERROR(net::SendAll(socket, question, limit));
  std::string buffer(kMaxMessage, '\0');
  while (true) {
    LS_ASSIGN_OR_RETURN(const size_t size,
                        net::Receive(socket, buffer.data(), buffer.size(), limit));
    auto answer = ParseAnswer(std::string_view(buffer).substr(0, size), query, id);
    if (answer.ok()) return answer;
  }
}

Status ReceiveAll(const Fd& socket, char* buffer, size_t size, const net::Limit& limit) {
  while (size > 0) {
    LS_ASSIGN_OR_RETURN(const size_t received, net::Receive(socket, buffer, size, limit));
    if (received == 0) return Unavailable("the server closed the connection");
    buffer += received;
    size -= received;
  }
  return Status::Ok();
}

// RFC 1035 §4.2.2: each message after its length in two bytes.
Result<Message> OverTcp(const Endpoint& server, const Query& query, const net::Limit& limit) {
  const uint16_t id = RandomId();
  LS_ASSIGN_OR_RETURN(const std::string question, RenderQuery(query, id));
  LS_ASSIGN_OR_RETURN(const Fd socket, net::ConnectTcp(server, std::nullopt, limit));
  const std::string length = {static_cast<char>(question.size() >> 8),
                              static_cast<char>(question.size() & 0xff)};
  LS_RETURN_IF_ERROR(net::SendAll(socket, length + question, limit));
  std::array<char, 2> head;
  LS_RETURN_IF_ERROR(ReceiveAll(socket, head.data(), head.size(), limit));
  std::string answer(
      static_cast<size_t>(static_cast<uint8_t>(head[0])) << 8 | static_cast<uint8_t>(head[1]),
      '\0');
  LS_RETURN_IF_ERROR(ReceiveAll(socket, answer.data(), answer.size(), limit));
  return ParseAnswer(answer, query, id);
}

}  // namespace

Result<Message> Exchange(const Endpoint& server, const Query& query, const net::Limit& limit) {
  Result<Message> answer = OverUdp(server, query, limit);
  if (answer.ok() && answer->truncated) answer = OverTcp(server, query, limit);
  if (answer.ok()) {
    answer->server = server;
    return answer;
  }
  return answer.status().Prefixed("name server " + server.ToString());
}

}  // namespace lockstep::dns

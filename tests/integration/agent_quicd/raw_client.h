// A QUIC client that puts any bytes on any stream: HTTP/3 as no client would speak it.
#pragma once

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/base/ip.h"
#include "common/probe/quic_tls.h"

namespace lockstep::agent::quicd {

class RawClient {
 public:
  // Shakes hands with 127.0.0.1:`port`; the test fails if that does not work. `follows`: moves to
  // the server's preferred IPv4 address.
  RawClient(uint16_t port, std::string_view name, bool follows = false);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  int64_t OpenRequest();
  int64_t OpenUni();
  bool CanOpenRequest() const { return ngtcp2_conn_get_streams_bidi_left(quic_) > 0; }
  void Write(int64_t stream, std::string bytes, bool fin);
  // Sends from `source` (another loopback address, any port) from now on, without knowing it: what
  // a NAT does to a client, or a thief of its packets.
  void ComeFrom(std::string_view source);
  // Datagrams with a longer payload are lost from now on, as on a path that got narrower and whose
  // routers say nothing; 0: all of them.
  void LoseLongerThan(size_t bytes) { longest_that_arrives_ = bytes; }
  // The longest payload that has arrived.
  size_t longest() const { return longest_; }
  // Where the client sends to: the service address, or the preferred one.
  Endpoint server() const;
  // RESET_STREAM and STOP_SENDING.
  void Abandon(int64_t stream, uint64_t code);
  // A handshake message in a 1-RTT packet.
  void SayAfterHandshake(std::string_view tls_message);
  void UpdateKeys();

  struct Stream {
    std::string received;
    bool fin = false;
    std::optional<uint64_t> reset;         // the server's RESET_STREAM
    std::optional<uint64_t> stop_sending;  // and its STOP_SENDING
    bool closed = false;
  };
  const Stream& stream(int64_t id) { return streams_[id]; }
  // The server's CONNECTION_CLOSE: true = of the application.
  struct Closed {
    bool application;
    uint64_t code;
    friend bool operator==(const Closed&, const Closed&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Closed& closed) {
      return out << (closed.application ? "application 0x" : "transport 0x") << std::hex
                 << closed.code;
    }
  };
  const std::optional<Closed>& closed() const { return closed_; }

  // Sends and receives until `done`, or for at most 5 s; returns whether it is done.
  template <typename Done>
  bool RunUntil(Done done) {
    const MonoTime end = Clock::System().Mono() + Seconds(5);
    while (!done()) {
      if (closed_ || Clock::System().Mono() > end || !Step()) return done();
    }
    return true;
  }

 private:
  struct Hooks;
  bool Step();
  void Send();
  void SendTo(const ngtcp2_path& path, const uint8_t* data, size_t size);
  bool ReceiveOne(bool* more);
  ngtcp2_ssize Fill(uint8_t* buffer, size_t size, ngtcp2_path* path);
  static ngtcp2_tstamp Now();

  Fd socket_;
  sockaddr_storage local_{};
  sockaddr_storage remote_{};
  ngtcp2_path path_{};
  probe::QuicTls tls_;
  ngtcp2_crypto_conn_ref conn_ref_{};
  ngtcp2_conn* quic_ = nullptr;
  bool handshake_ = false;
  bool follows_ = false;
  size_t longest_that_arrives_ = SIZE_MAX;
  size_t longest_ = 0;
  struct Pending {
    int64_t stream;
    std::string bytes;
    bool fin;
  };
  std::deque<Pending> pending_;
  std::deque<std::string> sent_;  // ngtcp2 refers to it
  std::map<int64_t, Stream> streams_;
  std::optional<Closed> closed_;
};

// HTTP/3 by hand.
std::string Varint(uint64_t value);
std::string Frame(uint64_t type, std::string_view payload);
using Fields = std::vector<std::pair<std::string, std::string>>;
// A field section of literals (RFC 9204 §4.5.6), without the dynamic table.
std::string Section(const Fields& fields);
std::string Headers(const Fields& fields);
// The head of a response that our server encoded, without the dynamic table; empty if there is
// none.
Fields FieldsOf(std::string_view response);
// Its status; 0 if there is none.
int StatusOf(std::string_view response);

}  // namespace lockstep::agent::quicd

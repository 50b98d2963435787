// A QUIC version 1 client on ngtcp2 and GnuTLS, driven one step at a time.
#pragma once

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/fd.h"
#include "common/net/limit.h"
#include "common/probe/observation.h"
#include "common/probe/quic_tls.h"
#include "common/status/status.h"

namespace lockstep::probe {

// One connection to one server. Belongs to one thread. The loop is the caller's:
//
//   LS_ASSIGN_OR_RETURN(auto client, QuicClient::Create(request, &limit));
//   while (!client->handshake_completed()) LS_RETURN_IF_ERROR(client->Step());
//   client->Close();
//
// Datagrams are read from every path the client has a socket for and written on the path that
// ngtcp2 names: the server's preferred address is one more entry in `paths_`.
class QuicClient {
 public:
  // Opens the socket; sends nothing yet. `limit` outlives the client.
  static Result<std::unique_ptr<QuicClient>> Create(const QuicRequest& request,
                                                    const net::Limit* limit);
  ~QuicClient();
  QuicClient(const QuicClient&) = delete;
  QuicClient& operator=(const QuicClient&) = delete;

  // Sends what is due, then waits for datagrams or the next timer, and takes them in. An error ends
  // the connection: why it failed, with the TLS alert or the peer's close code; the peer has been
  // told where the protocol wants it. Waits no longer than `until`.
  Status Step(MonoTime until = MonoTime::max());

  // After the handshake, of a request that asks for it: goes on at the address of the family in use
  // that the server prefers, and says where that is; nothing if it offers none or is reached there
  // already. An error says why the connection did not get there before `until`.
  Result<std::optional<Endpoint>> FollowPreferredAddress(MonoTime until);

  // Says goodbye with H3_NO_ERROR.
  void Close();

  bool handshake_completed() const;

  // What is known so far; complete after the handshake, and useful when it failed half-way.
  void Observe(QuicObservation* out) const;

 private:
  // A local socket and the pair of addresses it stands for.
  struct Path {
    Fd socket;
    sockaddr_storage local{};
    sockaddr_storage remote{};
    ngtcp2_path path{};
    uint64_t datagrams = 0;  // received
  };
  // On the way to the preferred address.
  struct Move {
    const Path* path = nullptr;  // unset: the server has not confirmed the handshake yet
    bool validated = false;
    Status problem;
    bool HasArrived() const { return path != nullptr && validated && path->datagrams > 0; }
  };
  struct MoveHooks;

  QuicClient(const QuicRequest& request, const net::Limit* limit);
  Status OpenPath(const Endpoint& target);
  Status StartConnection(const QuicRequest& request);
  static void AddMoveCallbacks(ngtcp2_callbacks* callbacks);

  Status SendDue();
  Status WriteDatagram(const ngtcp2_path& path, const uint8_t* data, size_t size);
  Status ReceiveReady(Path& path);
  Status OnTimer();
  // Tells the peer why, where that is allowed, and returns the reason.
  Status Fail(int library_error);
  void WriteClose();

  std::optional<Endpoint> PreferredAddress() const;
  Status NotArrived() const;

  const net::Limit& limit_;
  const Endpoint target_;
  const std::optional<IpAddress> source_;
  const bool follows_;
  std::vector<std::unique_ptr<Path>> paths_;
  QuicTls tls_;
  ngtcp2_crypto_conn_ref conn_ref_{};
  ngtcp2_conn* conn_ = nullptr;
  ngtcp2_ccerr close_reason_{};
  uint64_t datagrams_received_ = 0;
  Move move_;
};

}  // namespace lockstep::probe

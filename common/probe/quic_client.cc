#include "common/probe/quic_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/base/encoding.h"
#include "common/net/socket.h"
#include "common/probe/certificate.h"
#include "common/probe/transport_parameters.h"

namespace lockstep::probe {
namespace {

constexpr size_t kMaxDatagram = 1200;  // RFC 9000 §14: what every path carries
constexpr size_t kConnectionIdLength = 8;
constexpr uint64_t kH3NoError = 0x100;        // RFC 9114 §8.1
constexpr uint64_t kCryptoErrorBase = 0x100;  // RFC 9000 §20.1: 0x0100 + TLS alert
constexpr int kMaxDatagramsPerStep = 64;      // so that a flood cannot keep timers from running

ngtcp2_tstamp ToTimestamp(MonoTime time) {
  return static_cast<ngtcp2_tstamp>(std::chrono::nanoseconds(time.time_since_epoch()).count());
}

ngtcp2_cid RandomConnectionId() {
  const std::string bytes = RandomBytes(kConnectionIdLength);
  ngtcp2_cid cid;
  ngtcp2_cid_init(&cid, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  return cid;
}

void OnRandom(uint8_t* out, size_t size, const ngtcp2_rand_ctx*) {
  const std::string bytes = RandomBytes(size);
  std::memcpy(out, bytes.data(), size);
}

int OnNewConnectionId(ngtcp2_conn*, ngtcp2_cid* cid, uint8_t* token, size_t length, void*) {
  const std::string bytes = RandomBytes(length + NGTCP2_STATELESS_RESET_TOKENLEN);
  ngtcp2_cid_init(cid, reinterpret_cast<const uint8_t*>(bytes.data()), length);
  std::memcpy(token, bytes.data() + length, NGTCP2_STATELESS_RESET_TOKENLEN);
  return 0;
}

ngtcp2_callbacks Callbacks() {
  ngtcp2_callbacks out{};
  out.client_initial = ngtcp2_crypto_client_initial_cb;
  out.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
  out.encrypt = ngtcp2_crypto_encrypt_cb;
  out.decrypt = ngtcp2_crypto_decrypt_cb;
  out.hp_mask = ngtcp2_crypto_hp_mask_cb;
  out.recv_retry = ngtcp2_crypto_recv_retry_cb;
  out.rand = OnRandom;
  out.get_new_connection_id = OnNewConnectionId;
  out.update_key = ngtcp2_crypto_update_key_cb;
  out.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
  out.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
  out.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
  out.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
  return out;
}

// What the peer's CONNECTION_CLOSE said.
Status PeerClosed(const ngtcp2_ccerr& close) {
  std::string text = "the server closed the connection: ";
  if (close.type == NGTCP2_CCERR_TYPE_APPLICATION) {
    text += "application error " + std::to_string(close.error_code);
  } else if (close.error_code >= kCryptoErrorBase && close.error_code < kCryptoErrorBase + 256) {
    text += QuicTls::AlertText(static_cast<uint8_t>(close.error_code - kCryptoErrorBase));
  } else {
    text += "transport error " + std::to_string(close.error_code);
  }
  if (close.reasonlen > 0) {
    text += " " + Quoted({reinterpret_cast<const char*>(close.reason), close.reasonlen});
  }
  return Unavailable(text);
}

}  // namespace

QuicClient::QuicClient(const QuicRequest& request, const net::Limit* limit)
    : limit_(*limit),
      target_(request.route.target),
      source_(request.route.source),
      follows_(request.follow_preferred_address) {}

QuicClient::~QuicClient() {
  if (conn_ != nullptr) ngtcp2_conn_del(conn_);
}

Result<std::unique_ptr<QuicClient>> QuicClient::Create(const QuicRequest& request,
                                                       const net::Limit* limit) {
  std::unique_ptr<QuicClient> client(new QuicClient(request, limit));
  LS_RETURN_IF_ERROR(client->OpenPath(request.route.target));
  LS_RETURN_IF_ERROR(client->StartConnection(request));
  return client;
}

Status QuicClient::OpenPath(const Endpoint& target) {
  auto path = std::make_unique<Path>();
  LS_ASSIGN_OR_RETURN(path->socket, net::ConnectUdp(target, source_));
  LS_ASSIGN_OR_RETURN(const Endpoint local, net::LocalEndpoint(path->socket));
  path->path.local = {reinterpret_cast<sockaddr*>(&path->local), local.ToSockaddr(&path->local)};
  path->path.remote = {reinterpret_cast<sockaddr*>(&path->remote),
                       target.ToSockaddr(&path->remote)};
  paths_.push_back(std::move(path));
  return Status::Ok();
}

Status QuicClient::StartConnection(const QuicRequest& request) {
  conn_ref_.user_data = this;
  conn_ref_.get_conn = [](ngtcp2_crypto_conn_ref* ref) {
    return static_cast<QuicClient*>(ref->user_data)->conn_;
  };
  LS_RETURN_IF_ERROR(tls_.Start(request.sni, request.alpn, &conn_ref_));

  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.initial_ts = ToTimestamp(limit_.Now());
  // RFC 9002 §6.2.2 has 333 ms, which leaves a short deadline one retransmission.
  settings.initial_rtt = 100 * NGTCP2_MILLISECONDS;
  settings.max_tx_udp_payload_size = kMaxDatagram;
  settings.no_pmtud = 1;
  ngtcp2_transport_params params;
  ngtcp2_transport_params_default(&params);
  params.initial_max_streams_uni = 3;  // an HTTP/3 server's control and QPACK streams
  params.initial_max_stream_data_uni = 65536;
  params.initial_max_data = 262144;
  params.max_idle_timeout = 30 * NGTCP2_SECONDS;

  ngtcp2_callbacks callbacks = Callbacks();
  AddMoveCallbacks(&callbacks);
  const ngtcp2_cid server_id = RandomConnectionId();
  const ngtcp2_cid own_id = RandomConnectionId();
  const int rc =
      ngtcp2_conn_client_new(&conn_, &server_id, &own_id, &paths_.front()->path,
                             NGTCP2_PROTO_VER_V1, &callbacks, &settings, &params, nullptr, this);
  if (rc != 0) return Internal(std::string("make a QUIC connection: ") + ngtcp2_strerror(rc));
  ngtcp2_conn_set_tls_native_handle(conn_, tls_.session());
  return Status::Ok();
}

Status QuicClient::Step(MonoTime until) {
  LS_RETURN_IF_ERROR(SendDue());
  std::vector<pollfd> waits;
  for (const auto& path : paths_) waits.push_back({path->socket.get(), POLLIN, 0});
  // Rounded up, so that the timer has run out when the wait ends.
  const ngtcp2_tstamp expiry = ngtcp2_conn_get_expiry(conn_);
  const MonoTime timer = expiry == UINT64_MAX
                             ? limit_.deadline()
                             : MonoTime(Micros(static_cast<int64_t>(expiry / 1000) + 1));
  const Result<bool> ready = limit_.WaitUntil(waits, std::min(timer, until));
  if (!ready.ok() && ready.status().code() == Code::kDeadlineExceeded && datagrams_received_ > 0) {
    return DeadlineExceeded("no complete answer within the deadline, in " +
                            std::to_string(datagrams_received_) + " datagrams");
  }
  LS_RETURN_IF_ERROR(ready.status());
  if (!*ready) return OnTimer();
  for (size_t i = 0; i < waits.size(); ++i) {
    if (waits[i].revents != 0) LS_RETURN_IF_ERROR(ReceiveReady(*paths_[i]));
  }
  return Status::Ok();
}

Status QuicClient::OnTimer() {
  const int rc = ngtcp2_conn_handle_expiry(conn_, ToTimestamp(limit_.Now()));
  return rc == 0 ? Status::Ok() : Fail(rc);
}

Status QuicClient::SendDue() {
  std::array<uint8_t, kMaxDatagram> buffer;
  const ngtcp2_tstamp now = ToTimestamp(limit_.Now());
  ngtcp2_path_storage path;
  ngtcp2_path_storage_zero(&path);
  while (true) {
    ngtcp2_pkt_info info{};
    const ngtcp2_ssize size =
        ngtcp2_conn_write_pkt(conn_, &path.path, &info, buffer.data(), buffer.size(), now);
    if (size < 0) return Fail(static_cast<int>(size));
    if (size == 0) break;
    LS_RETURN_IF_ERROR(WriteDatagram(path.path, buffer.data(), static_cast<size_t>(size)));
  }
  ngtcp2_conn_update_pkt_tx_time(conn_, now);
  return Status::Ok();
}

Status QuicClient::WriteDatagram(const ngtcp2_path& path, const uint8_t* data, size_t size) {
  const auto known = std::find_if(paths_.begin(), paths_.end(), [&](const auto& candidate) {
    return ngtcp2_path_eq(&candidate->path, &path) != 0;
  });
  LS_CHECK(known != paths_.end());  // ngtcp2 only knows paths that we gave it
  while (::send((*known)->socket.get(), data, size, MSG_NOSIGNAL) < 0) {
    // A full buffer loses the datagram, as the network would.
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) break;
    if (errno != EINTR) return FromErrno(errno, "send");
  }
  return Status::Ok();
}

Status QuicClient::ReceiveReady(Path& path) {
  std::array<uint8_t, 65536> buffer;
  for (int i = 0; i < kMaxDatagramsPerStep; ++i) {
    const ssize_t size = ::recv(path.socket.get(), buffer.data(), buffer.size(), 0);
    if (size < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Status::Ok();
      if (errno == EINTR) continue;
      return FromErrno(errno, "receive");
    }
    ++datagrams_received_;
    ++path.datagrams;
    const ngtcp2_pkt_info info{};
    const int rc = ngtcp2_conn_read_pkt(conn_, &path.path, &info, buffer.data(),
                                        static_cast<size_t>(size), ToTimestamp(limit_.Now()));
    if (rc != 0) return Fail(rc);
  }
  return Status::Ok();
}

Status QuicClient::Fail(int library_error) {
  switch (library_error) {
    case NGTCP2_ERR_DRAINING:
      return PeerClosed(*ngtcp2_conn_get_ccerr(conn_));
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
      return Unavailable("the server does not speak QUIC version 1");
    case NGTCP2_ERR_IDLE_CLOSE:
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
      return DeadlineExceeded("the connection went silent");
    case NGTCP2_ERR_CRYPTO: {
      const uint8_t alert = ngtcp2_conn_get_tls_alert(conn_);
      ngtcp2_ccerr_set_tls_alert(&close_reason_, alert, nullptr, 0);
      WriteClose();
      return Unavailable("refused what the server sent: " + QuicTls::AlertText(alert));
    }
    default:
      ngtcp2_ccerr_set_liberr(&close_reason_, library_error, nullptr, 0);
      WriteClose();
      return Unavailable(std::string("QUIC: ") + ngtcp2_strerror(library_error));
  }
}

void QuicClient::WriteClose() {
  std::array<uint8_t, kMaxDatagram> buffer;
  ngtcp2_path_storage path;
  ngtcp2_path_storage_zero(&path);
  ngtcp2_pkt_info info{};
  const ngtcp2_ssize size =
      ngtcp2_conn_write_connection_close(conn_, &path.path, &info, buffer.data(), buffer.size(),
                                         &close_reason_, ToTimestamp(limit_.Now()));
  // A goodbye that cannot be sent changes nothing about what was seen.
  if (size > 0) (void)WriteDatagram(path.path, buffer.data(), static_cast<size_t>(size));
}

void QuicClient::Close() {
  if (ngtcp2_conn_in_closing_period(conn_) != 0 || ngtcp2_conn_in_draining_period(conn_) != 0) {
    return;  // either side has said it already
  }
  // Not every path need be writable for the goodbye to get through on its own.
  (void)SendDue();
  ngtcp2_ccerr_set_application_error(&close_reason_, kH3NoError, nullptr, 0);
  WriteClose();
}

bool QuicClient::handshake_completed() const {
  return ngtcp2_conn_get_handshake_completed(conn_) != 0;
}

void QuicClient::Observe(QuicObservation* out) const {
  out->handshake = handshake_completed();
  const Status certificate = ObserveChain(tls_.Chain(), &out->certificate);
  if (out->handshake && out->error.empty()) out->error = certificate.message();
  if (const auto* params = ngtcp2_conn_get_remote_transport_params(conn_); params != nullptr) {
    out->transport_parameters = Describe(*params);
  }
  if (!out->handshake) return;
  out->alpn = tls_.Alpn();
  out->version =
      ngtcp2_conn_get_negotiated_version(conn_) == NGTCP2_PROTO_VER_V1 ? "QUICv1" : "QUICv2";
}

}  // namespace lockstep::probe

#include "tests/integration/agent_quicd/raw_client.h"

#include <gtest/gtest.h>
#include <nghttp3/nghttp3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "common/base/encoding.h"
#include "common/base/ip.h"
#include "common/net/socket.h"

namespace lockstep::agent::quicd {
namespace {

Fd BoundSocket(std::string_view address) {
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage local{};
  const socklen_t size = Endpoint{IpAddress::Parse(address).value(), 0}.ToSockaddr(&local);
  LS_CHECK(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&local), size) == 0);
  return socket;
}

}  // namespace

struct RawClient::Hooks {
  static RawClient& Self(void* user) { return *static_cast<RawClient*>(user); }
  static int OnData(ngtcp2_conn* quic, uint32_t flags, int64_t stream, uint64_t,
                    const uint8_t* data, size_t size, void* user, void*) {
    Stream& state = Self(user).streams_[stream];
    state.received.append(reinterpret_cast<const char*>(data), size);
    state.fin = state.fin || (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0;
    ngtcp2_conn_extend_max_stream_offset(quic, stream, size);
    ngtcp2_conn_extend_max_offset(quic, size);
    return 0;
  }
  static int OnReset(ngtcp2_conn*, int64_t stream, uint64_t, uint64_t code, void* user, void*) {
    Self(user).streams_[stream].reset = code;
    return 0;
  }
  static int OnStopSending(ngtcp2_conn*, int64_t stream, uint64_t code, void* user, void*) {
    Self(user).streams_[stream].stop_sending = code;
    return 0;
  }
  static int OnClose(ngtcp2_conn*, uint32_t, int64_t stream, uint64_t, void* user, void*) {
    Self(user).streams_[stream].closed = true;
    return 0;
  }
  static int OnHandshake(ngtcp2_conn*, void* user) {
    Self(user).handshake_ = true;
    return 0;
  }
  static int OnPreferred(ngtcp2_conn* quic, ngtcp2_path* dest, const ngtcp2_preferred_addr* offered,
                         void* user) {
    if (!Self(user).follows_ || offered->ipv4_present == 0) return 0;
    ngtcp2_addr_copy_byte(&dest->remote, reinterpret_cast<const sockaddr*>(&offered->ipv4),
                          sizeof(offered->ipv4));
    const ngtcp2_path* now = ngtcp2_conn_get_path(quic);
    ngtcp2_addr_copy_byte(&dest->local, now->local.addr, now->local.addrlen);
    return 0;
  }
  static void OnRandom(uint8_t* dest, size_t size, const ngtcp2_rand_ctx*) {
    const std::string bytes = RandomBytes(size);
    std::memcpy(dest, bytes.data(), size);
  }
  static int OnNewId(ngtcp2_conn*, ngtcp2_cid* id, uint8_t* token, size_t size, void*) {
    const std::string bytes = RandomBytes(size + NGTCP2_STATELESS_RESET_TOKENLEN);
    ngtcp2_cid_init(id, reinterpret_cast<const uint8_t*>(bytes.data()), size);
    std::memcpy(token, bytes.data() + size, NGTCP2_STATELESS_RESET_TOKENLEN);
    return 0;
  }
  static ngtcp2_callbacks All() {
    ngtcp2_callbacks all{};
    all.client_initial = ngtcp2_crypto_client_initial_cb;
    all.recv_retry = ngtcp2_crypto_recv_retry_cb;
    all.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
    all.encrypt = ngtcp2_crypto_encrypt_cb;
    all.decrypt = ngtcp2_crypto_decrypt_cb;
    all.hp_mask = ngtcp2_crypto_hp_mask_cb;
    all.update_key = ngtcp2_crypto_update_key_cb;
    all.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    all.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    all.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
    all.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
    all.handshake_completed = OnHandshake;
    all.recv_stream_data = OnData;
    all.stream_reset = OnReset;
    all.stream_stop_sending = OnStopSending;
    all.stream_close = OnClose;
    all.select_preferred_addr = OnPreferred;
    all.rand = OnRandom;
    all.get_new_connection_id = OnNewId;
    return all;
  }
};

RawClient::RawClient(uint16_t port, std::string_view name, bool follows) : follows_(follows) {
  const Endpoint target{IpAddress::Parse("127.0.0.1").value(), port};
  socket_ = BoundSocket("127.0.0.1");
  const socklen_t remote_size = target.ToSockaddr(&remote_);
  const socklen_t local_size = net::LocalEndpoint(socket_).value().ToSockaddr(&local_);
  path_.local = {reinterpret_cast<sockaddr*>(&local_), local_size};
  path_.remote = {reinterpret_cast<sockaddr*>(&remote_), remote_size};
  conn_ref_ = {
      [](ngtcp2_crypto_conn_ref* ref) { return static_cast<RawClient*>(ref->user_data)->quic_; },
      this};
  LS_CHECK(tls_.Start(Hostname::Parse(name).value(), {"h3"}, &conn_ref_).ok());
  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.initial_ts = Now();
  ngtcp2_transport_params params;
  ngtcp2_transport_params_default(&params);
  params.initial_max_data = 1 << 24;
  params.initial_max_stream_data_bidi_local = 1 << 22;
  params.initial_max_stream_data_uni = 1 << 20;
  params.initial_max_streams_uni = 3;
  const std::string random = RandomBytes(34);
  const auto* bytes = reinterpret_cast<const uint8_t*>(random.data());
  ngtcp2_cid scid;
  ngtcp2_cid dcid;
  ngtcp2_cid_init(&scid, bytes, 17);
  ngtcp2_cid_init(&dcid, bytes + 17, 17);
  const ngtcp2_callbacks callbacks = Hooks::All();
  LS_CHECK(ngtcp2_conn_client_new(&quic_, &dcid, &scid, &path_, NGTCP2_PROTO_VER_V1, &callbacks,
                                  &settings, &params, nullptr, this) == 0);
  ngtcp2_conn_set_tls_native_handle(quic_, tls_.session());
  EXPECT_TRUE(RunUntil([&] { return handshake_ && ngtcp2_conn_get_streams_uni_left(quic_) >= 3; }));
}

RawClient::~RawClient() {
  ngtcp2_ccerr reason;
  ngtcp2_ccerr_default(&reason);
  ngtcp2_ccerr_set_application_error(&reason, NGHTTP3_H3_NO_ERROR, nullptr, 0);
  std::array<uint8_t, 1500> buffer;
  const ngtcp2_ssize size = ngtcp2_conn_write_connection_close(
      quic_, nullptr, nullptr, buffer.data(), buffer.size(), &reason, Now());
  if (size > 0)
    static_cast<void>(::send(socket_.get(), buffer.data(), static_cast<size_t>(size), 0));
  ngtcp2_conn_del(quic_);
}

int64_t RawClient::OpenRequest() {
  int64_t id = -1;
  EXPECT_EQ(ngtcp2_conn_open_bidi_stream(quic_, &id, nullptr), 0);
  return id;
}

int64_t RawClient::OpenUni() {
  int64_t id = -1;
  EXPECT_EQ(ngtcp2_conn_open_uni_stream(quic_, &id, nullptr), 0);
  return id;
}

void RawClient::Write(int64_t stream, std::string bytes, bool fin) {
  pending_.push_back({stream, std::move(bytes), fin});
}

void RawClient::Abandon(int64_t stream, uint64_t code) {
  ngtcp2_conn_shutdown_stream(quic_, 0, stream, code);
}

void RawClient::SayAfterHandshake(std::string_view tls_message) {
  EXPECT_EQ(ngtcp2_conn_submit_crypto_data(quic_, NGTCP2_ENCRYPTION_LEVEL_1RTT,
                                           reinterpret_cast<const uint8_t*>(tls_message.data()),
                                           tls_message.size()),
            0);
}

void RawClient::UpdateKeys() { EXPECT_EQ(ngtcp2_conn_initiate_key_update(quic_, Now()), 0); }

bool RawClient::Step() {
  Send();
  const ngtcp2_tstamp expiry = ngtcp2_conn_get_expiry(quic_);
  const ngtcp2_tstamp now = Now();
  const uint64_t wait_ms = expiry > now ? std::min<uint64_t>((expiry - now) / 1000000 + 1, 100) : 0;
  pollfd wait{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  ::poll(&wait, 1, static_cast<int>(wait_ms));
  for (bool more = true; more;) {
    if (!ReceiveOne(&more)) return false;
  }
  if (ngtcp2_conn_get_expiry(quic_) <= Now()) {
    return ngtcp2_conn_handle_expiry(quic_, Now()) == 0;
  }
  return true;
}

bool RawClient::ReceiveOne(bool* more) {
  std::array<uint8_t, 65536> buffer;
  sockaddr_storage from{};
  socklen_t from_size = sizeof(from);
  const ssize_t size = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                  reinterpret_cast<sockaddr*>(&from), &from_size);
  *more = size >= 0;
  if (size < 0) return true;
  if (static_cast<size_t>(size) > longest_that_arrives_) return true;
  longest_ = std::max(longest_, static_cast<size_t>(size));
  const ngtcp2_path path{path_.local, {reinterpret_cast<sockaddr*>(&from), from_size}, nullptr};
  const ngtcp2_pkt_info info{};
  const int rv =
      ngtcp2_conn_read_pkt(quic_, &path, &info, buffer.data(), static_cast<size_t>(size), Now());
  if (rv == NGTCP2_ERR_DRAINING) {
    const ngtcp2_ccerr* error = ngtcp2_conn_get_ccerr(quic_);
    closed_ = Closed{error->type == NGTCP2_CCERR_TYPE_APPLICATION, error->error_code};
  }
  return rv == 0;
}

void RawClient::ComeFrom(std::string_view source) { socket_ = BoundSocket(source); }

Endpoint RawClient::server() const {
  const sockaddr* remote = ngtcp2_conn_get_path(quic_)->remote.addr;
  return {IpAddress::FromSockaddr(remote).value(),
          ntohs(reinterpret_cast<const sockaddr_in*>(remote)->sin_port)};
}

void RawClient::SendTo(const ngtcp2_path& path, const uint8_t* data, size_t size) {
  static_cast<void>(::sendto(socket_.get(), data, size, 0, path.remote.addr, path.remote.addrlen));
}

void RawClient::Send() {
  std::array<uint8_t, 1500> buffer;
  ngtcp2_path_storage path;
  while (true) {
    ngtcp2_path_storage_zero(&path);
    const ngtcp2_ssize size = Fill(buffer.data(), buffer.size(), &path.path);
    if (size <= 0) return;
    SendTo(path.path, buffer.data(), static_cast<size_t>(size));
  }
}

ngtcp2_ssize RawClient::Fill(uint8_t* buffer, size_t size, ngtcp2_path* path) {
  if (!handshake_ || pending_.empty()) {
    return ngtcp2_conn_write_pkt(quic_, path, nullptr, buffer, size, Now());
  }
  Pending& next = pending_.front();
  sent_.push_back(next.bytes);
  std::string& bytes = sent_.back();
  const ngtcp2_vec vector{reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()};
  ngtcp2_ssize taken = -1;
  const ngtcp2_ssize written = ngtcp2_conn_writev_stream(
      quic_, path, nullptr, buffer, size, &taken,
      next.fin ? NGTCP2_WRITE_STREAM_FLAG_FIN : NGTCP2_WRITE_STREAM_FLAG_NONE, next.stream, &vector,
      1, Now());
  if (taken >= 0) {
    next.bytes.erase(0, static_cast<size_t>(taken));
    if (next.bytes.empty()) pending_.pop_front();
  }
  if (written == NGTCP2_ERR_STREAM_SHUT_WR || written == NGTCP2_ERR_STREAM_NOT_FOUND) {
    pending_.pop_front();
    return Fill(buffer, size, path);
  }
  if (written == NGTCP2_ERR_STREAM_DATA_BLOCKED) {
    return ngtcp2_conn_write_pkt(quic_, path, nullptr, buffer, size, Now());
  }
  return written;
}

ngtcp2_tstamp RawClient::Now() {
  return static_cast<ngtcp2_tstamp>(
      std::chrono::nanoseconds(Clock::System().Mono().time_since_epoch()).count());
}

std::string Varint(uint64_t value) {
  if (value < 64) return std::string(1, static_cast<char>(value));
  std::string out;
  const int bytes = value < (1U << 14) ? 2 : value < (1U << 30) ? 4 : 8;
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
  out[0] = static_cast<char>(out[0] | (bytes == 2 ? 0x40 : bytes == 4 ? 0x80 : 0xc0));
  return out;
}

std::string Frame(uint64_t type, std::string_view payload) {
  return Varint(type) + Varint(payload.size()) + std::string(payload);
}

namespace {

// RFC 7541 §5.1.
std::string PrefixedInteger(uint8_t first, int bits, size_t value) {
  const size_t most = (1U << bits) - 1;
  if (value < most) return std::string(1, static_cast<char>(first | value));
  std::string out(1, static_cast<char>(first | most));
  value -= most;
  for (; value >= 128; value >>= 7) out.push_back(static_cast<char>(0x80 | (value & 0x7f)));
  out.push_back(static_cast<char>(value));
  return out;
}

}  // namespace

std::string Section(const Fields& fields) {
  std::string out(2, '\0');
  for (const auto& [name, value] : fields) {
    out += PrefixedInteger(0x20, 3, name.size()) + name;
    out += PrefixedInteger(0x00, 7, value.size()) + value;
  }
  return out;
}

std::string Headers(const Fields& fields) { return Frame(1, Section(fields)); }

Fields FieldsOf(std::string_view response) {
  nghttp3_qpack_decoder* decoder = nullptr;
  nghttp3_qpack_stream_context* context = nullptr;
  if (response.size() < 2 || response[0] != 1) return {};
  const size_t length =
      static_cast<uint8_t>(response[1]) < 64
          ? static_cast<uint8_t>(response[1])
          : (static_cast<size_t>(response[1] & 0x3f) << 8 | static_cast<uint8_t>(response[2]));
  const std::string_view section =
      response.substr(static_cast<uint8_t>(response[1]) < 64 ? 2 : 3, length);
  nghttp3_qpack_decoder_new(&decoder, 0, 0, nghttp3_mem_default());
  nghttp3_qpack_stream_context_new(&context, 0, nghttp3_mem_default());
  Fields fields;
  const auto text = [](nghttp3_rcbuf* buffer) {
    const nghttp3_vec bytes = nghttp3_rcbuf_get_buf(buffer);
    std::string out(reinterpret_cast<const char*>(bytes.base), bytes.len);
    nghttp3_rcbuf_decref(buffer);
    return out;
  };
  for (size_t at = 0; at < section.size();) {
    nghttp3_qpack_nv field;
    uint8_t flags = 0;
    const nghttp3_ssize read = nghttp3_qpack_decoder_read_request(
        decoder, context, &field, &flags, reinterpret_cast<const uint8_t*>(section.data()) + at,
        section.size() - at, 1);
    if (read <= 0) break;
    at += static_cast<size_t>(read);
    if ((flags & NGHTTP3_QPACK_DECODE_FLAG_EMIT) == 0) continue;
    std::string name = text(field.name);
    fields.emplace_back(std::move(name), text(field.value));
  }
  nghttp3_qpack_stream_context_del(context);
  nghttp3_qpack_decoder_del(decoder);
  return fields;
}

int StatusOf(std::string_view response) {
  int status = 0;
  const Fields fields = FieldsOf(response);
  if (!fields.empty() && fields[0].first == ":status") {
    const std::string& text = fields[0].second;
    (void)std::from_chars(text.data(), text.data() + text.size(), status);
  }
  return status;
}

}  // namespace lockstep::agent::quicd

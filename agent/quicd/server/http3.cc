#include "agent/quicd/server/http3.h"

#include <algorithm>

namespace lockstep::agent::quicd::server {
namespace {

constexpr size_t kQpackTableBytes = 4096;
constexpr size_t kQpackBlockedStreams = 16;

std::string_view Text(nghttp3_rcbuf* buffer) {
  const nghttp3_vec bytes = nghttp3_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

// 0 for success, as the error code that HTTP/3 has for nghttp3's.
uint64_t ErrorOf(int64_t result) {
  return result < 0 ? nghttp3_err_infer_quic_app_error_code(static_cast<int>(result)) : 0;
}

bool IsRequestStream(int64_t stream) { return (stream & 3) == 0; }

}  // namespace

struct Http3::Hooks {
  static Http3& Self(void* user) { return *static_cast<Http3*>(user); }
  static RequestStream& Request(void* stream_user) {
    return *static_cast<RequestStream*>(stream_user);
  }

  static int OnAcked(nghttp3_conn*, int64_t, uint64_t bytes, void*, void* stream) {
    if (stream != nullptr) Request(stream).OnAcknowledged(bytes);
    return 0;
  }
  static int OnClose(nghttp3_conn*, int64_t id, uint64_t, void* user, void*) {
    const auto gone = Self(user).streams_.extract(id);  // out of the map before it is destroyed
    return 0;
  }
  static int OnBody(nghttp3_conn*, int64_t, const uint8_t* data, size_t size, void*, void* stream) {
    Request(stream).OnRequestBody({data, size});
    return 0;
  }
  static int OnDeferredConsume(nghttp3_conn*, int64_t id, size_t bytes, void* user, void*) {
    Self(user).Consume(id, bytes);
    return 0;
  }
  static int OnBeginHeaders(nghttp3_conn* handle, int64_t id, void* user, void*) {
    Http3& self = Self(user);
    auto made = std::make_unique<RequestStream>(self, id);
    nghttp3_conn_set_stream_user_data(handle, id, made.get());
    self.streams_[id] = std::move(made);
    ++self.counters_.requests;
    return 0;
  }
  static int OnHeader(nghttp3_conn*, int64_t, int32_t token, nghttp3_rcbuf* name,
                      nghttp3_rcbuf* value, uint8_t, void*, void* stream) {
    Request(stream).OnField(token, Text(name), Text(value));
    return 0;
  }
  static int OnEndHeaders(nghttp3_conn*, int64_t, int fin, void*, void* stream) {
    Request(stream).OnHeadComplete(fin != 0);
    return 0;
  }
  static int OnEndStream(nghttp3_conn*, int64_t, void*, void* stream) {
    if (stream != nullptr) Request(stream).OnRequestComplete();
    return 0;
  }
  static int OnStopSending(nghttp3_conn*, int64_t id, uint64_t code, void* user, void*) {
    ngtcp2_conn_shutdown_stream_read(Self(user).transport_.quic(), 0, id, code);
    return 0;
  }
  static int OnReset(nghttp3_conn*, int64_t id, uint64_t code, void* user, void*) {
    ngtcp2_conn_shutdown_stream_write(Self(user).transport_.quic(), 0, id, code);
    return 0;
  }
};

std::unique_ptr<Http3> Http3::Create(Transport& transport, const Configuration& configuration,
                                     upstream::Upstream& upstream, Counters& counters) {
  std::unique_ptr<Http3> made(new Http3(transport, configuration, upstream, counters));
  return made->Init() ? std::move(made) : nullptr;
}

Http3::~Http3() {
  // They release what they hold, which looks at those that are left.
  auto going = std::move(streams_);
  streams_.clear();
  going.clear();
  if (handle_ != nullptr) nghttp3_conn_del(handle_);
}

bool Http3::Init() {
  nghttp3_callbacks callbacks{};
  callbacks.acked_stream_data = Hooks::OnAcked;
  callbacks.stream_close = Hooks::OnClose;
  callbacks.recv_data = Hooks::OnBody;
  callbacks.deferred_consume = Hooks::OnDeferredConsume;
  callbacks.begin_headers = Hooks::OnBeginHeaders;
  callbacks.recv_header = Hooks::OnHeader;
  callbacks.end_headers = Hooks::OnEndHeaders;
  callbacks.stop_sending = Hooks::OnStopSending;
  callbacks.end_stream = Hooks::OnEndStream;
  callbacks.reset_stream = Hooks::OnReset;
  nghttp3_settings settings;
  nghttp3_settings_default(&settings);
  settings.max_field_section_size = configuration_.limits().max_field_section_bytes;
  settings.qpack_max_dtable_capacity = kQpackTableBytes;
  settings.qpack_encoder_max_dtable_capacity = kQpackTableBytes;
  settings.qpack_blocked_streams = kQpackBlockedStreams;
  if (nghttp3_conn_server_new(&handle_, &callbacks, &settings, nghttp3_mem_default(), this) != 0) {
    return false;
  }
  nghttp3_conn_set_max_client_streams_bidi(handle_, configuration_.limits().max_streams);
  return OpenOwnStreams();
}

bool Http3::OpenOwnStreams() {
  ngtcp2_conn* quic = transport_.quic();
  int64_t control = -1;
  int64_t encoder = -1;
  int64_t decoder = -1;
  return ngtcp2_conn_get_streams_uni_left(quic) >= 3 &&
         ngtcp2_conn_open_uni_stream(quic, &control, nullptr) == 0 &&
         ngtcp2_conn_open_uni_stream(quic, &encoder, nullptr) == 0 &&
         ngtcp2_conn_open_uni_stream(quic, &decoder, nullptr) == 0 &&
         nghttp3_conn_bind_control_stream(handle_, control) == 0 &&
         nghttp3_conn_bind_qpack_streams(handle_, encoder, decoder) == 0;
}

RequestStream* Http3::Find(int64_t stream) {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : found->second.get();
}

uint64_t Http3::OnStreamData(int64_t stream, std::span<const uint8_t> bytes, bool fin) {
  const nghttp3_ssize consumed =
      nghttp3_conn_read_stream(handle_, stream, bytes.data(), bytes.size(), fin ? 1 : 0);
  if (consumed == NGHTTP3_ERR_MALFORMED_HTTP_MESSAGING && IsRequestStream(stream)) {
    // A body of another length than its content-length says: the request's fault, not the
    // connection's (RFC 9114 §4.1.2).
    if (RequestStream* request = Find(stream)) request->OnMalformed();
    return 0;
  }
  if (consumed < 0) return ErrorOf(consumed);
  Consume(stream, static_cast<size_t>(consumed));  // all but the bodies
  return 0;
}

void Http3::Consume(int64_t stream, size_t bytes) {
  if (bytes == 0) return;
  ngtcp2_conn_extend_max_stream_offset(transport_.quic(), stream, bytes);
  ngtcp2_conn_extend_max_offset(transport_.quic(), bytes);
}

uint64_t Http3::OnAcknowledged(int64_t stream, uint64_t bytes) {
  return ErrorOf(nghttp3_conn_add_ack_offset(handle_, stream, bytes));
}

uint64_t Http3::OnStreamClosed(int64_t stream, uint64_t code) {
  const int result = nghttp3_conn_close_stream(handle_, stream, code);
  if (IsRequestStream(stream)) {
    ngtcp2_conn_extend_max_streams_bidi(transport_.quic(), 1);
  } else if (!ngtcp2_conn_is_local_stream(transport_.quic(), stream)) {
    ngtcp2_conn_extend_max_streams_uni(transport_.quic(), 1);
  }
  return result == NGHTTP3_ERR_STREAM_NOT_FOUND ? 0 : ErrorOf(result);
}

uint64_t Http3::OnCancelled(int64_t stream) {
  RequestStream* request = Find(stream);
  if (request == nullptr) return 0;
  request->OnCancelled();
  // To begin a request costs a client little and us a request to Caddy ("rapid reset").
  const bool fair = cancels_.Take(configuration_.limits().max_cancels_per_second, transport_.now());
  return fair ? 0 : NGHTTP3_H3_EXCESSIVE_LOAD;
}

void Http3::OnStreamUnblocked(int64_t stream) { nghttp3_conn_unblock_stream(handle_, stream); }

void Http3::OnMoreStreams(uint64_t max_streams) {
  nghttp3_conn_set_max_client_streams_bidi(handle_, max_streams);
}

nghttp3_ssize Http3::NextData(int64_t* stream, int* fin, std::span<nghttp3_vec> vectors) {
  return nghttp3_conn_writev_stream(handle_, stream, fin, vectors.data(), vectors.size());
}

uint64_t Http3::OnDataWritten(int64_t stream, size_t bytes) {
  return ErrorOf(nghttp3_conn_add_write_offset(handle_, stream, bytes));
}

void Http3::OnDataBlocked(int64_t stream) { nghttp3_conn_block_stream(handle_, stream); }
void Http3::OnDataRefused(int64_t stream) { nghttp3_conn_shutdown_stream_write(handle_, stream); }

void Http3::AnnounceShutdown() {
  nghttp3_conn_submit_shutdown_notice(handle_);
  transport_.WantWrite();
}

void Http3::Shutdown() {
  nghttp3_conn_shutdown(handle_);
  transport_.WantWrite();
}

bool Http3::drained() const { return nghttp3_conn_is_drained(handle_) != 0; }

void Http3::ReleaseHeld(size_t bytes) {
  was_full_ = was_full_ || full();
  held_ -= bytes;
  if (!was_full_ || held_ > configuration_.limits().connection_send_buffer / 2) return;
  was_full_ = false;
  for (const auto& [id, request] : streams_) request->ResumeIfPaused();
}

}  // namespace lockstep::agent::quicd::server

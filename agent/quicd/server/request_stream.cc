#include "agent/quicd/server/request_stream.h"

#include <ngtcp2/ngtcp2.h>

#include <algorithm>
#include <charconv>

#include "agent/quicd/server/http3.h"

namespace lockstep::agent::quicd::server {
namespace {

using upstream::Header;

constexpr size_t kFieldOverhead = 32;  // RFC 9114 §4.2.2

nghttp3_nv Field(std::string_view name, std::string_view value) {
  return {reinterpret_cast<const uint8_t*>(name.data()),
          reinterpret_cast<const uint8_t*>(value.data()), name.size(), value.size(),
          NGHTTP3_NV_FLAG_NONE};
}

// "www.example.test" of "www.example.test:443"; "" for what is no host and port.
std::string_view HostOf(std::string_view authority) {
  const size_t colon = authority.find(':');
  if (colon == std::string_view::npos) return authority;
  const std::string_view port = authority.substr(colon + 1);
  const bool digits =
      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits && !port.empty() ? authority.substr(0, colon) : std::string_view();
}

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  return out;
}

std::optional<uint64_t> ParseLength(std::string_view text) {
  uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return length;
}

nghttp3_ssize ReadBodyHook(nghttp3_conn*, int64_t, nghttp3_vec* vectors, size_t count,
                           uint32_t* flags, void*, void* stream) {
  return static_cast<RequestStream*>(stream)->ReadBody({vectors, count}, flags);
}

}  // namespace

RequestStream::~RequestStream() {
  exchange_.reset();
  http3_.ReleaseHeld(held_bytes_);
  // The stream is gone, but its bytes still count against the connection.
  if (unconsumed_ > 0) ngtcp2_conn_extend_max_offset(http3_.transport().quic(), unconsumed_);
}

void RequestStream::OnField(int32_t token, std::string_view name, std::string_view value) {
  field_bytes_ += name.size() + value.size() + kFieldOverhead;
  if (field_bytes_ > http3_.configuration().limits().max_field_section_bytes) {
    too_large_ = true;
    return;
  }
  switch (token) {
    case NGHTTP3_QPACK_TOKEN__METHOD:
      head_.method = value;
      return;
    case NGHTTP3_QPACK_TOKEN__SCHEME:
      head_.scheme = value;
      return;
    case NGHTTP3_QPACK_TOKEN__AUTHORITY:
      head_.authority = value;
      return;
    case NGHTTP3_QPACK_TOKEN__PATH:
      head_.path = value;
      return;
    case NGHTTP3_QPACK_TOKEN_HOST:
      host_field_ = value;
      return;
    case NGHTTP3_QPACK_TOKEN_TE:
      return;  // of this hop; nghttp3 lets "trailers" alone through
    case NGHTTP3_QPACK_TOKEN_COOKIE:
      // RFC 9114 §4.2.1: one field again, for a hop that is not HTTP/2 or 3.
      cookies_ += (cookies_.empty() ? "" : "; ") + std::string(value);
      return;
    case NGHTTP3_QPACK_TOKEN_CONTENT_LENGTH:
      head_.content_length = ParseLength(value);
      break;
    default:
      break;
  }
  head_.headers.push_back({std::string(name), std::string(value)});
}

int RequestStream::Check() const {
  if (too_large_) return 431;
  if (head_.method == "CONNECT") return 501;
  if (head_.scheme != "https") return 400;
  if (!host_field_.empty() && host_field_ != head_.authority) return 400;  // RFC 9114 §4.3.1
  if (host_.empty()) return 400;
  if (http3_.configuration().FindSite(host_) == nullptr) return 421;
  return upstream::CheckRequest(head_).ok() ? 0 : 400;
}

void RequestStream::OnHeadComplete(bool fin) {
  if (head_.authority.empty()) head_.authority = host_field_;
  host_ = Lower(HostOf(head_.authority));
  if (!cookies_.empty()) head_.headers.push_back({"cookie", std::move(cookies_)});
  const Endpoint& client = http3_.transport().client();
  head_.client_address = client.address.ToString();
  head_.client_port = client.port;
  head_.has_body = !fin;
  if (const int refusal = Check(); refusal != 0) {
    Respond(refusal);
  } else {
    exchange_ = http3_.upstream().Start(std::move(head_), *this);
  }
  head_ = {};
}

void RequestStream::OnRequestBody(std::span<const uint8_t> bytes) {
  unconsumed_ += bytes.size();
  if (exchange_ != nullptr && !request_unwanted_) {
    exchange_->Write(bytes);
  } else {
    OnWritten(bytes.size());
  }
}

void RequestStream::OnRequestComplete() {
  if (request_complete_) return;
  request_complete_ = true;
  if (exchange_ != nullptr && !request_unwanted_) exchange_->Finish();
}

void RequestStream::OnCancelled() { ResetWith(NGHTTP3_H3_REQUEST_CANCELLED); }
void RequestStream::OnMalformed() { ResetWith(NGHTTP3_H3_MESSAGE_ERROR); }

void RequestStream::OnWritten(size_t bytes) {
  const size_t consumed = std::min(bytes, unconsumed_);
  unconsumed_ -= consumed;
  http3_.Consume(id_, consumed);
  http3_.transport().WantWrite();
}

void RequestStream::OnInterim(const upstream::ResponseHead& head) {
  const std::string status = std::to_string(head.status);
  std::vector<nghttp3_nv> fields = {Field(":status", status)};
  for (const Header& header : head.headers) fields.push_back(Field(header.name, header.value));
  nghttp3_conn_submit_info(http3_.handle(), id_, fields.data(), fields.size());
  http3_.transport().WantWrite();
}

void RequestStream::OnHead(upstream::ResponseHead head) { Submit(head.status, head.headers); }

void RequestStream::Submit(int status, const std::vector<Header>& headers) {
  const std::string code = std::to_string(status);
  const std::string_view alt_svc = http3_.transport().AltSvcFor(host_);
  std::vector<nghttp3_nv> fields;
  fields.reserve(headers.size() + 2);
  fields.push_back(Field(":status", code));
  for (const Header& header : headers) {
    // One source of Alt-Svc alone: neither Caddy's default nor an origin's own gets out.
    if (header.name != "alt-svc") fields.push_back(Field(header.name, header.value));
  }
  // RFC 7838 §6: in a 421 it would be ignored.
  if (!alt_svc.empty() && status != 421) fields.push_back(Field("alt-svc", alt_svc));
  const nghttp3_data_reader reader{ReadBodyHook};
  if (nghttp3_conn_submit_response(http3_.handle(), id_, fields.data(), fields.size(), &reader) !=
      0) {
    return ResetWith(NGHTTP3_H3_INTERNAL_ERROR);
  }
  responding_ = true;
  http3_.transport().WantWrite();
}

void RequestStream::Respond(int status) {
  if (status >= 500) ++http3_.counters().requests_failed;
  response_complete_ = true;
  request_unwanted_ = true;
  Submit(status, {{"content-length", "0"}});
}

void RequestStream::OnBody(upstream::Slice slice) {
  if (slice.size == 0) return;
  held_bytes_ += slice.size;
  http3_.AddHeld(slice.size);
  held_.push_back(std::move(slice));
  if (!paused_ && exchange_ != nullptr &&
      (held_bytes_ >= http3_.configuration().limits().stream_send_buffer || http3_.full())) {
    paused_ = true;
    exchange_->Pause();
  }
  nghttp3_conn_resume_stream(http3_.handle(), id_);
  http3_.transport().WantWrite();
}

void RequestStream::OnEnd(std::vector<Header> trailers) {
  trailers_ = std::move(trailers);
  response_complete_ = true;
  exchange_.reset();
  nghttp3_conn_resume_stream(http3_.handle(), id_);
  http3_.transport().WantWrite();
}

void RequestStream::OnFailed(upstream::Failure failure, std::string) {
  exchange_.reset();
  if (!responding_) return Respond(failure == upstream::Failure::kTimeout ? 504 : 502);
  ++http3_.counters().requests_failed;
  ResetWith(NGHTTP3_H3_INTERNAL_ERROR);
}

void RequestStream::ResetWith(uint64_t code) {
  exchange_.reset();
  request_complete_ = true;
  nghttp3_conn_shutdown_stream_read(http3_.handle(), id_);
  nghttp3_conn_shutdown_stream_write(http3_.handle(), id_);
  ngtcp2_conn_shutdown_stream(http3_.transport().quic(), 0, id_, code);
  http3_.transport().WantWrite();
}

void RequestStream::StopRequest() {
  request_unwanted_ = true;
  if (request_complete_) return;
  // RFC 9114 §4.1: the answer is complete without the rest of the request.
  ngtcp2_conn_shutdown_stream_read(http3_.transport().quic(), 0, id_, NGHTTP3_H3_NO_ERROR);
}

nghttp3_ssize RequestStream::ReadBody(std::span<nghttp3_vec> vectors, uint32_t* flags) {
  size_t count = 0;
  for (; count < vectors.size() && offered_ < held_.size(); ++count, ++offered_) {
    const upstream::Slice& slice = held_[offered_];
    vectors[count] = {const_cast<uint8_t*>(slice.block->data()) + slice.offset, slice.size};
  }
  if (offered_ == held_.size() && response_complete_) {
    *flags |= NGHTTP3_DATA_FLAG_EOF;
    if (!trailers_.empty()) {
      std::vector<nghttp3_nv> fields;
      for (const Header& trailer : trailers_) fields.push_back(Field(trailer.name, trailer.value));
      *flags |= NGHTTP3_DATA_FLAG_NO_END_STREAM;
      nghttp3_conn_submit_trailers(http3_.handle(), id_, fields.data(), fields.size());
    }
    StopRequest();
  } else if (count == 0) {
    return NGHTTP3_ERR_WOULDBLOCK;
  }
  return static_cast<nghttp3_ssize>(count);
}

void RequestStream::OnAcknowledged(uint64_t bytes) {
  size_t released = 0;
  acknowledged_ += bytes;
  while (!held_.empty() && acknowledged_ >= held_.front().size) {
    acknowledged_ -= held_.front().size;
    released += held_.front().size;
    held_.pop_front();
    --offered_;
  }
  held_bytes_ -= released;
  http3_.ReleaseHeld(released);
  ResumeIfPaused();
}

void RequestStream::ResumeIfPaused() {
  if (!paused_ || exchange_ == nullptr || http3_.full() ||
      held_bytes_ > http3_.configuration().limits().stream_send_buffer / 2) {
    return;
  }
  paused_ = false;
  exchange_->Resume();
}

}  // namespace lockstep::agent::quicd::server

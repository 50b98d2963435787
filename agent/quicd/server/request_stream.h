// One request and its response: from HTTP/3 to Caddy and back, with back-pressure both ways.
//
// Request bytes: the peer may send as many as flow control allows, and gets more when the kernel
// has taken them towards Caddy. Response bytes are held, uncopied, until the peer has acknowledged
// them; when that is more than a limit, Caddy's socket is not read.
#pragma once

#include <nghttp3/nghttp3.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/quicd/upstream/upstream.h"

namespace lockstep::agent::quicd::server {

class Http3;

class RequestStream final : public upstream::Listener {
 public:
  RequestStream(Http3& http3, int64_t id) : http3_(http3), id_(id) {}
  ~RequestStream() override;

  // The request, as nghttp3 reads it.
  void OnField(int32_t token, std::string_view name, std::string_view value);
  void OnHeadComplete(bool fin);
  void OnRequestBody(std::span<const uint8_t> bytes);
  void OnRequestComplete();
  // The client gave up on the request, or on the response.
  void OnCancelled();
  void OnMalformed();

  // The response, as nghttp3 wants it.
  nghttp3_ssize ReadBody(std::span<nghttp3_vec> vectors, uint32_t* flags);
  void OnAcknowledged(uint64_t bytes);
  // There is room again for the response bytes of the whole connection.
  void ResumeIfPaused();

  // upstream::Listener
  void OnInterim(const upstream::ResponseHead& head) override;
  void OnHead(upstream::ResponseHead head) override;
  void OnBody(upstream::Slice slice) override;
  void OnEnd(std::vector<upstream::Header> trailers) override;
  void OnFailed(upstream::Failure failure, std::string why) override;
  void OnWritten(size_t bytes) override;

 private:
  // 0, or the status to refuse the request with.
  int Check() const;
  void StartExchange(bool fin);
  // An answer of our own, without asking Caddy.
  void Respond(int status);
  void Submit(int status, const std::vector<upstream::Header>& headers);
  // Ends both directions.
  void ResetWith(uint64_t code);
  // Nothing more of the request is wanted.
  void StopRequest();

  Http3& http3_;
  const int64_t id_;

  upstream::RequestHead head_;
  std::string host_;  // of its authority, in lower case
  std::string host_field_;
  std::string cookies_;
  size_t field_bytes_ = 0;
  bool too_large_ = false;
  bool request_complete_ = false;
  bool request_unwanted_ = false;
  size_t unconsumed_ = 0;  // request bytes for which flow control has not been extended

  std::unique_ptr<upstream::Exchange> exchange_;
  std::deque<upstream::Slice> held_;
  size_t offered_ = 0;       // slices of held_ that nghttp3 has
  size_t acknowledged_ = 0;  // bytes of held_.front()
  size_t held_bytes_ = 0;
  std::vector<upstream::Header> trailers_;
  bool responding_ = false;  // a final head has been submitted
  bool response_complete_ = false;
  bool paused_ = false;
};

}  // namespace lockstep::agent::quicd::server

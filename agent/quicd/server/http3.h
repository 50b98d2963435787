// HTTP/3 on one QUIC connection: nghttp3 between the streams of the connection and the requests.
//
// nghttp3 checks what RFC 9114 asks of a message's form: pseudo-fields, their order and number,
// names in lower case, no connection-specific fields, a body as long as its content-length says;
// frame types and their places, stream types, GOAWAY and SETTINGS. What it leaves to us is in
// request_stream.cc: the size of a field section, and what the request is allowed to be for.
#pragma once

#include <nghttp3/nghttp3.h>
#include <ngtcp2/ngtcp2.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "agent/quicd/server/configuration.h"
#include "agent/quicd/server/counters.h"
#include "agent/quicd/server/rate_limit.h"
#include "agent/quicd/server/request_stream.h"
#include "agent/quicd/upstream/upstream.h"

namespace lockstep::agent::quicd::server {

// What HTTP/3 needs of its QUIC connection.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual ngtcp2_conn* quic() = 0;
  virtual void WantWrite() = 0;
  virtual MonoTime now() const = 0;
  virtual const Endpoint& client() const = 0;
  // The header of the site that answers for `host`, as it is configured now and not when the
  // connection began: what a client is told binds the whole fleet. Without a host: of the site that
  // the handshake was for. "": none.
  virtual std::string_view AltSvcFor(std::string_view host) const = 0;
};

class Http3 {
 public:
  // Null when the client allows too few streams to begin. All references outlive it.
  static std::unique_ptr<Http3> Create(Transport& transport, const Configuration& configuration,
                                       upstream::Upstream& upstream, Counters& counters);
  ~Http3();
  Http3(const Http3&) = delete;
  Http3& operator=(const Http3&) = delete;

  // From ngtcp2's callbacks. Non-zero is the HTTP/3 error that the connection ends with.
  uint64_t OnStreamData(int64_t stream, std::span<const uint8_t> bytes, bool fin);
  uint64_t OnAcknowledged(int64_t stream, uint64_t bytes);
  uint64_t OnStreamClosed(int64_t stream, uint64_t code);
  // The client gave up on a request, or on its response.
  uint64_t OnCancelled(int64_t stream);
  void OnStreamUnblocked(int64_t stream);
  void OnMoreStreams(uint64_t max_streams);

  // For the connection's write loop: what to send next; -1 in `stream` if nothing.
  nghttp3_ssize NextData(int64_t* stream, int* fin, std::span<nghttp3_vec> vectors);
  uint64_t OnDataWritten(int64_t stream, size_t bytes);
  void OnDataBlocked(int64_t stream);
  void OnDataRefused(int64_t stream);

  // GOAWAY: first "soon", with the highest id there is, then "now", with the real one.
  void AnnounceShutdown();
  void Shutdown();
  bool drained() const;

  // For RequestStream.
  nghttp3_conn* handle() { return handle_; }
  Transport& transport() { return transport_; }
  const Configuration& configuration() const { return configuration_; }
  upstream::Upstream& upstream() { return upstream_; }
  Counters& counters() { return counters_; }
  // Response bytes that are held for the peer; false: too many, on all requests together.
  void AddHeld(size_t bytes) { held_ += bytes; }
  void ReleaseHeld(size_t bytes);
  bool full() const { return held_ >= configuration_.limits().connection_send_buffer; }
  void Consume(int64_t stream, size_t bytes);

 private:
  struct Hooks;  // what nghttp3 calls
  Http3(Transport& transport, const Configuration& configuration, upstream::Upstream& upstream,
        Counters& counters)
      : transport_(transport),
        configuration_(configuration),
        upstream_(upstream),
        counters_(counters) {}
  bool Init();
  bool OpenOwnStreams();
  RequestStream* Find(int64_t stream);

  Transport& transport_;
  const Configuration& configuration_;
  upstream::Upstream& upstream_;
  Counters& counters_;
  nghttp3_conn* handle_ = nullptr;
  std::map<int64_t, std::unique_ptr<RequestStream>> streams_;
  size_t held_ = 0;
  bool was_full_ = false;
  RateLimit cancels_;
};

}  // namespace lockstep::agent::quicd::server

// What a probe is asked and what it saw. Plain values: the controller judges, this room only looks.
//
// An observation is always complete: what went wrong is in `error` ("" = the exchange worked), and
// everything seen until then is kept beside it. Texts, header values and names come from the other
// side as they are: show them through Quoted().
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/ip.h"

namespace lockstep::probe {

// Where a probe goes; it connects to exactly this endpoint, whatever DNS or the environment say.
struct Route {
  Endpoint target;
  std::optional<IpAddress> source;  // the local address to come from; unset = the kernel's choice
  Micros deadline = Seconds(5);     // for the whole exchange
};

enum class HttpScheme { kHttp, kHttps };

struct HttpRequest {
  Route route;
  HttpScheme scheme = HttpScheme::kHttp;  // kHttps: SNI is `host`, nothing is verified
  Hostname host;                          // the Host header, without a port
  std::string path = "/";                 // with the query; sent as it is
  std::vector<std::pair<std::string, std::string>> headers;  // beside Host, which is `host`
  size_t max_body_bytes = 65536;
};

struct HttpObservation {
  bool connected = false;  // TCP was established
  int status_code = 0;     // 0 = no response line came
  std::string body;        // decoded from chunks; at most max_body_bytes
  bool truncated = false;  // the body was longer than max_body_bytes: the rest was not read
  std::multimap<std::string, std::string> headers;  // names in lower case
  Endpoint remote;
  Micros elapsed{0};
  std::string error;

  // The value of `name` (lower case), several joined by ", " (RFC 9110 §5.3); unset = not there.
  std::optional<std::string> FindHeader(const std::string& name) const;
};

// What the other side showed as its certificate, leaf first. Fingerprints are SHA-256 over the DER
// form, in lower-case hex.
struct CertificateObservation {
  std::string leaf_sha256;                // "" = no certificate came, or none that can be read
  std::vector<std::string> chain_sha256;  // of each further certificate, as sent
  std::string serial;                     // lower-case hex, whole bytes: "04d2"
  WallTime not_before{};
  WallTime not_after{};
  std::vector<std::string> dns_names;  // subjectAltName
};

struct TlsRequest {
  Route route;
  Hostname sni;
  std::vector<std::string> alpn = {"h2", "http/1.1"};
};

struct TlsObservation {
  bool connected = false;  // TCP was established
  bool handshake = false;  // completed
  CertificateObservation certificate;
  std::string alpn;     // "" = none negotiated
  std::string version;  // "TLSv1.3"
  Endpoint remote;
  Micros elapsed{0};  // until the handshake was completed or had failed
  std::string error;  // with the name of a TLS alert where one was received
};

struct QuicRequest {
  Route route;
  Hostname sni;
  std::vector<std::string> alpn = {"h3"};
  // Go on at the address of the same family that the server prefers, where it offers one: what a
  // client does after the handshake. Takes at most half of what the handshake left of the deadline.
  bool follow_preferred_address = false;
};

// RFC 9000 §18.2. Durations as sent (milliseconds), limits in bytes or streams.
struct TransportParameters {
  bool disable_active_migration = false;
  Millis max_idle_timeout{0};  // 0 = none
  uint64_t max_udp_payload_size = 0;
  uint64_t active_connection_id_limit = 0;
  uint64_t initial_max_data = 0;
  uint64_t initial_max_stream_data_bidi_local = 0;
  uint64_t initial_max_stream_data_bidi_remote = 0;
  uint64_t initial_max_stream_data_uni = 0;
  uint64_t initial_max_streams_bidi = 0;
  uint64_t initial_max_streams_uni = 0;
  uint64_t max_datagram_frame_size = 0;
  bool stateless_reset_token = false;  // there is one; its value is a secret and stays unread
  size_t scid_length = 0;              // of the server's first source connection ID, in bytes

  struct PreferredAddress {
    std::optional<Endpoint> ipv4;
    std::optional<Endpoint> ipv6;
    std::string connection_id;  // hex
  };
  std::optional<PreferredAddress> preferred_address;
};

struct QuicObservation {
  bool handshake = false;  // completed
  CertificateObservation certificate;
  std::string alpn;
  std::string version;  // "QUICv1"; "" before a handshake
  std::optional<TransportParameters> transport_parameters;
  Endpoint remote;
  Micros elapsed{0};  // until the handshake was completed or had failed
  std::string error;  // with the TLS alert, the peer's close code, or "Connection refused"
  // Where the connection went on: the path was validated, and a datagram came from there. Unset =
  // it stayed; because it could not move only if there is a `move_error`.
  std::optional<Endpoint> moved_to;
  std::string move_error;  // what a handshake showed is no less true for it
};

}  // namespace lockstep::probe

#include "common/probe/transport_parameters.h"

#include <netinet/in.h>

#include "common/base/encoding.h"

namespace lockstep::probe {
namespace {

Endpoint ToEndpoint(const sockaddr* address, uint16_t network_port) {
  const Result<IpAddress> ip = IpAddress::FromSockaddr(address);
  LS_CHECK(ip.ok());  // made by ngtcp2 from its own families
  return {*ip, ntohs(network_port)};
}

}  // namespace

TransportParameters Describe(const ngtcp2_transport_params& sent) {
  TransportParameters out;
  out.disable_active_migration = sent.disable_active_migration != 0;
  out.max_idle_timeout =
      std::chrono::duration_cast<Millis>(std::chrono::nanoseconds(sent.max_idle_timeout));
  out.max_udp_payload_size = sent.max_udp_payload_size;
  out.active_connection_id_limit = sent.active_connection_id_limit;
  out.initial_max_data = sent.initial_max_data;
  out.initial_max_stream_data_bidi_local = sent.initial_max_stream_data_bidi_local;
  out.initial_max_stream_data_bidi_remote = sent.initial_max_stream_data_bidi_remote;
  out.initial_max_stream_data_uni = sent.initial_max_stream_data_uni;
  out.initial_max_streams_bidi = sent.initial_max_streams_bidi;
  out.initial_max_streams_uni = sent.initial_max_streams_uni;
  out.max_datagram_frame_size = sent.max_datagram_frame_size;
  out.stateless_reset_token = sent.stateless_reset_token_present != 0;
  out.scid_length = sent.initial_scid_present != 0 ? sent.initial_scid.datalen : 0;
  if (sent.preferred_addr_present != 0) {
    const ngtcp2_preferred_addr& address = sent.preferred_addr;
    auto& preferred = out.preferred_address.emplace();
    if (address.ipv4_present != 0) {
      preferred.ipv4 =
          ToEndpoint(reinterpret_cast<const sockaddr*>(&address.ipv4), address.ipv4.sin_port);
    }
    if (address.ipv6_present != 0) {
      preferred.ipv6 =
          ToEndpoint(reinterpret_cast<const sockaddr*>(&address.ipv6), address.ipv6.sin6_port);
    }
    preferred.connection_id =
        HexEncode({reinterpret_cast<const char*>(address.cid.data), address.cid.datalen});
  }
  return out;
}

}  // namespace lockstep::probe

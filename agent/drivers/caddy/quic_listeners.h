// QuicListeners: how Caddy before 2.7 is brought to serve new certificates on HTTP/3.
//
// Its QUIC listener keeps the TLS configuration with which it was opened, so it must be closed and
// opened anew, between a load without HTTP/3 and one with it. Measured on 2.6.2, that alone ends in
// silence for ever on about one address of two: Caddy closes the UDP socket before the listener on
// it, the listener's reader may notice first, and then Caddy never drops the listener from its pool
// of shared ones, which the next load takes it from. While somebody else uses the UDP socket too it
// is not closed, the listener is, and 360 of 360 renewals came out right. That somebody is an
// HTTP/1 server on a UDP socket, which the driver asks for once: Caddy takes the socket, finds that
// it cannot be served, and abandons that load (its admin API recovers and drops the connection);
// the old config serves on, and the socket is in use until Caddy ends.
// docs/adr/2026-11-21-caddy-http3-listeners.md has the whole story.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "agent/drivers/caddy/admin.h"
#include "agent/drivers/caddy/render.h"
#include "common/probe/probe.h"

namespace lockstep::agent::drivers::caddy {

class QuicListeners {
 public:
  using Handshake = std::function<probe::QuicObservation(const probe::QuicRequest&)>;
  QuicListeners(Admin& admin, const RenderSettings& settings, Handshake handshake)
      : admin_(admin), settings_(settings), handshake_(std::move(handshake)) {}

  // Where the config of ours that Caddy runs listens with HTTP/3: these are open and held.
  Result<std::set<IpAddress>> FindOpen() const;

  // Before the first load that opens it: keeps the address's UDP socket for as long as Caddy lives.
  Status Hold(const IpAddress& address) const;

  // A leaf that a listener opened with the new certificates shows, and one opened with the old ones
  // does not.
  struct Sign {
    Hostname host;
    std::string leaf_sha256;
  };
  // Loads `without`, then `with`, until every address shows all signs: at most seven times, since a
  // load returns before the old config has let go. Returns what is still not right: "HTTP/3 at
  // 203.0.113.10 shows …; restart caddy". An error is that of a load; the second one's leaves Caddy
  // with `without`.
  Result<std::vector<std::string>> Renew(std::string_view without, std::string_view with,
                                         std::span<const IpAddress> addresses,
                                         std::span<const Sign> signs) const;

 private:
  std::vector<std::string> FindWrong(std::span<const IpAddress> addresses,
                                     std::span<const Sign> signs) const;

  Admin& admin_;
  const RenderSettings& settings_;
  const Handshake handshake_;
};

}  // namespace lockstep::agent::drivers::caddy

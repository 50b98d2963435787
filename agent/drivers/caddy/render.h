// Rendering: a desired state as the JSON config of Caddy 2.6. Pure.
//
// What each part of the config is there for was tried on Caddy 2.6.2; the comments in render.cc say
// what goes wrong without it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/drivers/caddy/config_id.h"
#include "agent/reconcile/desired.h"
#include "common/base/clock.h"
#include "common/crypto/secret.h"
#include "common/status/status.h"

namespace lockstep::agent::drivers::caddy {

struct RenderSettings {
  std::string admin_socket;  // absolute path
  // Holds one file per token, named like it. Caddy follows symbolic links in it: nobody but the
  // agent may write there.
  std::string challenge_directory;
  std::string miss_socket;  // who is asked for a token that is not there
  // How long requests that began under an older config may still take.
  Seconds grace_period{300};
  uint16_t http_port = 80;
  uint16_t https_port = 443;
  // Where lockstep-quicd passes requests on to, where it has UDP 443; on loopback. The key keeps
  // this machine's other users off it (secret).
  Endpoint plain_listener{*IpAddress::Parse("127.0.0.1"), 7445};
  std::string plain_key = {};
};

struct RenderedConfig {
  ConfigId id;
  crypto::Secret json;  // with the private keys
};

// Caddy's own. Even where on it is served only once there is a certificate: before, no handshake
// could succeed; and only where Caddy is to have UDP 443.
enum class Http3 { kOn, kOff };

// The same input gives the same bytes. INVALID_ARGUMENT if a text in it is no UTF-8.
Result<RenderedConfig> RenderConfig(const reconcile::Desired& desired,
                                    const RenderSettings& settings, Http3 http3);

// The name of the HTTPS server in a config that leaves UDP 443 to others: a Caddy before 2.7 that
// runs one of the other name may hold UDP sockets (QuicListeners).
inline constexpr char kHttpsOverTcpOnly[] = "https_tcp";

// Where its servers listen, each address once: service addresses and the node's own.
std::vector<IpAddress> ListenAddresses(const reconcile::Desired& desired);

// A config that makes Caddy 2.6 take `endpoint`'s UDP socket into use once more and then give up:
// see QuicListeners. Its id is kHoldId.
inline constexpr char kHoldId[] = "lockstep-hold";
std::string RenderHold(const RenderSettings& settings, const IpAddress& address);

// The "admin" part of every config.
std::string RenderAdmin(const RenderSettings& settings);

// `text` as Caddy must be given it to come out byte for byte where Caddy replaces placeholders.
std::string EscapePlaceholders(std::string_view text);

// Caddy's placeholder for what it speaks itself.
inline constexpr char kCaddyProtocol[] = "{http.request.proto}";

// A preset's body for Caddy: {node} and {pop} filled in, {protocol} as the placeholder that holds
// it, all else escaped.
std::string RenderPresetBody(std::string_view body, const NodeName& node, const PopName& pop,
                             std::string_view protocol = kCaddyProtocol);

}  // namespace lockstep::agent::drivers::caddy

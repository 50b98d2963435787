#include "agent/drivers/caddy/quic_listeners.h"

#include <nlohmann/json.hpp>

#include "common/net/limit.h"

namespace lockstep::agent::drivers::caddy {
namespace {

constexpr int kAttempts = 7;
// How long the old config gets to let go of its listeners; doubled with each attempt. 5 ms were
// always enough on an idle machine.
constexpr Micros kFirstPause = Millis(5);
constexpr Micros kHandshakeDeadline = Millis(500);

void Pause(Micros duration) {
  const net::Limit limit(duration, std::stop_token());
  (void)limit.WaitUntil({}, limit.deadline()).ok();
}

// The strings of a JSON array; empty if it is none.
std::vector<std::string> Strings(const std::string& text) {
  std::vector<std::string> out;
  const auto parsed = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_array()) return out;
  for (const auto& item : parsed) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

}  // namespace

Result<std::set<IpAddress>> QuicListeners::FindOpen() const {
  LS_ASSIGN_OR_RETURN(const std::string protocols,
                      admin_.GetConfig("/apps/http/servers/https/protocols"));
  LS_ASSIGN_OR_RETURN(const std::string listen,
                      admin_.GetConfig("/apps/http/servers/https/listen"));
  std::set<IpAddress> out;
  const std::vector<std::string> spoken = Strings(protocols);
  if (std::find(spoken.begin(), spoken.end(), "h3") == spoken.end()) return out;
  for (const std::string& text : Strings(listen)) {
    const Result<Endpoint> endpoint = Endpoint::Parse(text);
    if (endpoint.ok() && endpoint->port == settings_.https_port) out.insert(endpoint->address);
  }
  return out;
}

Status QuicListeners::Hold(const IpAddress& address) const {
  const Status loaded = admin_.Load(RenderHold(settings_, address));
  if (loaded.ok()) return Internal("caddy accepts a server on a UDP socket");
  // Given up as it should be, or not reached at all: the config it shows tells.
  const Result<std::string> id = admin_.GetConfig("/@id");
  return id.ok() && *id == '"' + std::string(kHoldId) + '"' ? Status::Ok() : loaded;
}

Result<std::vector<std::string>> QuicListeners::Renew(std::string_view without,
                                                      std::string_view with,
                                                      std::span<const IpAddress> addresses,
                                                      std::span<const Sign> signs) const {
  std::vector<std::string> wrong;
  Micros pause = kFirstPause;
  for (int attempt = 0; attempt < kAttempts; ++attempt, pause *= 2) {
    LS_RETURN_IF_ERROR(admin_.Load(without));
    Pause(pause);
    LS_RETURN_IF_ERROR(admin_.Load(with));
    wrong = FindWrong(addresses, signs);
    if (wrong.empty()) break;
  }
  return wrong;
}

std::vector<std::string> QuicListeners::FindWrong(std::span<const IpAddress> addresses,
                                                  std::span<const Sign> signs) const {
  std::vector<std::string> out;
  for (const IpAddress& address : addresses) {
    for (const Sign& sign : signs) {
      probe::QuicRequest request;
      request.route = {{address, settings_.https_port}, std::nullopt, kHandshakeDeadline};
      request.sni = sign.host;
      const probe::QuicObservation seen = handshake_(request);
      if (seen.handshake && seen.certificate.leaf_sha256 == sign.leaf_sha256) continue;
      out.push_back("HTTP/3 at " + address.ToString() +
                    (seen.handshake ? " shows an old certificate" : " does not answer") + " for " +
                    sign.host.ascii() + "; restart caddy");
      break;
    }
  }
  return out;
}

}  // namespace lockstep::agent::drivers::caddy

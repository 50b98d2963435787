#include "agent/quicd/server/configuration.h"

#include <algorithm>
#include <utility>

#include "common/crypto/digest.h"

namespace lockstep::agent::quicd::server {
namespace {

// How long an address is taken as validated: a Retry is answered at once, a NEW_TOKEN is for the
// client's next visits.
constexpr Seconds kRetryLifetime(10);
constexpr Seconds kRegularLifetime = std::chrono::hours(24);

constexpr Millis kMinIdleTimeout = Seconds(1);
constexpr Millis kMaxIdleTimeout = std::chrono::minutes(10);
constexpr size_t kMaxAltSvcBytes = 1024;

using Errors = std::vector<std::string>;

std::string Join(const Errors& errors) {
  std::string all;
  for (const std::string& error : errors) all += (all.empty() ? "" : "\n") + error;
  return all;
}

void CheckOwn(const std::string& name, const PreferredAddress& own, bool v6,
              const std::vector<IpAddress>& services, Errors* errors) {
  for (const Endpoint& endpoint : {own.advertised, own.bound}) {
    if (endpoint.address.is_v6() != v6 || endpoint.address.IsUnspecified() || endpoint.port == 0) {
      errors->push_back(name + ": " + endpoint.ToString() + " is no such address with a port");
    } else if (std::find(services.begin(), services.end(), endpoint.address) != services.end()) {
      errors->push_back(name + ": " + endpoint.ToString() +
                        " is a service address; it must be the node's own");
    }
  }
}

bool IsFieldValue(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

Result<std::shared_ptr<const Configuration>> Configuration::Build(Settings settings,
                                                                  const Configuration* previous) {
  TicketKeys tickets = std::move(settings.ticket_keys);
  Errors errors;
  if (tickets.current.size() != kTicketKeyBytes ||
      std::any_of(tickets.also_accepted.begin(), tickets.also_accepted.end(),
                  [](const crypto::Secret& key) { return key.size() != kTicketKeyBytes; })) {
    errors.emplace_back(
        "session-ticket keys: each must have 64 bytes, and there must be a current one");
  }
  std::shared_ptr<Configuration> made(new Configuration(std::move(settings), std::move(tickets)));
  made->CheckAddresses(&errors);
  made->CheckKeys(&errors);
  made->CheckLimits(&errors);
  made->BuildSites(previous, &errors);
  if (!errors.empty()) return InvalidArgument(Join(errors));
  return std::shared_ptr<const Configuration>(std::move(made));
}

const ServedSite* Configuration::FindSite(std::string_view host) const {
  const auto found = by_host_.find(host);
  return found == by_host_.end() ? nullptr : found->second;
}

bool Configuration::IsWitness(const IpAddress& address) const {
  const auto& witnesses = settings_.witnesses;
  return std::find(witnesses.begin(), witnesses.end(), address) != witnesses.end();
}

void Configuration::CheckAddresses(Errors* errors) const {
  if (settings_.port == 0) errors->emplace_back("the service port is 0");
  for (const IpAddress& address : settings_.service_addresses) {
    // A wildcard socket would answer from whichever address the kernel picks.
    if (address.IsUnspecified() || address.IsMulticast()) {
      errors->push_back("service address " + address.ToString() + " must be one explicit address");
    }
  }
  const auto& services = settings_.service_addresses;
  if (settings_.preferred_v4) {
    CheckOwn("preferred IPv4 address", *settings_.preferred_v4, false, services, errors);
  }
  if (settings_.preferred_v6) {
    CheckOwn("preferred IPv6 address", *settings_.preferred_v6, true, services, errors);
  }
  for (const PreferredAddress& own : settings_.witnessed) {
    CheckOwn("witnessed address", own, own.advertised.address.is_v6(), services, errors);
  }
  const Result<IpAddress> caddy = IpAddress::Parse(settings_.upstream.address);
  if (!caddy.ok() || !caddy->IsLoopback() || settings_.upstream.port == 0) {
    errors->emplace_back("upstream: must be a loopback address and a port");
  }
}

void Configuration::CheckKeys(Errors* errors) {
  Result<std::shared_ptr<const cid::Codec>> codec =
      cid::Codec::Create(settings_.server_id, settings_.cid_keys);
  if (codec.ok()) {
    codec_ = std::move(codec).value();
  } else {
    errors->push_back("connection IDs: " + codec.status().message());
  }
  if (settings_.reset_key.size() < cid::kMinSecretBytes) {
    errors->emplace_back("the stateless-reset key must have at least 32 bytes");
  }
  std::vector<crypto::Secret> secrets;
  for (const crypto::Secret& key : settings_.token_keys) {
    secrets.push_back(key.Clone());
    if (key == settings_.reset_key) {
      errors->emplace_back(
          "an address-token key, which is shared, is also the stateless-reset key");
    }
  }
  Result<cid::AddressTokens> tokens =
      cid::AddressTokens::Create(std::move(secrets), kRetryLifetime, kRegularLifetime);
  if (tokens.ok()) {
    tokens_ = std::move(tokens).value();
  } else {
    errors->push_back("address tokens: " + tokens.status().message());
  }
}

void Configuration::CheckLimits(Errors* errors) const {
  const Limits& limits = settings_.limits;
  const auto between = [&](std::string_view name, uint64_t value, uint64_t low, uint64_t high) {
    if (value >= low && value <= high) return;
    errors->push_back("limit " + std::string(name) + ": " + std::to_string(value) +
                      " is not between " + std::to_string(low) + " and " + std::to_string(high));
  };
  between("max_connections", limits.max_connections, 1, 1'000'000);
  between("retry_above_half_open", limits.retry_above_half_open, 0, 1'000'000);
  between("max_streams", limits.max_streams, 1, 1000);
  between("max_field_section_bytes", limits.max_field_section_bytes, 1024, 1UL << 20);
  between("stream_receive_window", limits.stream_receive_window, 16UL << 10, 16UL << 20);
  between("connection_receive_window", limits.connection_receive_window,
          limits.stream_receive_window, 64UL << 20);
  between("stream_send_buffer", limits.stream_send_buffer, 64UL << 10, 64UL << 20);
  between("connection_send_buffer", limits.connection_send_buffer, limits.stream_send_buffer,
          256UL << 20);
  between("handshake_timeout_ms", static_cast<uint64_t>(limits.handshake_timeout.count()), 500,
          60'000);
  between("resets_per_second", limits.resets_per_second, 0, 100'000);
  between("max_cancels_per_second", limits.max_cancels_per_second, 1, 100'000);
}

void Configuration::BuildSites(const Configuration* previous, Errors* errors) {
  for (const Site& site : settings_.sites) {
    const std::string name = site.hosts.empty() ? "a site" : "site " + site.hosts.front().ascii();
    if (site.hosts.empty()) errors->emplace_back("a site has no host");
    if (site.policy.idle_timeout < kMinIdleTimeout || site.policy.idle_timeout > kMaxIdleTimeout) {
      errors->push_back(name + ": the idle timeout must be between 1 s and 10 min");
    }
    if (site.alt_svc.size() > kMaxAltSvcBytes || !IsFieldValue(site.alt_svc)) {
      errors->push_back(name + ": its Alt-Svc value is no header value of at most 1024 bytes");
    }
    Result<std::shared_ptr<const Credentials>> credentials = CredentialsOf(site, previous);
    if (!credentials.ok()) {
      errors->push_back(name + ": " + credentials.status().message());
      continue;
    }
    sites_.push_back(std::make_unique<ServedSite>(
        ServedSite{std::move(credentials).value(), site.policy, site.alt_svc}));
    for (const Hostname& host : site.hosts) {
      if (!by_host_.emplace(host.ascii(), sites_.back().get()).second) {
        errors->push_back("host " + host.ascii() + " is in two sites");
      }
    }
  }
  for (Site& site : settings_.sites) site.key_pem = crypto::Secret();  // GnuTLS has it now
}

Result<std::shared_ptr<const Credentials>> Configuration::CredentialsOf(
    const Site& site, const Configuration* previous) {
  const std::string digest =
      crypto::Sha256(crypto::Sha256(site.chain_pem) + crypto::Sha256(site.key_pem.Reveal()));
  if (const auto known = by_digest_.find(digest); known != by_digest_.end()) return known->second;
  std::shared_ptr<const Credentials> credentials;
  if (previous != nullptr) {
    const auto known = previous->by_digest_.find(digest);
    if (known != previous->by_digest_.end()) credentials = known->second;
  }
  if (credentials == nullptr) {
    LS_ASSIGN_OR_RETURN(credentials, Credentials::Load(site.chain_pem, site.key_pem));
  }
  by_digest_.emplace(digest, credentials);
  return credentials;
}

}  // namespace lockstep::agent::quicd::server

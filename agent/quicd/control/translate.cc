#include "agent/quicd/control/translate.h"

#include <utility>

namespace lockstep::agent::quicd::control {
namespace {

namespace v1 = lockstep::quicd::v1;
using Errors = std::vector<std::string>;

// The secret out of a message's field, which is wiped.
crypto::Secret Take(std::string* field) { return crypto::Secret(std::move(*field)); }

template <typename T>
std::optional<T> Parse(const std::string& text, const std::string& what, Errors* errors) {
  Result<T> parsed = T::Parse(text);
  if (parsed.ok()) return std::move(parsed).value();
  errors->push_back(what + ": " + parsed.status().message());
  return std::nullopt;
}

Millis DurationOr(bool is_set, const google::protobuf::Duration& duration, Millis otherwise) {
  if (!is_set) return otherwise;
  return Seconds(duration.seconds()) +
         std::chrono::duration_cast<Millis>(std::chrono::nanoseconds(duration.nanos()));
}

template <typename Number>
void SetIfGiven(uint32_t given, Number* number) {
  if (given != 0) *number = given;
}

std::vector<IpAddress> ParseAddresses(const google::protobuf::RepeatedPtrField<std::string>& texts,
                                      const std::string& what, Errors* errors) {
  std::vector<IpAddress> addresses;
  for (const std::string& text : texts) {
    if (auto address = Parse<IpAddress>(text, what, errors)) addresses.push_back(*address);
  }
  return addresses;
}

std::optional<server::PreferredAddress> ToPreferred(bool is_set, const v1::PreferredAddress& given,
                                                    const std::string& what, Errors* errors) {
  if (!is_set) return std::nullopt;
  const auto advertised = Parse<Endpoint>(given.advertised(), what, errors);
  const auto bound =
      given.bound().empty() ? advertised : Parse<Endpoint>(given.bound(), what, errors);
  if (!advertised || !bound) return std::nullopt;
  return server::PreferredAddress{*advertised, *bound};
}

void TakeKeys(v1::Config& config, server::Settings* settings) {
  settings->server_id = config.server_id();
  for (v1::ConnectionIdKey& key : *config.mutable_connection_id_keys()) {
    // Beyond a byte it must not come out as a small number.
    const uint8_t id = key.config_id() > 0xff ? 0xff : static_cast<uint8_t>(key.config_id());
    settings->cid_keys.push_back({id, Take(key.mutable_key())});
  }
  settings->reset_key = Take(config.mutable_reset_key());
  for (std::string& key : *config.mutable_token_keys()) settings->token_keys.push_back(Take(&key));
  v1::TicketKeys& tickets = *config.mutable_ticket_keys();
  settings->ticket_keys.current = Take(tickets.mutable_current());
  for (std::string* other : {tickets.mutable_previous(), tickets.mutable_next()}) {
    if (!other->empty()) settings->ticket_keys.also_accepted.push_back(Take(other));
  }
}

server::Site ToSite(v1::Site& given, Errors* errors) {
  server::Site site;
  for (const std::string& host : given.hosts()) {
    if (auto parsed = Parse<Hostname>(host, "site", errors)) site.hosts.push_back(*parsed);
  }
  site.chain_pem = given.certificate_chain();
  site.key_pem = Take(given.mutable_private_key());
  site.alt_svc = given.alt_svc();
  const v1::Policy& policy = given.policy();
  if (given.has_policy()) {
    site.policy.disable_active_migration = policy.disable_active_migration();
    site.policy.use_preferred_address = policy.use_preferred_address();
  }
  site.policy.idle_timeout =
      DurationOr(policy.has_idle_timeout(), policy.idle_timeout(), site.policy.idle_timeout);
  return site;
}

upstream::Settings ToUpstream(v1::Upstream& given, Errors* errors) {
  upstream::Settings settings;
  if (const auto endpoint = Parse<Endpoint>(given.address(), "upstream", errors)) {
    settings.address = endpoint->address.ToString();
    settings.port = endpoint->port;
  }
  if (given.secret().empty()) errors->push_back("upstream: its secret is missing");
  settings.secret_header_value = std::move(*given.mutable_secret());
  settings.max_connections = given.max_connections() != 0 ? given.max_connections() : 512;
  settings.max_idle = given.max_idle_connections() != 0 ? given.max_idle_connections() : 128;
  settings.connect_timeout =
      DurationOr(given.has_connect_timeout(), given.connect_timeout(), Seconds(2));
  settings.head_timeout = DurationOr(given.has_head_timeout(), given.head_timeout(), Seconds(60));
  settings.idle_timeout = DurationOr(given.has_idle_timeout(), given.idle_timeout(), Seconds(60));
  settings.max_head_bytes = given.max_head_bytes() != 0 ? given.max_head_bytes() : 64U << 10;
  return settings;
}

server::Limits ToLimits(const v1::Limits& given) {
  server::Limits limits;
  SetIfGiven(given.max_connections(), &limits.max_connections);
  SetIfGiven(given.retry_above_half_open(), &limits.retry_above_half_open);
  SetIfGiven(given.max_streams(), &limits.max_streams);
  SetIfGiven(given.max_field_section_bytes(), &limits.max_field_section_bytes);
  SetIfGiven(given.stream_receive_window(), &limits.stream_receive_window);
  SetIfGiven(given.connection_receive_window(), &limits.connection_receive_window);
  SetIfGiven(given.stream_send_buffer(), &limits.stream_send_buffer);
  SetIfGiven(given.connection_send_buffer(), &limits.connection_send_buffer);
  SetIfGiven(given.resets_per_second(), &limits.resets_per_second);
  SetIfGiven(given.max_cancels_per_second(), &limits.max_cancels_per_second);
  limits.handshake_timeout = DurationOr(given.has_handshake_timeout(), given.handshake_timeout(),
                                        limits.handshake_timeout);
  if (given.always_retry()) limits.retry_above_half_open = 0;
  return limits;
}

}  // namespace

server::Settings ToSettings(v1::Config& config, Errors* errors) {
  server::Settings settings;
  settings.version = config.version();
  settings.service_addresses =
      ParseAddresses(config.service_addresses(), "service address", errors);
  settings.port = config.port() > 0xffff ? uint16_t{0} : static_cast<uint16_t>(config.port());
  settings.preferred_v4 = ToPreferred(config.has_preferred_v4(), config.preferred_v4(),
                                      "preferred IPv4 address", errors);
  settings.preferred_v6 = ToPreferred(config.has_preferred_v6(), config.preferred_v6(),
                                      "preferred IPv6 address", errors);
  for (const v1::PreferredAddress& own : config.witnessed()) {
    if (auto parsed = ToPreferred(true, own, "witnessed address", errors)) {
      settings.witnessed.push_back(*parsed);
    }
  }
  settings.witnesses = ParseAddresses(config.witness_addresses(), "witness address", errors);
  TakeKeys(config, &settings);
  for (v1::Site& site : *config.mutable_sites()) settings.sites.push_back(ToSite(site, errors));
  settings.upstream = ToUpstream(*config.mutable_upstream(), errors);
  settings.limits = ToLimits(config.limits());
  return settings;
}

void FillCounters(const server::Counters& counters, v1::Counters* out) {
  using server::Drop;
  out->set_handshakes(counters.handshakes);
  out->set_handshakes_failed(counters.handshakes_failed);
  out->set_resumptions(counters.resumptions);
  out->set_preferred_address_migrations(counters.preferred_address_migrations);
  out->set_other_migrations(counters.other_migrations);
  out->set_rebindings(counters.rebindings);
  out->set_stateless_resets_sent(counters.stateless_resets_sent);
  out->set_retries_sent(counters.retries_sent);
  out->set_version_negotiations_sent(counters.version_negotiations_sent);
  out->set_requests(counters.requests);
  out->set_requests_failed(counters.requests_failed);
  out->set_datagrams_received(counters.datagrams_received);
  out->set_datagrams_sent(counters.datagrams_sent);
  out->set_bytes_received(counters.bytes_received);
  out->set_bytes_sent(counters.bytes_sent);
  out->set_dropped_malformed(counters.dropped(Drop::kMalformed));
  out->set_dropped_foreign_connection_id(counters.dropped(Drop::kForeignCid));
  out->set_dropped_unknown_connection_id(counters.dropped(Drop::kUnknownCid));
  out->set_dropped_reset_limited(counters.dropped(Drop::kResetRateLimited));
  out->set_dropped_not_a_witness(counters.dropped(Drop::kNotAWitness));
  out->set_dropped_migration_barred(counters.dropped(Drop::kMigrationBarred));
  out->set_refused_connection_limit(counters.dropped(Drop::kConnectionLimit));
  out->set_dropped_send_buffer_full(counters.dropped(Drop::kSendBufferFull));
  out->set_path_mtu_black_holes(counters.path_mtu_black_holes);
}

}  // namespace lockstep::agent::quicd::control

#include "agent/reconcile/parse_quic.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/hostname.h"

namespace lockstep::agent::reconcile {
namespace {

namespace pb = ::lockstep::types::v1;

constexpr size_t kServerIdBytes = 8;
constexpr size_t kConnectionIdKeyBytes = 16;
constexpr size_t kTokenKeyBytes = 32;
constexpr size_t kTicketKeyBytes = 64;
constexpr uint32_t kMaxConfigId = 6;  // draft-ietf-quic-load-balancers §3.1: 7 is reserved
constexpr size_t kMaxAltSvcBytes = 1024;
constexpr Millis kMinIdleTimeout = Seconds(1);
constexpr Millis kMaxIdleTimeout = std::chrono::minutes(10);

// Never says more of a key than its length.
Result<SharedSecret> TakeKey(std::string* bytes, size_t size, const std::string& field) {
  if (bytes->size() != size) {
    return InvalidArgument(field + " has " + std::to_string(bytes->size()) + " octets, not " +
                           std::to_string(size));
  }
  return SharedSecret(std::move(*bytes));
}

Result<IpAddress> ParseOwnAddress(const std::string& text, const std::string& field) {
  Result<IpAddress> address = IpAddress::Parse(text);
  if (!address.ok()) return address.status().Prefixed(field);
  if (address->IsUnspecified() || address->IsMulticast() || address->IsLinkLocal()) {
    return InvalidArgument(field + ": " + address->ToString() +
                           " is no address of one machine that others reach");
  }
  return address;
}

Result<PreferredAddress> ParsePreferred(const pb::PreferredAddress& message,
                                        const std::string& field) {
  PreferredAddress out;
  LS_ASSIGN_OR_RETURN(out.advertised, ParseOwnAddress(message.advertised(), field + ".advertised"));
  out.bound = out.advertised;
  if (message.bound().empty()) return out;
  LS_ASSIGN_OR_RETURN(out.bound, ParseOwnAddress(message.bound(), field + ".bound"));
  if (out.bound.family() != out.advertised.family()) {
    return InvalidArgument(field + ".bound is of another family than advertised");
  }
  return out;
}

Result<std::vector<QuicKeys::ConnectionId>> TakeConnectionIdKeys(pb::QuicKeys& message) {
  std::vector<QuicKeys::ConnectionId> out;
  std::set<uint32_t> seen;
  for (int i = 0; i < message.connection_id_keys_size(); ++i) {
    pb::ConnectionIdKey& key = *message.mutable_connection_id_keys(i);
    const std::string field = Indexed("connection_id_keys", i);
    if (key.config_id() > kMaxConfigId || !seen.insert(key.config_id()).second) {
      return InvalidArgument(field + ".config_id: " + std::to_string(key.config_id()) +
                             " is not within 0-6, or is there twice");
    }
    LS_ASSIGN_OR_RETURN(SharedSecret secret,
                        TakeKey(key.mutable_key(), kConnectionIdKeyBytes, field + ".key"));
    out.push_back({key.config_id(), std::move(secret)});
  }
  if (out.empty()) return InvalidArgument("connection_id_keys is empty");
  return out;
}

Result<std::vector<SharedSecret>> TakeTokenKeys(pb::QuicKeys& message) {
  std::vector<SharedSecret> out;
  for (int i = 0; i < message.token_keys_size(); ++i) {
    LS_ASSIGN_OR_RETURN(SharedSecret key, TakeKey(message.mutable_token_keys(i), kTokenKeyBytes,
                                                  Indexed("token_keys", i)));
    out.push_back(std::move(key));
  }
  if (out.empty()) return InvalidArgument("token_keys is empty");
  return out;
}

}  // namespace

std::string Indexed(std::string_view field, int index) {
  return std::string(field) + "[" + std::to_string(index) + "]";
}

Result<QuicServer> ParseQuicServer(const pb::NodeSettings& message) {
  switch (message.quic_server()) {
    case pb::QUIC_SERVER_UNSPECIFIED:
    case pb::QUIC_SERVER_CADDY:
      return QuicServer::kCaddy;
    case pb::QUIC_SERVER_QUICD:
      return QuicServer::kQuicd;
    case pb::QUIC_SERVER_NONE:
      return QuicServer::kNone;
    default:
      return InvalidArgument("quic_server: " + std::to_string(message.quic_server()) +
                             " is a server that this agent does not know; upgrade the agent");
  }
}

Result<QuicIdentity> ParseQuicIdentity(const pb::QuicIdentity& message) {
  QuicIdentity out;
  out.server_id = message.server_id();
  if (out.server_id.size() != kServerIdBytes) {
    return InvalidArgument("quic_identity.server_id has " + std::to_string(out.server_id.size()) +
                           " octets, not 8");
  }
  for (int i = 0; i < message.preferred_addresses_size(); ++i) {
    const std::string field = Indexed("quic_identity.preferred_addresses", i);
    LS_ASSIGN_OR_RETURN(const PreferredAddress address,
                        ParsePreferred(message.preferred_addresses(i), field));
    auto& place = address.advertised.is_v6() ? out.preferred_v6 : out.preferred_v4;
    if (place) return InvalidArgument(field + " is the second one of its family");
    place = address;
  }
  for (int i = 0; i < message.witnessed_addresses_size(); ++i) {
    LS_ASSIGN_OR_RETURN(const PreferredAddress address,
                        ParsePreferred(message.witnessed_addresses(i),
                                       Indexed("quic_identity.witnessed_addresses", i)));
    out.witnessed.push_back(address);
  }
  return out;
}

Result<QuicKeys> TakeQuicKeys(pb::QuicKeys& message) {
  LS_ASSIGN_OR_RETURN(auto connection_ids, TakeConnectionIdKeys(message));
  LS_ASSIGN_OR_RETURN(auto tokens, TakeTokenKeys(message));
  LS_ASSIGN_OR_RETURN(SharedSecret current,
                      TakeKey(message.mutable_ticket_current(), kTicketKeyBytes, "ticket_current"));
  LS_ASSIGN_OR_RETURN(SharedSecret next,
                      TakeKey(message.mutable_ticket_next(), kTicketKeyBytes, "ticket_next"));
  std::optional<SharedSecret> previous;
  if (!message.ticket_previous().empty()) {
    LS_ASSIGN_OR_RETURN(
        previous, TakeKey(message.mutable_ticket_previous(), kTicketKeyBytes, "ticket_previous"));
  }
  return QuicKeys{std::move(connection_ids), std::move(tokens), std::move(current),
                  std::move(previous), std::move(next)};
}

Result<QuicPolicy> ParseQuicPolicy(const pb::QuicPolicy& message) {
  QuicPolicy out{message.disable_active_migration(), message.use_preferred_address(), {}};
  if (!message.has_idle_timeout()) return out;
  const google::protobuf::Duration& given = message.idle_timeout();
  // Compared as seconds first: a hostile number must not wrap on its way to milliseconds.
  const bool sane = given.seconds() >= 0 && given.seconds() <= 3600 && given.nanos() >= 0 &&
                    given.nanos() <= 999'999'999;
  out.idle_timeout =
      sane ? Millis(Seconds(given.seconds())) + Millis(given.nanos() / 1'000'000) : Millis(0);
  if (*out.idle_timeout < kMinIdleTimeout || *out.idle_timeout > kMaxIdleTimeout) {
    return InvalidArgument("quic.idle_timeout is not between 1 s and 10 min");
  }
  return out;
}

Result<std::string> ParseAltSvc(const std::string& value) {
  const bool clean =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
  const bool trimmed = value.empty() || (value.front() != ' ' && value.back() != ' ');
  if (!clean || !trimmed || value.size() > kMaxAltSvcBytes) {
    return InvalidArgument("alt_svc: " + Quoted(value) + " is no header value");
  }
  return value;
}

}  // namespace lockstep::agent::reconcile

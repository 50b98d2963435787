#include "common/look/wire_observer.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "common/crypto/digest.h"
#include "common/probe/probe.h"
#include "common/snapshot/mark.h"

namespace lockstep::look {
namespace {

constexpr size_t kMaxBodyBytes = 64 << 10;
constexpr size_t kBodyStartBytes = 64;
constexpr int kMaxAltSvcFields = 8;
constexpr size_t kMaxAltSvcBytes = 1024;

void Set(Micros from, google::protobuf::Duration* to) {
  to->set_seconds(from.count() / 1'000'000);
  to->set_nanos(static_cast<int32_t>(from.count() % 1'000'000 * 1000));
}

void Set(WallTime from, google::protobuf::Timestamp* to) {
  const int64_t micros = ToUnixMicros(from);
  int64_t seconds = micros / 1'000'000;
  int64_t rest = micros % 1'000'000;
  if (rest < 0) {
    --seconds;
    rest += 1'000'000;
  }
  to->set_seconds(seconds);
  to->set_nanos(static_cast<int32_t>(rest * 1000));
}

template <typename Handshake>
void Set(const Handshake& from, types::v1::TlsSeen* to) {
  const probe::CertificateObservation& certificate = from.certificate;
  to->set_leaf_sha256(certificate.leaf_sha256);
  for (const std::string& further : certificate.chain_sha256) to->add_chain_sha256(further);
  to->set_serial(certificate.serial);
  Set(certificate.not_after, to->mutable_not_after());
  to->set_alpn(from.alpn);
  to->set_version(from.version);
}

void Set(const probe::TransportParameters& from, types::v1::TransportParameters* to) {
  to->set_disable_active_migration(from.disable_active_migration);
  Set(Micros(from.max_idle_timeout), to->mutable_max_idle_timeout());
  to->set_active_connection_id_limit(from.active_connection_id_limit);
  to->set_max_udp_payload_size(from.max_udp_payload_size);
  to->set_has_stateless_reset_token(from.stateless_reset_token);
  to->set_connection_id_bytes(static_cast<uint32_t>(from.scid_length));
  if (!from.preferred_address) return;
  if (from.preferred_address->ipv4)
    to->set_preferred_ipv4(from.preferred_address->ipv4->ToString());
  if (from.preferred_address->ipv6)
    to->set_preferred_ipv6(from.preferred_address->ipv6->ToString());
}

// True once there is an answer that can be told.
bool Tell(const probe::HttpObservation& seen, types::v1::Observation* out) {
  Set(seen.elapsed, out->mutable_elapsed());
  out->set_error(seen.error);
  if (seen.error.empty() && seen.truncated) {
    // Its digest could not be said; it is not what was asked for, whatever it is.
    out->set_error("answer is longer than " + std::to_string(kMaxBodyBytes) + " bytes");
  }
  if (!out->error().empty()) return false;
  types::v1::HttpSeen* http = out->mutable_http();
  http->set_status(static_cast<uint32_t>(seen.status_code));
  http->set_body_sha256(crypto::Sha256(seen.body));
  http->set_body_bytes(seen.body.size());
  http->set_location(seen.FindHeader("location").value_or(""));
  return true;
}

void SeeChallenge(const Look& look, const probe::Route& route, std::stop_token stop,
                  types::v1::Observation* out) {
  probe::HttpRequest request;
  request.route = route;
  request.host = look.host;
  request.path = "/.well-known/acme-challenge/" + look.token.value_or(ChallengeToken()).str();
  request.max_body_bytes = kMaxBodyBytes;
  const probe::HttpObservation seen = probe::HttpGet(request, std::move(stop));
  // The right answer is a key authorization: not to be repeated where people read.
  if (Tell(seen, out) && seen.status_code != 200) {
    out->mutable_http()->set_body_start(seen.body.substr(0, kBodyStartBytes));
  }
}

void TellAltSvc(const probe::HttpObservation& seen, types::v1::AltSvcSeen* out) {
  const auto [first, last] = seen.headers.equal_range("alt-svc");
  for (auto field = first; field != last && out->fields_size() < kMaxAltSvcFields; ++field) {
    out->add_fields(field->second.substr(0, kMaxAltSvcBytes));
  }
  const std::string age = seen.FindHeader("age").value_or("");
  uint64_t seconds = 0;
  if (std::from_chars(age.data(), age.data() + age.size(), seconds).ec == std::errc()) {
    out->set_age_seconds(seconds);
  }
}

// Clients remember what they were told: a right answer with another promise is not the right one.
void CheckAltSvc(const Look& look, const probe::HttpObservation& seen,
                 types::v1::Observation* out) {
  if (look.alt_svc.empty() || seen.status_code != 200) return;
  const std::string said = seen.FindHeader("alt-svc").value_or("");
  if (said == look.alt_svc) return;
  out->set_error("answered with " + (said.empty() ? "no Alt-Svc" : "Alt-Svc " + Quoted(said)) +
                 " and not with " + Quoted(look.alt_svc));
}

// Over TLS first, and without it where no handshake comes about, since a server has none to offer
// for a host without a certificate. Who looks need not know whether the host has one: a mark is
// answered only where its version of the site is served.
void SeeSite(const Look& look, const probe::Route& route, Ports ports, std::stop_token stop,
             types::v1::Observation* out) {
  probe::HttpRequest request;
  request.route = route;
  request.route.target.port = ports.tls;
  request.scheme = probe::HttpScheme::kHttps;
  request.host = look.host;
  request.path = snapshot::kMarkPath + look.mark.value_or(SiteMark()).str();
  request.max_body_bytes = kMaxBodyBytes;
  probe::HttpObservation seen = probe::HttpGet(request, stop);
  const Micros left = route.deadline - seen.elapsed;
  if (seen.status_code == 0 && !seen.error.empty() && left > Micros(0) && !stop.stop_requested()) {
    request.route.target.port = ports.http;
    request.route.deadline = left;
    request.scheme = probe::HttpScheme::kHttp;
    probe::HttpObservation plain = probe::HttpGet(request, std::move(stop));
    plain.elapsed += seen.elapsed;
    // A redirect to where nothing answered says less than why nothing did.
    if (plain.error.empty() && !plain.FindHeader("location")) seen = std::move(plain);
  }
  if (!Tell(seen, out)) return;
  out->mutable_http()->set_body_start(seen.body.substr(0, kBodyStartBytes));
  if (request.scheme != probe::HttpScheme::kHttps) return;
  TellAltSvc(seen, out->mutable_http()->mutable_alt_svc());
  CheckAltSvc(look, seen, out);
}

void SeeTls(const Look& look, const probe::Route& route, std::stop_token stop,
            types::v1::Observation* out) {
  probe::TlsRequest request;
  request.route = route;
  request.sni = look.host;
  const probe::TlsObservation seen = probe::TlsHandshake(request, std::move(stop));
  Set(seen.elapsed, out->mutable_elapsed());
  if (!seen.handshake) {
    return out->set_error(seen.error.empty() ? "handshake was not completed" : seen.error);
  }
  Set(seen, out->mutable_tls());
}

void SeeQuic(const Look& look, const probe::Route& route, std::stop_token stop,
             types::v1::Observation* out) {
  probe::QuicRequest request;
  request.route = route;
  request.sni = look.host;
  request.follow_preferred_address = look.follow_preferred_address;
  const probe::QuicObservation seen = probe::QuicHandshake(request, std::move(stop));
  Set(seen.elapsed, out->mutable_elapsed());
  if (!seen.handshake) {
    return out->set_error(seen.error.empty() ? "handshake was not completed" : seen.error);
  }
  Set(seen, out->mutable_quic()->mutable_tls());
  if (seen.transport_parameters) {
    Set(*seen.transport_parameters, out->mutable_quic()->mutable_parameters());
  }
  if (seen.moved_to) out->mutable_quic()->set_moved_to(seen.moved_to->ToString());
  out->mutable_quic()->set_move_error(seen.move_error);
}

}  // namespace

types::v1::Observation Unseen(const Look& look, WallTime observed_at) {
  types::v1::Observation out;
  out.set_kind(look.kind);
  out.set_host(look.host.ascii());
  out.set_address(look.address.ToString());
  if (look.token) out.set_token(look.token->str());
  if (look.mark) out.set_token(look.mark->str());
  Set(observed_at, out.mutable_observed_at());
  return out;
}

types::v1::Observation WireObserver::Observe(const Look& look, Micros deadline,
                                             std::stop_token stop) {
  types::v1::Observation out = Unseen(look, clock_.Now());
  probe::Route route;
  route.deadline = deadline;
  route.target.address = look.address;
  const auto source = std::ranges::find(sources_, look.address.family(), &IpAddress::family);
  if (source != sources_.end()) route.source = *source;
  switch (look.kind) {
    case types::v1::PROBE_KIND_CHALLENGE:
      route.target.port = ports_.http;
      SeeChallenge(look, route, std::move(stop), &out);
      break;
    case types::v1::PROBE_KIND_TLS:
      route.target.port = ports_.tls;
      SeeTls(look, route, std::move(stop), &out);
      break;
    case types::v1::PROBE_KIND_QUIC:
      route.target.port = ports_.quic;
      SeeQuic(look, route, std::move(stop), &out);
      break;
    case types::v1::PROBE_KIND_SITE:
      SeeSite(look, route, ports_, std::move(stop), &out);
      break;
    default:
      out.set_error("this kind of look is not known to this version");
  }
  return out;
}

}  // namespace lockstep::look

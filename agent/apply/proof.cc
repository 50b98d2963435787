#include "agent/apply/proof.h"

#include <set>

#include "common/crypto/digest.h"

namespace lockstep::agent::apply {
namespace {

constexpr size_t kShownHexDigits = 12;

std::string OrNone(const std::string& text) { return text.empty() ? "none" : text; }

std::string WhyNot(const reconcile::QuicExpectation& expected,
                   const types::v1::TransportParameters& seen) {
  if (seen.disable_active_migration() != expected.disable_active_migration) {
    return expected.disable_active_migration ? " did not say disable_active_migration, as it must"
                                             : " said disable_active_migration, as it must not";
  }
  for (const auto& [offered, wanted] : {std::pair(seen.preferred_ipv4(), expected.preferred_ipv4),
                                        {seen.preferred_ipv6(), expected.preferred_ipv6}}) {
    if (offered == wanted) continue;
    return " offered the preferred address " + OrNone(offered) + " and not " + OrNone(wanted);
  }
  return "";
}

// An older prober says nothing of a move: it is judged on the parameters alone.
std::string WhyNotMoved(const Expectation& expected, const types::v1::QuicSeen& seen) {
  const std::string& wanted =
      expected.look.address.is_v6() ? expected.quic->preferred_ipv6 : expected.quic->preferred_ipv4;
  if (wanted.empty()) return "";
  if (!seen.move_error().empty()) {
    return " did not go on at the preferred address: " + seen.move_error();
  }
  if (seen.moved_to().empty() || seen.moved_to() == wanted) return "";
  return " went on at " + seen.moved_to() + " and not at the preferred address " + wanted;
}

std::string Short(const std::string& leaf_sha256) {
  return leaf_sha256.empty() ? "none" : leaf_sha256.substr(0, kShownHexDigits);
}

Expectation Expect(const reconcile::Look& look) {
  using reconcile::LookKind;
  Expectation out;
  out.look.address = look.address;
  out.look.host = look.host;
  out.expected = look.expected;
  out.quic = look.quic;
  out.look.follow_preferred_address = !look.quic || !look.quic->behind_nat;
  switch (look.kind) {
    case LookKind::kTls:
      out.look.kind = types::v1::PROBE_KIND_TLS;
      break;
    case LookKind::kQuic:
      out.look.kind = types::v1::PROBE_KIND_QUIC;
      break;
    case LookKind::kSite:
      out.look.kind = types::v1::PROBE_KIND_SITE;
      out.look.alt_svc = look.alt_svc;
      out.look.mark = *SiteMark::Parse(look.expected);
      break;
  }
  return out;
}

std::string WhyNotSite(const Expectation& expected, const types::v1::Observation& seen) {
  const std::string what =
      "site " + expected.look.host.ascii() + " at " + expected.look.address.ToString();
  if (seen.has_http() && !seen.error().empty()) return what + " " + seen.error();
  if (!seen.error().empty()) return what + " did not answer: " + seen.error();
  if (seen.http().status() == 200 &&
      seen.http().body_sha256() == crypto::Sha256(expected.expected)) {
    return "";
  }
  return what + " shows another version (its mark was answered " +
         std::to_string(seen.http().status()) + ")";
}

}  // namespace

std::vector<Expectation> Expectations(const std::vector<reconcile::Look>& looks) {
  std::vector<Expectation> out;
  out.reserve(looks.size());
  for (const reconcile::Look& look : looks) out.push_back(Expect(look));
  return out;
}

std::vector<look::Look> LooksOf(const std::vector<Expectation>& expectations) {
  std::vector<look::Look> out;
  out.reserve(expectations.size());
  for (const Expectation& expected : expectations) out.push_back(expected.look);
  return out;
}

std::string WhyNot(const Expectation& expected, const types::v1::Observation& seen) {
  if (expected.look.kind == types::v1::PROBE_KIND_SITE) return WhyNotSite(expected, seen);
  const bool quic = expected.look.kind == types::v1::PROBE_KIND_QUIC;
  const std::string what = std::string(quic ? "QUIC" : "TLS") + " handshake for " +
                           expected.look.host.ascii() + " at " + expected.look.address.ToString();
  if (!seen.error().empty()) return what + " failed: " + seen.error();
  const std::string& leaf = quic ? seen.quic().tls().leaf_sha256() : seen.tls().leaf_sha256();
  if (leaf != expected.expected) {
    return what + " showed leaf " + Short(leaf) + " and not " + Short(expected.expected);
  }
  if (!expected.quic) return "";
  std::string wrong = WhyNot(*expected.quic, seen.quic().parameters());
  if (wrong.empty()) wrong = WhyNotMoved(expected, seen.quic());
  return wrong.empty() ? "" : what + wrong;
}

std::vector<Expectation> Canaries(const std::vector<Expectation>& everything) {
  std::vector<Expectation> out;
  std::set<IpAddress> covered;
  for (const Expectation& expected : everything) {
    if (expected.look.kind != types::v1::PROBE_KIND_TLS) continue;
    if (covered.insert(expected.look.address).second) out.push_back(expected);
  }
  return out;
}

}  // namespace lockstep::agent::apply

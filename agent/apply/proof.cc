#include "agent/apply/proof.h"

#include <set>

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

std::string Short(const std::string& leaf_sha256) {
  return leaf_sha256.empty() ? "none" : leaf_sha256.substr(0, kShownHexDigits);
}

}  // namespace

std::vector<Expectation> Expectations(const std::vector<reconcile::Look>& looks) {
  std::vector<Expectation> out;
  out.reserve(looks.size());
  for (const reconcile::Look& look : looks) {
    const auto kind = look.kind == reconcile::LookKind::kQuic ? types::v1::PROBE_KIND_QUIC
                                                              : types::v1::PROBE_KIND_TLS;
    out.push_back(
        {look::Look{kind, look.address, look.host, std::nullopt}, look.leaf_sha256, look.quic});
  }
  return out;
}

std::vector<look::Look> LooksOf(const std::vector<Expectation>& expectations) {
  std::vector<look::Look> out;
  out.reserve(expectations.size());
  for (const Expectation& expected : expectations) out.push_back(expected.look);
  return out;
}

std::string WhyNot(const Expectation& expected, const types::v1::Observation& seen) {
  const bool quic = expected.look.kind == types::v1::PROBE_KIND_QUIC;
  const std::string what = std::string(quic ? "QUIC" : "TLS") + " handshake for " +
                           expected.look.host.ascii() + " at " + expected.look.address.ToString();
  if (!seen.error().empty()) return what + " failed: " + seen.error();
  const std::string& leaf = quic ? seen.quic().tls().leaf_sha256() : seen.tls().leaf_sha256();
  if (leaf != expected.leaf_sha256) {
    return what + " showed leaf " + Short(leaf) + " and not " + Short(expected.leaf_sha256);
  }
  const std::string wrong =
      expected.quic ? WhyNot(*expected.quic, seen.quic().parameters()) : std::string();
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

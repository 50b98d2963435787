#include "agent/reconcile/choice.h"

#include <algorithm>
#include <tuple>

#include "common/base/hostname.h"

namespace lockstep::agent::reconcile {
namespace {

bool HasAllNamesOf(const Certificate& certificate, const Certificate& other) {
  return std::all_of(other.hosts.begin(), other.hosts.end(), [&](const Hostname& host) {
    const auto& hosts = certificate.hosts;
    return std::find(hosts.begin(), hosts.end(), host) != hosts.end();
  });
}

std::string Shown(const Certificate& certificate) {
  return "certificate " + Quoted(certificate.name) + " revision " +
         std::to_string(certificate.revision);
}

}  // namespace

CertificateChoice ChooseCertificate(std::span<const HeldCertificate> held,
                                    const Certificate& offered, WallTime now) {
  const bool expired = offered.not_after <= now;
  const HeldCertificate* best = nullptr;
  const auto rank = [now](const HeldCertificate& h) {
    const Certificate& c = *h.certificate;
    const bool valid = c.not_after > now;
    return std::tuple(valid, valid && h.proved, c.not_after, c.revision, c.name);
  };
  for (const HeldCertificate& candidate : held) {
    const Certificate& certificate = *candidate.certificate;
    if (!HasAllNamesOf(certificate, offered)) continue;
    const bool later_revision =
        certificate.name == offered.name && certificate.revision > offered.revision;
    const bool eligible = expired
                              ? certificate.not_after > offered.not_after
                              : later_revision && candidate.proved && certificate.not_after > now;
    if (eligible && (best == nullptr || rank(candidate) > rank(*best))) best = &candidate;
  }
  const Certificate& chosen = best == nullptr ? offered : *best->certificate;
  CertificateChoice out{&chosen, ""};
  if (chosen.not_after <= now) {
    out.warning = Shown(chosen) + " expired at " + FormatTime(chosen.not_after) +
                  " and no valid one is held; renew it";
  } else if (best != nullptr) {
    out.warning = Shown(chosen) + " is kept instead of " +
                  (expired ? "the expired revision " : "the older revision ") +
                  std::to_string(offered.revision) +
                  (chosen.name == offered.name ? "" : " of " + Quoted(offered.name));
  }
  return out;
}

Fallback ChooseFallback(const Desired& offered, std::span<const HeldCertificate> held,
                        WallTime now) {
  Fallback out{offered, {}};
  for (size_t i = 0; i < offered.certificates.size(); ++i) {
    CertificateChoice choice = ChooseCertificate(held, offered.certificates[i], now);
    if (choice.certificate != &offered.certificates[i]) {
      // The place in the snapshot keeps its name: names are unique, what is served is the leaf.
      Certificate replacement = *choice.certificate;
      replacement.name = offered.certificates[i].name;
      out.desired.certificates[i] = std::move(replacement);
    }
    if (!choice.warning.empty()) out.warnings.push_back(std::move(choice.warning));
  }
  return out;
}

}  // namespace lockstep::agent::reconcile

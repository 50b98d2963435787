#include "agent/reconcile/choice.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "tests/unit/agent/reconcile/samples.h"

namespace lockstep::agent::reconcile {
namespace {

constexpr int64_t kNow = 1000;

Certificate Cert(uint64_t revision, int64_t not_after, const std::string& name = "www",
                 std::vector<Hostname> hosts = {Host("www.example.test")}) {
  return {name,         revision, std::move(hosts), "chain", "key", name + std::to_string(revision),
          At(not_after)};
}

TEST(ChooseCertificateTest, KeepsAValidOneWhereNothingLaterWasProved) {
  const Certificate offered = Cert(3, 2000);
  const Certificate unproved = Cert(4, 3000);
  const HeldCertificate held[] = {{&unproved, false}};
  const CertificateChoice choice = ChooseCertificate(held, offered, At(kNow));
  EXPECT_EQ(choice.certificate, &offered);
  EXPECT_EQ(choice.warning, "");
}

TEST(ChooseCertificateTest, ARollbackKeepsTheLaterRevisionThatWasProved) {
  const Certificate offered = Cert(3, 2000);
  const Certificate proved = Cert(4, 3000);
  const HeldCertificate held[] = {{&proved, true}};
  const CertificateChoice choice = ChooseCertificate(held, offered, At(kNow));
  EXPECT_EQ(choice.certificate, &proved);
  EXPECT_EQ(choice.warning,
            "certificate \"www\" revision 4 is kept instead of the older revision 3");
}

TEST(ChooseCertificateTest, AnythingValidIsBetterThanAnExpiredOne) {
  const Certificate offered = Cert(3, kNow);
  const Certificate valid = Cert(4, 3000);
  const HeldCertificate held[] = {{&valid, false}};
  const CertificateChoice choice = ChooseCertificate(held, offered, At(kNow));
  EXPECT_EQ(choice.certificate, &valid);
  EXPECT_EQ(choice.warning,
            "certificate \"www\" revision 4 is kept instead of the expired revision 3");
}

TEST(ChooseCertificateTest, ServesTheLastToExpireAndSaysSo) {
  const Certificate offered = Cert(3, 10);
  const Certificate later = Cert(4, 20);
  const HeldCertificate held[] = {{&later, true}};
  const CertificateChoice choice = ChooseCertificate(held, offered, At(kNow));
  EXPECT_EQ(choice.certificate, &later);
  EXPECT_EQ(choice.warning,
            "certificate \"www\" revision 4 expired at 1970-01-01T00:00:20.000Z and no valid one "
            "is held; renew it");
}

TEST(ChooseCertificateTest, DoesNotTakeOneThatLacksAName) {
  const Certificate offered = Cert(3, 10, "www", {Host("a.example"), Host("b.example")});
  const Certificate narrow = Cert(4, 3000, "www", {Host("a.example")});
  const HeldCertificate held[] = {{&narrow, true}};
  EXPECT_EQ(ChooseCertificate(held, offered, At(kNow)).certificate, &offered);
}

TEST(ChooseFallbackTest, ReplacesOnlyWhatMustBeReplaced) {
  Desired offered;
  offered.certificates = {Cert(1, 10, "old"), Cert(1, 2000, "fine", {Host("fine.example")})};
  const Certificate valid = Cert(2, 3000, "old");
  const HeldCertificate held[] = {{&valid, true}};
  const Fallback fallback = ChooseFallback(offered, held, At(kNow));
  EXPECT_EQ(fallback.desired.certificates[0], valid);
  EXPECT_EQ(fallback.desired.certificates[1], offered.certificates[1]);
  EXPECT_EQ(fallback.warnings.size(), 1u);
}

struct Held {
  std::vector<Certificate> certificates;
  std::vector<HeldCertificate> held;
  Certificate offered;
};

// Few values for everything, so that they meet.
Held AnyHeld() {
  const auto any = [] {
    std::vector<Hostname> hosts = {Host("a.example")};
    if (*rc::gen::arbitrary<bool>()) hosts.push_back(Host("b.example"));
    return Cert(static_cast<uint64_t>(*rc::gen::inRange(1, 5)), *rc::gen::inRange(998, 1004),
                *rc::gen::element<std::string>("x", "y"), hosts);
  };
  Held out;
  out.offered = any();
  const int count = *rc::gen::inRange(0, 6);
  for (int i = 0; i < count; ++i) out.certificates.push_back(any());
  for (const Certificate& certificate : out.certificates) {
    out.held.push_back({&certificate, *rc::gen::arbitrary<bool>()});
  }
  return out;
}

bool Covers(const Certificate& certificate, const Certificate& offered) {
  return certificate.hosts.size() >= offered.hosts.size();  // of {a} and {a, b}
}

RC_GTEST_PROP(ChooseCertificateProperty, NeverServesAnExpiredOneWhileAValidOneIsHeld, ()) {
  const Held all = AnyHeld();
  const CertificateChoice choice = ChooseCertificate(all.held, all.offered, At(kNow));
  const auto valid = [](const Certificate& c) { return c.not_after > At(kNow); };
  const bool any_valid =
      valid(all.offered) ||
      std::any_of(all.certificates.begin(), all.certificates.end(),
                  [&](const Certificate& c) { return valid(c) && Covers(c, all.offered); });
  RC_ASSERT(valid(*choice.certificate) == any_valid);
  RC_ASSERT(!choice.warning.empty() || choice.certificate == &all.offered);
}

RC_GTEST_PROP(ChooseCertificateProperty, NeverGoesBackBehindAProvedValidRevision, ()) {
  Held all = AnyHeld();
  all.offered.not_after = At(*rc::gen::inRange(kNow + 1, kNow + 4));
  const CertificateChoice choice = ChooseCertificate(all.held, all.offered, At(kNow));
  RC_ASSERT(choice.certificate->name == all.offered.name);
  RC_ASSERT(choice.certificate->revision >= all.offered.revision);
  RC_ASSERT(Covers(*choice.certificate, all.offered));
  const bool later_is_held =
      std::any_of(all.held.begin(), all.held.end(), [&](const HeldCertificate& h) {
        const Certificate& c = *h.certificate;
        return h.proved && c.name == all.offered.name && c.revision > all.offered.revision &&
               c.not_after > At(kNow) && Covers(c, all.offered);
      });
  RC_ASSERT((choice.certificate->revision > all.offered.revision) == later_is_held);
}

}  // namespace
}  // namespace lockstep::agent::reconcile

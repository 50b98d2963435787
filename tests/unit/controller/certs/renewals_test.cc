#include "controller/certs/renewals.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/controller/certs/rig.h"

namespace lockstep::controller::certs {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

RC_GTEST_PROP(RenewalsProperty, DueAfterTwoThirdsBroughtForwardByAtMostATwentieth,
              (const std::string& seed)) {
  model::Certificate certificate;
  const Micros life = hours(*rc::gen::inRange(1, 24 * 400));
  certificate.leaf_sha256 = seed;
  certificate.not_before = fakes::FakeClock().Now();
  certificate.not_after = certificate.not_before + life;
  const Micros after = RenewAt(certificate) - certificate.not_before;
  RC_ASSERT(after <= life * 2 / 3 + Micros(1));
  RC_ASSERT(after >= life * 2 / 3 - life / 20 - Micros(1));
  RC_ASSERT(RenewAt(certificate) == RenewAt(certificate));
}

RC_GTEST_PROP(RenewalsProperty, BackoffGrowsWithinItsBounds, (const std::string& name)) {
  const auto failures = *rc::gen::inRange(1, 40);
  const Micros wait = BackoffAfter(static_cast<uint32_t>(failures), hours(24 * 30), name);
  Micros base = minutes(5);
  for (int i = 1; i < failures && base < hours(12); ++i) base *= 2;
  base = std::min<Micros>(base, hours(12));
  RC_ASSERT(wait >= base);
  RC_ASSERT(wait <= base + base / 4);
}

// Let's Encrypt allows five failed validations an hour and name.
RC_GTEST_PROP(RenewalsProperty, NeverMoreThanFiveTriesAnHourHoweverLittleIsLeft,
              (const std::string& name)) {
  const Micros left = Seconds(*rc::gen::inRange(0, 3600));
  Micros at{0};
  int tries = 1;
  for (uint32_t failures = 1; at <= hours(1); ++failures) {
    at += BackoffAfter(failures, left, name);
    if (at < hours(1)) ++tries;
  }
  RC_ASSERT(tries <= 5);
}

class RenewalsTest : public ::testing::Test {
 protected:
  RenewalsTest() {
    rig_.Begin();
    rig_.renewals.Start();
    const IssueResult issued = rig_.Issued();
    rig_.book.Add(
        CertsRig::kHost, {fakes::Host(CertsRig::kHost)}, issued.chain_pem, issued.key_pem,
        [](const Result<model::Certificate>& added) { EXPECT_TRUE(added.ok()) << added.status(); });
    rig_.state.RunAll();
  }
  Micros LeftUntilDue() {
    return rig_.renewals.DueAt(*rig_.book.Find(CertsRig::kHost)) - rig_.clock.Now();
  }
  CertsRig rig_;
};

TEST_F(RenewalsTest, OrdersWhenItIsDueAndNotBefore) {
  rig_.clock.Advance(LeftUntilDue() - minutes(2));
  rig_.state.AdvanceBy(minutes(1));
  EXPECT_TRUE(rig_.issuer.requests.empty());
  rig_.state.AdvanceBy(minutes(2));
  ASSERT_EQ(rig_.issuer.requests.size(), 1u);
  EXPECT_EQ(rig_.issuer.requests[0].current_leaf_sha256,
            rig_.book.Find(CertsRig::kHost)->leaf_sha256);
}

TEST_F(RenewalsTest, WaitsAfterAFailureAndTriesAgain) {
  rig_.clock.Advance(LeftUntilDue());
  rig_.state.AdvanceBy(minutes(1));
  ASSERT_EQ(rig_.issuer.requests.size(), 1u);
  rig_.EndIssue(rig_.issuer.requests[0].order, {Unknown("the CA is away"), "", "", ""});
  const auto* state = rig_.renewals.Find(CertsRig::kHost);
  ASSERT_NE(state, nullptr);
  EXPECT_EQ(state->failures, 1u);
  EXPECT_EQ(state->last_error, "the CA is away");
  rig_.state.AdvanceBy(minutes(4));
  EXPECT_EQ(rig_.issuer.requests.size(), 1u);
  rig_.state.AdvanceBy(minutes(4));
  EXPECT_EQ(rig_.issuer.requests.size(), 2u);
}

}  // namespace
}  // namespace lockstep::controller::certs

// Old never overwrites new: pushes delayed, duplicated, reordered, from forks and restores, against
// a model; 10,000 deliveries in one run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <vector>

#include "tests/unit/agent/apply/rig.h"

namespace lockstep::agent::apply {
namespace {

using snapshot::Standing;
using v1::Ack;

constexpr int kDeliveries = 10'000;

// A controller that publishes, is restored from backups and recovered, and never forgets what it
// once put on the wire.
class Wire {
 public:
  Wire(fakes::FakePublisher& publisher, uint64_t seed) : publisher_(publisher), random_(seed) {}

  const v1::Push& Next() {
    const uint64_t dice = random_() % 1000;
    if (dice < 120 || sent_.empty()) {
      Publish();
      return sent_.back();
    }
    if (dice < 122) publisher_.ForkEpoch();  // a restore nobody noticed yet
    if (dice == 999) publisher_.RaiseEpoch(), generation_ = 0;
    // Mostly what was sent lately, sometimes anything of the past.
    const size_t window = dice < 700 ? std::min<size_t>(sent_.size(), 8) : sent_.size();
    return sent_[sent_.size() - 1 - random_() % window];
  }

 private:
  void Publish() {
    ++generation_;
    const snapshot::Snapshot next = publisher_.MakeSnapshot({{.revision = ++revision_}});
    const bool delta = random_() % 2 == 0;
    sent_.push_back(publisher_.MakePush(next, generation_, delta ? &last_ : nullptr));
    last_ = next;
  }

  fakes::FakePublisher& publisher_;
  std::mt19937_64 random_;
  std::vector<v1::Push> sent_;
  snapshot::Snapshot last_;
  uint64_t generation_ = 0;
  uint64_t revision_ = 0;
};

class DowngradeTest : public ::testing::Test {
 protected:
  // What must hold between before and after one delivery.
  void Deliver(const v1::Push& push) {
    const snapshot::Version seen = rig.generations->seen();
    const auto serving = rig.driver.serving();
    const auto offered = *state::VerifyManifest(push.manifest(), rig.authority());
    const Ack ack = rig.Take(push);
    const Standing moved = snapshot::Compare(seen, rig.generations->seen());
    ASSERT_TRUE(moved == Standing::kNewer || moved == Standing::kSame) << "seen went back";
    const Standing standing = snapshot::Compare(seen, offered);
    const bool acceptable = standing == Standing::kNewer || standing == Standing::kSame;
    if (ack.outcome() == Ack::OUTCOME_APPLIED) {
      ASSERT_TRUE(acceptable) << "downgraded from " << seen.ToString();
      ASSERT_EQ(rig.applier->serving().generation->version, offered);
      ++applied;
    } else {
      ASSERT_EQ(ack.outcome() == Ack::OUTCOME_STALE, !acceptable);
      ASSERT_EQ(rig.driver.serving(), serving) << "what was not applied changed what is served";
    }
  }
  // The process ends at any moment between deliveries; the web server may, too.
  void Crash(std::mt19937_64& random) {
    const snapshot::Version seen = rig.generations->seen();
    const bool had = rig.applier->serving().generation != nullptr;
    if (random() % 2 == 0) rig.driver.Restart();
    rig.Restart();
    ASSERT_EQ(rig.generations->seen(), seen);
    ASSERT_EQ(rig.applier->Recover({}).ok(), had);
  }

  // The property is about order, not about disks: thousands of fsyncs would test those.
  struct InMemory {
    InMemory() { ::setenv("TMPDIR", "/dev/shm", 1); }
    ~InMemory() { ::unsetenv("TMPDIR"); }
  } in_memory;
  ApplierRig rig;
  int applied = 0;
};

TEST_F(DowngradeTest, NoneInTenThousandDeliveries) {
  const uint64_t seed = 20261121;
  std::mt19937_64 random(seed);  // NOLINT(cert-msc51-cpp): a failure must be seen again
  Wire wire(rig.publisher, seed + 1);
  for (int i = 0; i < kDeliveries; ++i) {
    const uint64_t dice = random() % 500;
    if (dice == 0) Crash(random);
    rig.driver.FailApply(dice < 10 ? Unavailable("refused") : Status::Ok());
    if (dice >= 10 && dice < 20) rig.driver.Misserve("www.example.test");
    Deliver(wire.Next());
    if (HasFatalFailure()) FAIL() << "delivery " << i << ", seed " << seed;
    rig.driver.ServeRight();
    if (i % 50 == 0 && rig.applier->serving().generation) {
      ASSERT_TRUE(rig.applier->MarkLastKnownGood(rig.applier->serving().generation->version).ok());
    }
  }
  EXPECT_GT(applied, 300);
}

}  // namespace
}  // namespace lockstep::agent::apply

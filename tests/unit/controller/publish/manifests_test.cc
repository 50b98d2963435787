#include "controller/publish/manifests.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <optional>

#include "common/base/encoding.h"
#include "common/snapshot/version.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::controller::publish {
namespace {

const NodeName kNode = *NodeName::Parse("fra1");
const std::string kDigest(32, 'd');

class ManifestsTest : public ::testing::Test {
 protected:
  ManifestsTest() : ca_(MakeCa("ca")), manifests_(ca_, {2, std::string(16, 'e')}) {
    manifests_.SetStarts({StartOf(1, 'a', 1), StartOf(2, 'b', 6), StartOf(3, 'c', 11)});
    manifests_.NoteGiven(12);
  }
  identity::FleetCa MakeCa(const std::string& name) {
    return *identity::FleetCa::Create(directory_ / name, "test", clock_.Now());
  }
  store::Start StartOf(uint64_t ordinal, char id, uint64_t first) const {
    return {ordinal, std::string(16, id), clock_.Now(), first};
  }
  static types::v1::SignedManifest Made(const Manifests& by, uint64_t number, char start) {
    model::Generation generation;
    generation.number = number;
    generation.start_id = std::string(16, start);
    return by.Sign(kNode, generation, kDigest);
  }
  Recognition Recognised(uint64_t number, char start) const {
    return manifests_.Recognise(kNode, Made(manifests_, number, start)).what;
  }

  fakes::TempDirectory directory_;
  fakes::FakeClock clock_;
  identity::FleetCa ca_;
  Manifests manifests_;
};

TEST_F(ManifestsTest, KnowsWhatItPublished) {
  EXPECT_EQ(Recognised(5, 'a'), Recognition::kOurs);
  EXPECT_EQ(Recognised(6, 'b'), Recognition::kOurs);
  EXPECT_EQ(Recognised(10, 'b'), Recognition::kOurs);
  EXPECT_EQ(Recognised(12, 'c'), Recognition::kOurs);
}

TEST_F(ManifestsTest, AnEarlierEpochIsOlder) {
  const Manifests before(ca_, {1, std::string(16, 'x')});
  const auto finding = manifests_.Recognise(kNode, Made(before, 99, 'z'));
  EXPECT_EQ(finding.what, Recognition::kOlder);
  EXPECT_EQ(finding.why, "it last saw epoch 1 generation 99, before the recovery");
}

TEST_F(ManifestsTest, AnotherSignerIsAForgery) {
  const auto other = MakeCa("other");
  const Manifests theirs(other, manifests_.epoch());
  const auto finding = manifests_.Recognise(kNode, Made(theirs, 5, 'a'));
  EXPECT_EQ(finding.what, Recognition::kForged);
  EXPECT_EQ(finding.why, "its newest manifest is not signed by this fleet");
  EXPECT_EQ(finding.epoch_counter, 0u);
}

TEST_F(ManifestsTest, WhatDoesNotParseIsAForgery) {
  types::v1::SignedManifest garbage;
  EXPECT_EQ(manifests_.Recognise(kNode, garbage).what, Recognition::kForged);
  garbage.set_manifest("\xff\xff\xff");
  garbage.set_signature(ca_.Sign("manifest", garbage.manifest()));
  EXPECT_EQ(manifests_.Recognise(kNode, garbage).what, Recognition::kForged);
}

TEST_F(ManifestsTest, ASignatureForAnotherPurposeDoesNotCount) {
  types::v1::SignedManifest manifest = Made(manifests_, 5, 'a');
  manifest.set_signature(ca_.Sign("something else", manifest.manifest()));
  EXPECT_EQ(manifests_.Recognise(kNode, manifest).what, Recognition::kForged);
}

TEST_F(ManifestsTest, AnotherNodesManifestIsAForgery) {
  const auto finding = manifests_.Recognise(*NodeName::Parse("ams1"), Made(manifests_, 5, 'a'));
  EXPECT_EQ(finding.what, Recognition::kForged);
  EXPECT_EQ(finding.why, "its newest manifest was made for node fra1");
}

TEST_F(ManifestsTest, AnUnknownStartIsARestore) {
  const auto finding = manifests_.Recognise(kNode, Made(manifests_, 12, 'q'));
  EXPECT_EQ(finding.what, Recognition::kUnknown);
  EXPECT_EQ(finding.why,
            "node fra1 has seen epoch 2 generation 12, published by an unknown start: this "
            "database is older than the fleet, or a copy of it ran elsewhere");
}

TEST_F(ManifestsTest, ANumberNeverGivenIsARestore) {
  const auto finding = manifests_.Recognise(kNode, Made(manifests_, 13, 'c'));
  EXPECT_EQ(finding.what, Recognition::kUnknown);
  EXPECT_NE(finding.why.find("which was never published by this database"), std::string::npos);
}

TEST_F(ManifestsTest, ANumberGivenAgainByAnotherStartIsARestore) {
  const auto finding = manifests_.Recognise(kNode, Made(manifests_, 11, 'b'));
  EXPECT_EQ(finding.what, Recognition::kUnknown);
  EXPECT_NE(finding.why.find("a number that this database gave to another generation"),
            std::string::npos);
  EXPECT_EQ(Recognised(5, 'b'), Recognition::kUnknown);
}

TEST_F(ManifestsTest, AnotherIncarnationOfTheSameOrAHigherCounterIsARestore) {
  const Manifests twin(ca_, {2, std::string(16, 'x')});
  EXPECT_EQ(manifests_.Recognise(kNode, Made(twin, 5, 'a')).what, Recognition::kUnknown);
  const Manifests later(ca_, {7, std::string(16, 'x')});
  const auto finding = manifests_.Recognise(kNode, Made(later, 5, 'a'));
  EXPECT_EQ(finding.what, Recognition::kUnknown);
  EXPECT_EQ(finding.epoch_counter, 7u);
}

// A database with the histories that backups and restores give it. The model knows the truth: which
// publications happened in the past of the database that runs now.
class World {
 public:
  explicit World(const identity::FleetCa& ca) : ca_(ca) { Start(); }

  void Start() {
    const std::string id = NextId();
    database_.starts.push_back({database_.starts.size() + 1, id, {}, database_.newest + 1});
  }
  // Numbers grow, sometimes by more than one; the books are pruned, the model's past is not.
  void Publish(uint64_t step) {
    database_.newest += step;
    database_.past.insert({database_.newest, database_.starts.back().id});
  }
  void BackUp() { backup_ = database_; }
  // The controller starts anew on the file that was put back.
  void Restore() {
    if (!backup_) return;
    database_ = *backup_;
    Start();
  }
  void Recover() {
    database_.epoch = {database_.epoch.counter + 1, NextId()};
    database_.past.clear();  // what was seen before counts as older, not as ours
    Start();
  }

  // A node takes the newest, if there is one: what it then shows for ever, until it takes another.
  void Take() {
    if (database_.past.empty()) return;
    model::Generation generation;
    generation.number = database_.newest;
    generation.start_id = database_.past.rbegin()->second;
    seen_.push_back({database_.epoch, database_.newest, generation.start_id,
                     Books().Sign(kNode, generation, kDigest)});
  }

  // Each manifest ever taken is judged as the model judges it.
  void Check() const {
    const Manifests books = Books();
    for (const auto& one : seen_) {
      const auto finding = books.Recognise(kNode, one.manifest);
      if (one.epoch.counter < database_.epoch.counter) {
        RC_ASSERT(finding.what == Recognition::kOlder);
        continue;
      }
      const auto in_past = database_.past.find(one.number);
      const bool ours = one.epoch == database_.epoch && in_past != database_.past.end() &&
                        in_past->second == one.start_id;
      RC_ASSERT(finding.what == (ours ? Recognition::kOurs : Recognition::kUnknown));
    }
  }

 private:
  struct Database {
    model::Epoch epoch{1, std::string(16, 'e')};
    std::vector<store::Start> starts;
    uint64_t newest = 0;
    std::map<uint64_t, std::string> past;  // the truth: every number ever given, and by whom
  };
  struct Seen {
    model::Epoch epoch;
    uint64_t number;
    std::string start_id;
    types::v1::SignedManifest manifest;
  };

  std::string NextId() {
    std::string id(16, '\0');
    const uint64_t number = ++ids_;
    for (size_t i = 0; i < 8; ++i) id[i] = static_cast<char>(number >> (8 * i));
    return id;
  }
  Manifests Books() const {
    Manifests books(ca_, database_.epoch);
    books.SetStarts(database_.starts);
    books.NoteGiven(database_.newest);
    return books;
  }

  const identity::FleetCa& ca_;
  uint64_t ids_ = 0;
  Database database_;
  std::optional<Database> backup_;
  std::vector<Seen> seen_;
};

// However a database is published from, backed up, put back and started, and whichever nodes were
// away meanwhile: what a node has seen is ours if and only if it is in this database's own past,
// also where numbers were given twice.
RC_GTEST_PROP(ManifestsProperty, EveryRestoreIsNoticedAndNothingElse, ()) {
  static const fakes::TempDirectory directory;
  static const auto ca =
      identity::FleetCa::Create(directory / "ca", "test", fakes::FakeClock().Now());
  World world(*ca);
  const int events = *rc::gen::inRange(1, 40);
  for (int i = 0; i < events; ++i) {
    switch (*rc::gen::inRange(0, 10)) {
      case 0:
      case 1:
      case 2:
        world.Publish(static_cast<uint64_t>(*rc::gen::inRange(1, 3)));
        break;
      case 3:
      case 4:
      case 5:
        world.Take();
        break;
      case 6:
        world.Start();
        break;
      case 7:
        world.BackUp();
        break;
      case 8:
        world.Restore();
        break;
      default:
        if (*rc::gen::inRange(0, 5) == 0) world.Recover();
        break;
    }
    world.Check();
  }
}

}  // namespace
}  // namespace lockstep::controller::publish

#include "agent/state/generations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/fakes/fake_publisher.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::agent::state {
namespace {

using ::testing::ElementsAre;

class GenerationsTest : public ::testing::Test {
 protected:
  Authority authority() const { return {publisher.node(), publisher.ca()}; }
  Generations Open() {
    auto opened = Generations::Open(directory.path(), authority());
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *std::move(opened);
  }
  Generation Make(uint64_t number) {
    Generation out;
    out.snapshot = publisher.MakeSnapshot({{.revision = number}});
    out.manifest = publisher.Sign(out.snapshot, number);
    out.version = *VerifyManifest(out.manifest, authority());
    return out;
  }
  // As an apply that went well.
  void Serve(Generations& on, uint64_t number) {
    const Generation generation = Make(number);
    ASSERT_TRUE(on.MarkSeen(generation.manifest).ok());
    ASSERT_TRUE(on.Save(generation).ok());
    ASSERT_TRUE(on.MarkCurrent(generation.version).ok());
  }
  static std::vector<uint64_t> Numbers(const std::vector<GenerationPtr>& generations) {
    std::vector<uint64_t> out;
    for (const GenerationPtr& generation : generations) {
      out.push_back(generation->version.generation);
    }
    return out;
  }
  std::string FileOf(uint64_t number) {
    return directory / ("generations/gen-1-" + std::to_string(number) + "/push.pb");
  }

  fakes::TempDirectory directory;
  fakes::FakePublisher publisher;
};

TEST_F(GenerationsTest, AFreshNodeHasSeenNothing) {
  const Generations generations = Open();
  EXPECT_TRUE(generations.seen().none());
  EXPECT_TRUE(generations.ListServable().empty());
}

TEST_F(GenerationsTest, WhatWasSeenIsRememberedAndOnlyGrows) {
  {
    Generations generations = Open();
    ASSERT_TRUE(generations.MarkSeen(Make(5).manifest).ok());
    EXPECT_EQ(generations.MarkSeen(Make(4).manifest).code(), Code::kFailedPrecondition);
  }
  Generations generations = Open();
  EXPECT_EQ(generations.seen().generation, 5u);
  EXPECT_EQ(generations.seen_manifest()->manifest(), Make(5).manifest.manifest());
  EXPECT_TRUE(generations.MarkSeen(Make(5).manifest).ok());
  EXPECT_TRUE(generations.MarkSeen(Make(6).manifest).ok());
}

TEST_F(GenerationsTest, ALostSeenFileDoesNotMakeItForgetWhatItHolds) {
  {
    Generations generations = Open();
    Serve(generations, 3);
  }
  std::filesystem::remove(directory / "seen.pb");
  EXPECT_EQ(Open().seen().generation, 3u);
}

TEST_F(GenerationsTest, AStrangersManifestIsNoEvidence) {
  Generations generations = Open();
  const fakes::FakePublisher stranger;
  const auto manifest = stranger.Sign(stranger.MakeSnapshot({{}}), 9);
  EXPECT_EQ(generations.MarkSeen(manifest).code(), Code::kUnauthenticated);
  fakes::FakePublisher other_node(*NodeName::Parse("ams1"));
  EXPECT_FALSE(VerifyManifest(other_node.Sign(other_node.MakeSnapshot({}), 1), authority()).ok());
  EXPECT_TRUE(generations.seen().none());
}

TEST_F(GenerationsTest, StartsFromTheNewestProvedThenLastKnownGoodThenOlder) {
  Generations generations = Open();
  for (uint64_t number = 1; number <= 4; ++number) Serve(generations, number);
  ASSERT_TRUE(generations.MarkLastKnownGood(Make(2).version).ok());
  ASSERT_TRUE(generations.Save(Make(5)).ok());  // staged, never proved
  EXPECT_THAT(Numbers(generations.ListServable()), ElementsAre(4, 2, 3));
  EXPECT_THAT(Numbers(generations.ListHeld()), ElementsAre(5, 4, 3, 2));
  EXPECT_EQ(generations.ListServable()[0]->snapshot.Digest(), Make(4).snapshot.Digest());
}

TEST_F(GenerationsTest, WhatIsDamagedIsNeverServed) {
  Generations generations = Open();
  for (uint64_t number = 1; number <= 3; ++number) Serve(generations, number);
  std::ofstream(FileOf(3), std::ios::app) << "x";
  EXPECT_THAT(Numbers(generations.ListServable()), ElementsAre(2, 1));
}

TEST_F(GenerationsTest, ASoakLeavesThreeGenerations) {
  Generations generations = Open();
  for (uint64_t number = 1; number <= 6; ++number) Serve(generations, number);
  ASSERT_TRUE(generations.MarkLastKnownGood(Make(6).version).ok());
  EXPECT_THAT(Numbers(generations.ListHeld()), ElementsAre(6, 5, 4));
}

TEST_F(GenerationsTest, ChangesFasterThanASoakLeaveThreeAndTheLastKnownGood) {
  Generations generations = Open();
  Serve(generations, 1);
  ASSERT_TRUE(generations.MarkLastKnownGood(Make(1).version).ok());
  for (uint64_t number = 2; number <= 9; ++number) Serve(generations, number);
  EXPECT_THAT(Numbers(generations.ListHeld()), ElementsAre(9, 8, 7, 1));
}

TEST_F(GenerationsTest, ARejectedGenerationIsForgottenButStaysSeen) {
  Generations generations = Open();
  Serve(generations, 1);
  ASSERT_TRUE(generations.MarkSeen(Make(2).manifest).ok());
  ASSERT_TRUE(generations.Save(Make(2)).ok());
  generations.Forget(Make(2).version);
  EXPECT_THAT(Numbers(generations.ListHeld()), ElementsAre(1));
  EXPECT_EQ(generations.seen().generation, 2u);
}

TEST_F(GenerationsTest, PrivateKeysLieInPrivateFiles) {
  Generations generations = Open();
  Serve(generations, 1);
  struct stat about {};
  ASSERT_EQ(::stat(FileOf(1).c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0600u);
}

}  // namespace
}  // namespace lockstep::agent::state

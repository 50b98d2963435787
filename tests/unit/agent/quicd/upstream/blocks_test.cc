#include "agent/quicd/upstream/blocks.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace lockstep::agent::quicd::upstream {
namespace {

// All of a new block, as a reader keeps it.
Slice KeepOne(Blocks* blocks) {
  blocks->Begin({});
  return blocks->Keep(0, Blocks::kBytes, Blocks::kBytes);
}

TEST(BlocksTest, ABlockThatNobodyKeepsServesAgain) {
  Blocks blocks;
  const uint8_t* first = blocks.Begin({}).data();
  EXPECT_EQ(blocks.Begin({}).data(), first);
}

TEST(BlocksTest, WhatIsKeptIsNotWrittenOver) {
  Blocks blocks;
  blocks.Begin({})[0] = 7;
  const Slice kept = blocks.Keep(0, Blocks::kBytes, Blocks::kBytes);
  blocks.Begin({})[0] = 9;
  EXPECT_EQ(kept.block->at(0), 7);
}

TEST(BlocksTest, ABlockComesBackWhenItsReadersHaveLetGo) {
  Blocks blocks;
  std::set<const uint8_t*> before;
  {
    const Slice one = KeepOne(&blocks);
    const Slice other = KeepOne(&blocks);
    before = {one.block->data(), other.block->data()};
  }
  // What has gone back to malloc instead, these get.
  std::vector<std::vector<uint8_t>> others;
  for (int i = 0; i < 4; ++i) others.emplace_back(Blocks::kBytes);
  const Slice one = KeepOne(&blocks);
  const Slice other = KeepOne(&blocks);
  EXPECT_EQ((std::set<const uint8_t*>{one.block->data(), other.block->data()}), before);
}

TEST(BlocksTest, SlicesOutliveTheirBlocks) {
  std::vector<Slice> kept;
  {
    Blocks blocks;
    for (int i = 0; i < 3; ++i) {
      blocks.Begin({})[0] = static_cast<uint8_t>(i);
      kept.push_back(blocks.Keep(0, Blocks::kBytes, Blocks::kBytes));
    }
  }
  for (size_t i = 0; i < kept.size(); ++i) EXPECT_EQ(kept[i].block->at(0), i);
}

}  // namespace
}  // namespace lockstep::agent::quicd::upstream

#include "agent/quicd/cid/codec.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "common/base/encoding.h"

namespace lockstep::agent::quicd::cid {
namespace {

std::string Hex(std::string_view text) { return HexDecode(text).value(); }
std::span<const uint8_t> Span(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
Key MakeKey(uint8_t config_id, std::string_view hex) {
  return {config_id, crypto::Secret(Hex(hex))};
}
std::vector<Key> Keys(Key first) {
  std::vector<Key> keys;
  keys.push_back(std::move(first));
  return keys;
}

constexpr const char* kKey = "8f95f09245765f80256934e50c66207f";
constexpr const char* kOtherKey = "00112233445566778899aabbccddeeff";

// draft-ietf-quic-load-balancers, appendix "Encrypted CIDs", the case of one block.
TEST(CodecTest, MatchesTheTestVectorOfTheDraft) {
  const auto codec = Codec::Create(Hex("ed793a51d49b8f5f"), Keys(MakeKey(2, kKey)));
  ASSERT_TRUE(codec.ok());
  const ConnectionId made = (*codec)->MakeWith(Span(Hex("ee080dbf48c0d1e5")));
  EXPECT_EQ(HexEncode({reinterpret_cast<const char*>(made.data()), made.size()}),
            "504dd2d05a7b0de9b2b9907afb5ecf8cc3");
  EXPECT_EQ((*codec)->OwnerOf(made), Owner::kOurs);
}

TEST(CodecTest, TellsWhoseAConnectionIdIs) {
  const auto ours = Codec::Create("node0001", Keys(MakeKey(0, kKey)));
  const auto theirs = Codec::Create("node0002", Keys(MakeKey(0, kKey)));
  const auto stranger = Codec::Create("node0001", Keys(MakeKey(1, kKey)));
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ((*ours)->OwnerOf((*ours)->Make()), Owner::kOurs);
    EXPECT_EQ((*ours)->OwnerOf((*theirs)->Make()), Owner::kAnotherNode);
    EXPECT_EQ((*ours)->OwnerOf((*stranger)->Make()), Owner::kUnknown);
  }
  const std::string random = RandomBytes(8);
  EXPECT_EQ((*ours)->OwnerOf(Span(random)), Owner::kUnknown);
  EXPECT_EQ((*ours)->OwnerOf({}), Owner::kUnknown);
}

TEST(CodecTest, WithoutTheKeyNobodyMakesAnIdOfOurs) {
  const auto ours = Codec::Create("node0001", Keys(MakeKey(0, kKey)));
  const auto forger = Codec::Create("node0001", Keys(MakeKey(0, kOtherKey)));
  for (int i = 0; i < 1000; ++i) EXPECT_NE((*ours)->OwnerOf((*forger)->Make()), Owner::kOurs);
}

TEST(CodecTest, ReadsWhatAPreviousKeyMade) {
  const auto before = Codec::Create("node0001", Keys(MakeKey(0, kKey)));
  std::vector<Key> keys = Keys(MakeKey(1, kOtherKey));
  keys.push_back(MakeKey(0, kKey));
  const auto after = Codec::Create("node0001", keys);
  EXPECT_EQ((*after)->OwnerOf((*before)->Make()), Owner::kOurs);
  EXPECT_EQ((*after)->Make()[0] >> 5, 1);
}

TEST(CodecTest, NoTwoAreAlike) {
  const auto codec = Codec::Create("abc", Keys(MakeKey(3, kKey)));
  std::set<ConnectionId> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert((*codec)->Make()).second);
}

TEST(CodecTest, RefusesWhatCannotWork) {
  EXPECT_FALSE(Codec::Create("", Keys(MakeKey(0, kKey))).ok());
  EXPECT_FALSE(Codec::Create("thirteen byte", Keys(MakeKey(0, kKey))).ok());
  EXPECT_FALSE(Codec::Create("node", {}).ok());
  EXPECT_FALSE(Codec::Create("node", Keys(MakeKey(7, kKey))).ok());
  EXPECT_FALSE(Codec::Create("node", Keys(MakeKey(0, "aabb"))).ok());
  std::vector<Key> twice = Keys(MakeKey(0, kKey));
  twice.push_back(MakeKey(0, kOtherKey));
  EXPECT_FALSE(Codec::Create("node", twice).ok());
}

}  // namespace
}  // namespace lockstep::agent::quicd::cid

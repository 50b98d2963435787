#include "common/frame/length_prefix.h"

#include <gtest/gtest.h>

namespace lockstep::frame {
namespace {

TEST(LengthPrefixTest, WhatGoesInComesOutInWhateverPieces) {
  const std::string first = "first message";
  const std::string second(100'000, 'x');
  const std::string stream = Prefixed(first) + Prefixed("") + Prefixed(second);
  for (const size_t piece : {size_t{1}, size_t{3}, size_t{1000}, stream.size()}) {
    PrefixedReader reader;
    std::vector<std::string> got;
    for (size_t at = 0; at < stream.size(); at += piece) {
      reader.Add(std::string_view(stream).substr(at, piece));
      while (auto message = reader.Next().value()) got.push_back(*message);
    }
    EXPECT_EQ(got, (std::vector<std::string>{first, "", second})) << piece;
  }
}

TEST(LengthPrefixTest, HalfAMessageIsNone) {
  PrefixedReader reader;
  EXPECT_FALSE(reader.Next().value());
  reader.Add(Prefixed("whole").substr(0, 8));
  EXPECT_FALSE(reader.Next().value());
}

TEST(LengthPrefixTest, AMessageThatIsTooLongIsRefusedBeforeItIsRead) {
  PrefixedReader reader;
  reader.Add(std::string("\x04\x00\x00\x01", 4));
  EXPECT_FALSE(reader.Next().ok());
}

}  // namespace
}  // namespace lockstep::frame

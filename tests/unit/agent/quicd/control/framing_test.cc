#include "agent/quicd/control/framing.h"

#include <gtest/gtest.h>

namespace lockstep::agent::quicd::control {
namespace {

TEST(FramingTest, WhatGoesInComesOutInWhateverPieces) {
  const std::string first = "first message";
  const std::string second(100'000, 'x');
  const std::string stream = Frame(first) + Frame("") + Frame(second);
  for (const size_t piece : {size_t{1}, size_t{3}, size_t{1000}, stream.size()}) {
    Deframer deframer;
    std::vector<std::string> got;
    for (size_t at = 0; at < stream.size(); at += piece) {
      deframer.Add(std::string_view(stream).substr(at, piece));
      while (auto message = deframer.Next().value()) got.push_back(*message);
    }
    EXPECT_EQ(got, (std::vector<std::string>{first, "", second})) << piece;
  }
}

TEST(FramingTest, HalfAMessageIsNone) {
  Deframer deframer;
  EXPECT_FALSE(deframer.Next().value());
  deframer.Add(Frame("whole").substr(0, 8));
  EXPECT_FALSE(deframer.Next().value());
}

TEST(FramingTest, AMessageThatIsTooLongIsRefusedBeforeItIsRead) {
  Deframer deframer;
  deframer.Add(std::string("\x04\x00\x00\x01", 4));
  EXPECT_FALSE(deframer.Next().ok());
}

}  // namespace
}  // namespace lockstep::agent::quicd::control

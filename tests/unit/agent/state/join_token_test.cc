#include "agent/state/join_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/encoding.h"

namespace lockstep::agent::state {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kSecret = Base64UrlEncode(std::string(24, 's'));
const std::string kPin = Base64UrlEncode(std::string(32, 'p'));
const std::string kText = "ls1.fra1.0123456789abcdef." + kSecret + "." + kPin;

TEST(JoinTokenTest, ReadsWhatTheControllerPrints) {
  const auto token = JoinToken::Parse(kText + "\n");
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(token->node.str(), "fra1");
  EXPECT_EQ(token->id, "0123456789abcdef");
  EXPECT_EQ(token->secret.Reveal(), kSecret);
  EXPECT_EQ(token->ca_pin, kPin);
}

TEST(JoinTokenTest, AnEmptyOneIsSaidToBeEmpty) {
  EXPECT_EQ(JoinToken::Parse(" \n").status().message(), "join token is empty");
}

TEST(JoinTokenTest, WhatIsMalformedIsRefusedWithoutBeingQuoted) {
  for (const std::string& text :
       {std::string("ls1"), kText + ".more", "ls2" + kText.substr(3),
        "ls1..x." + kSecret + "." + kPin, "ls1.fra1.0123456789ABCDEF." + kSecret + "." + kPin,
        "ls1.-a.0123456789abcdef." + kSecret + "." + kPin,
        "ls1.fra1.0123456789abcdef." + kSecret + "x." + kPin, kText.substr(0, kText.size() - 1),
        std::string(5000, 'a'), std::string("ls1.fra1\0.x.y.z", 15)}) {
    const auto token = JoinToken::Parse(text);
    EXPECT_EQ(token.status().code(), Code::kInvalidArgument);
    EXPECT_THAT(token.status().message(), Not(HasSubstr(kSecret)));
  }
}

}  // namespace
}  // namespace lockstep::agent::state

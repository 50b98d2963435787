// What an operator reads after pasting a join token that is none.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/state/join_token.h"
#include "common/base/encoding.h"

namespace lockstep::agent::state {
namespace {

using namespace std::string_literals;

TEST(JoinTokenWordsTest, EveryBadTokenIsRefusedInTheSameWords) {
  const std::string tail = ".0123456789abcdef." + Base64UrlEncode(std::string(24, 's')) + "." +
                           Base64UrlEncode(std::string(32, 'p'));
  ASSERT_TRUE(JoinToken::Parse("ls1.fra1" + tail).ok());
  const std::vector<std::string> bad = {"ls1...",     "ls1.../../etc", "ls1.-rf",  "ls1.fra1\0"s,
                                        "ls1.fra\n1", "ls1.fra1/",     "ls1.FRA1", "-ls1.fra1"};
  for (const std::string& text : bad) {
    EXPECT_EQ(JoinToken::Parse(text + tail).status(),
              InvalidArgument("join token is malformed: give it exactly as `lockstep token create` "
                              "printed it"))
        << text;
  }
}

}  // namespace
}  // namespace lockstep::agent::state

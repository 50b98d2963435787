#include "common/crypto/secret.h"

#include <gtest/gtest.h>

#include <sstream>

namespace lockstep::crypto {
namespace {

TEST(SecretTest, NeverPrints) {
  std::ostringstream out;
  out << Secret::CopyOf("hunter2");
  EXPECT_EQ(out.str(), "[secret]");
  EXPECT_EQ(::testing::PrintToString(Secret::CopyOf("hunter2")), "[secret]");
}

TEST(SecretTest, WipesWhatItIsMadeFrom) {
  for (const size_t size : {7u, 200u}) {  // inside the object and on the heap
    std::string text(size, 'k');
    const char* before = text.data();
    const Secret secret(std::move(text));
    EXPECT_EQ(secret.Reveal(), std::string(size, 'k'));
    if (size == 7) {
      EXPECT_EQ(std::string(before, 7), std::string(7, '\0'));
    }
  }
}

TEST(SecretTest, LeavesNothingBehindWhenMoved) {
  Secret from = Secret::CopyOf("short");
  Secret to = std::move(from);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): what is under test
  EXPECT_EQ(to.Reveal(), "short");
  to = Secret::CopyOf("another");
  EXPECT_EQ(to.Reveal(), "another");
}

TEST(SecretTest, ComparesByContent) {
  EXPECT_TRUE(Secret::CopyOf("a") == Secret::CopyOf("a"));
  EXPECT_FALSE(Secret::CopyOf("a") == Secret::CopyOf("b"));
  EXPECT_FALSE(Secret::CopyOf("a") == Secret::CopyOf("ab"));
}

}  // namespace
}  // namespace lockstep::crypto

#include "common/crypto/digest.h"

#include <gtest/gtest.h>

#include "common/base/encoding.h"

namespace lockstep::crypto {
namespace {

// FIPS 180-4 examples.
TEST(Sha256Test, MatchesTheStandard) {
  EXPECT_EQ(HexEncode(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexEncode(Sha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

// RFC 4231, test case 2.
TEST(HmacSha256Test, MatchesTheStandard) {
  EXPECT_EQ(HexEncode(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Sha256StreamTest, DoesNotCareWhereTheTextIsCut) {
  const std::string text(1000, 'x');
  Sha256Stream stream;
  for (size_t cut = 0; cut <= text.size(); cut += 50) {
    stream.Update(text.substr(0, cut));
    stream.Update(text.substr(cut));
    EXPECT_EQ(stream.Finish(), Sha256(text));
  }
}

}  // namespace
}  // namespace lockstep::crypto

#include "common/crypto/sealing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/base/encoding.h"
#include "common/fsutil/files.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::crypto {
namespace {

using ::testing::HasSubstr;

SealingKey Key(char fill) { return SealingKey::FromBytes(Secret(std::string(32, fill))).value(); }

TEST(SealingTest, OpensWhatItSealed) {
  const SealingKey key = Key('k');
  for (const std::string& text : {std::string(), std::string("x"), std::string(100'000, '\0')}) {
    const Result<std::string> sealed = key.Seal(text, "certificate/1");
    ASSERT_TRUE(sealed.ok());
    EXPECT_EQ(sealed->size(), text.size() + 3 + 8 + 12 + 16);
    const Result<Secret> opened = key.Open(*sealed, "certificate/1");
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->Reveal(), text);
  }
}

TEST(SealingTest, NeverSealsTheSameWayTwice) {
  const SealingKey key = Key('k');
  EXPECT_NE(*key.Seal("text", ""), *key.Seal("text", ""));
}

TEST(SealingTest, OpensOnlyWhereItBelongs) {
  const SealingKey key = Key('k');
  const std::string sealed = *key.Seal("text", "certificate/1");
  EXPECT_EQ(key.Open(sealed, "certificate/2").status().code(), Code::kDataLoss);
}

TEST(SealingTest, NamesBothKeysWhenItIsTheWrongOne) {
  const std::string sealed = *Key('a').Seal("text", "");
  const Status status = Key('b').Open(sealed, "").status();
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr(Key('a').KeyIdHex()));
  EXPECT_THAT(status.message(), HasSubstr(Key('b').KeyIdHex()));
}

TEST(SealingTest, NoticesEveryChangedByteAndEveryCut) {
  const SealingKey key = Key('k');
  const std::string sealed = *key.Seal("some text", "place");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string bent = sealed;
    bent[i] = static_cast<char>(bent[i] ^ 0x40);
    EXPECT_FALSE(key.Open(bent, "place").ok()) << i;
    EXPECT_FALSE(key.Open(sealed.substr(0, i), "place").ok()) << i;
  }
}

TEST(SealingTest, MakesAKeyFileOnce) {
  const fakes::TempDirectory dir;
  ASSERT_EQ(SealingKey::CreateFile(dir / "kek"), Status::Ok());
  EXPECT_EQ(SealingKey::CreateFile(dir / "kek").code(), Code::kAlreadyExists);
  const Result<SealingKey> one = SealingKey::FromFile(dir / "kek");
  const Result<SealingKey> two = SealingKey::FromFile(dir / "kek");
  ASSERT_TRUE(one.ok() && two.ok()) << one.status();
  EXPECT_EQ(two->Open(*one->Seal("text", ""), "")->Reveal(), "text");
}

TEST(SealingTest, ReadsRawAndHexKeys) {
  const fakes::TempDirectory dir;
  const std::string raw(32, '\n');  // also when it looks like white space
  ASSERT_TRUE(fsutil::WriteAtomic(dir / "raw", raw).ok());
  ASSERT_TRUE(fsutil::WriteAtomic(dir / "hex", HexEncode(raw) + "\r\n").ok());
  EXPECT_EQ(SealingKey::FromFile(dir / "raw")->KeyIdHex(),
            SealingKey::FromFile(dir / "hex")->KeyIdHex());
}

TEST(SealingTest, RefusesKeyFilesThatAreNone) {
  const fakes::TempDirectory dir;
  ASSERT_TRUE(fsutil::WriteAtomic(dir / "short", "hunter2").ok());
  const Status status = SealingKey::FromFile(dir / "short").status();
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("neither 32 bytes nor 64 hex digits"));
  EXPECT_THAT(status.message(), Not(HasSubstr("hunter2")));
  ASSERT_TRUE(fsutil::WriteAtomic(dir / "open", std::string(32, 'x'), {.mode = 0644}).ok());
  EXPECT_THAT(SealingKey::FromFile(dir / "open").status().message(), HasSubstr("chmod 0600"));
}

}  // namespace
}  // namespace lockstep::crypto

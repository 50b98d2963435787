#include "agent/challenge/directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/fakes/temp_directory.h"

namespace lockstep::agent::challenge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const ChallengeToken kToken = *ChallengeToken::Parse("aaaaaaaaaaaaaaaa");

class DirectoryTest : public ::testing::Test {
 protected:
  std::string path() const { return directory / "served"; }
  static mode_t ModeOf(const std::string& file) {
    struct stat about {};
    EXPECT_EQ(::lstat(file.c_str(), &about), 0) << file;
    return about.st_mode & 07777;
  }
  fakes::TempDirectory directory;
};

TEST_F(DirectoryTest, AChallengeIsThereCompleteAndForTheWebServersGroupOnly) {
  auto served = *Directory::Open(path());
  ASSERT_TRUE(served.Put(kToken, "aaaaaaaaaaaaaaaa.thumb").ok());
  std::ifstream file(path() + "/" + kToken.str());
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(text, "aaaaaaaaaaaaaaaa.thumb");
  EXPECT_EQ(ModeOf(path() + "/" + kToken.str()), 0640u);
  EXPECT_EQ(ModeOf(path()), 02750u);
  EXPECT_TRUE(std::filesystem::is_empty(path() + ".staging"));
}

TEST_F(DirectoryTest, RemovingIsIdempotent) {
  auto served = *Directory::Open(path());
  ASSERT_TRUE(served.Put(kToken, "x").ok());
  EXPECT_TRUE(served.Remove(kToken).ok());
  EXPECT_TRUE(served.Remove(kToken).ok());
  EXPECT_THAT(*served.List(), ElementsAre());
}

TEST_F(DirectoryTest, AStartEmptiesIt) {
  {
    auto served = *Directory::Open(path());
    ASSERT_TRUE(served.Put(kToken, "x").ok());
  }
  EXPECT_THAT(*Directory::Open(path())->List(), ElementsAre());
}

TEST_F(DirectoryTest, ALinkInItsPlaceIsRefused) {
  std::filesystem::create_directory(directory / "elsewhere");
  std::filesystem::create_symlink(directory / "elsewhere", path());
  EXPECT_EQ(Directory::Open(path()).status().code(), Code::kFailedPrecondition);
}

TEST_F(DirectoryTest, ALinkInsideIsRefused) {
  std::filesystem::create_directory(path());
  std::filesystem::create_symlink("/etc/passwd", path() + "/link");
  const Status status = Directory::Open(path()).status();
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("is no challenge file"));
}

TEST_F(DirectoryTest, ALinkUnderATokensNameIsReplacedAndNotFollowed) {
  auto served = *Directory::Open(path());
  std::filesystem::create_symlink(directory / "victim", path() + "/" + kToken.str());
  std::filesystem::create_symlink(directory / "victim", path() + ".staging/" + kToken.str());
  ASSERT_TRUE(served.Put(kToken, "x").ok());
  EXPECT_FALSE(std::filesystem::exists(directory / "victim"));
  EXPECT_TRUE(std::filesystem::is_regular_file(
      std::filesystem::symlink_status(path() + "/" + kToken.str())));
}

}  // namespace
}  // namespace lockstep::agent::challenge

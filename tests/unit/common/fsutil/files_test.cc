#include "common/fsutil/files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/fakes/temp_directory.h"
#include "tests/unit/common/fsutil/full_disk.h"

namespace lockstep::fsutil {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

mode_t ModeOf(const std::string& path) {
  struct stat about = {};
  EXPECT_EQ(::lstat(path.c_str(), &about), 0) << path;
  return about.st_mode & 07777;
}

std::vector<std::string> NamesIn(const std::string& path) {
  std::vector<std::string> names;
  const Result<std::vector<Entry>> entries = ListDirectory(path);
  EXPECT_TRUE(entries.ok()) << entries.status();
  if (entries.ok()) {
    for (const Entry& entry : *entries) names.push_back(entry.name);
  }
  return names;
}

TEST(WriteAtomicTest, WritesWithTheExactModeWhateverTheUmask) {
  const fakes::TempDirectory dir;
  const mode_t before = ::umask(0077);
  EXPECT_EQ(WriteAtomic(dir / "a", "one", {.mode = 0644}), Status::Ok());
  ::umask(before);
  EXPECT_EQ(ModeOf(dir / "a"), 0644u);
  EXPECT_EQ(*ReadFile(dir / "a", 100), "one");
}

TEST(WriteAtomicTest, ReplacesAndLeavesNothingElse) {
  const fakes::TempDirectory dir;
  ASSERT_TRUE(WriteAtomic(dir / "a", "one").ok());
  ASSERT_TRUE(WriteAtomic(dir / "a", "two").ok());
  EXPECT_EQ(*ReadFile(dir / "a", 100), "two");
  EXPECT_EQ(NamesIn(dir.path()), std::vector<std::string>{"a"});
}

TEST(WriteAtomicTest, NeverShowsATornFileToAReader) {
  const fakes::TempDirectory dir;
  const std::string zeros(200'000, '0');
  const std::string ones(200'000, '1');
  ASSERT_TRUE(WriteAtomic(dir / "a", zeros).ok());
  std::jthread writer([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      EXPECT_TRUE(WriteAtomic(dir / "a", i % 2 == 0 ? ones : zeros).ok());
    }
  });
  for (int i = 0; i < 200; ++i) {
    const Result<std::string> read = ReadFile(dir / "a", 1 << 20);
    ASSERT_TRUE(read.ok());
    ASSERT_TRUE(*read == zeros || *read == ones);
  }
}

TEST(WriteAtomicTest, KeepsTheOldContentOnAFullDisk) {
  const FullDisk disk;
  ASSERT_EQ(WriteAtomic(disk / "a", "old"), Status::Ok());
  const Status status = WriteAtomic(disk / "a", std::string(1 << 20, 'x'));
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr((disk / "a")));
  EXPECT_EQ(*ReadFile(disk / "a", 100), "old");
  EXPECT_EQ(WriteAtomic(disk / "a", "new"), Status::Ok());  // the failed one took no room
}

TEST(WriteAtomicTest, StagesInTheGivenDirectory) {
  const fakes::TempDirectory dir;
  ASSERT_TRUE(MakePrivateDirectory(dir / "served").ok());
  EXPECT_EQ(WriteAtomic(dir / "served/a", "x", {.staging_directory = dir / "missing"}).code(),
            Code::kNotFound);
  EXPECT_EQ(WriteAtomic(dir / "served/a", "x", {.staging_directory = dir.path()}), Status::Ok());
  EXPECT_EQ(NamesIn(dir.path()), std::vector<std::string>{"served"});
}

TEST(WriteAtomicTest, NamesThePathInItsErrors) {
  EXPECT_EQ(WriteAtomic("/nonexistent/a", "x"),
            NotFound("cannot write \"/nonexistent/a\": No such file or directory"));
}

TEST(WriteNewTest, NeverReplaces) {
  const fakes::TempDirectory dir;
  EXPECT_EQ(WriteNew(dir / "a", "one"), Status::Ok());
  EXPECT_EQ(WriteNew(dir / "a", "two").code(), Code::kAlreadyExists);
  EXPECT_EQ(*ReadFile(dir / "a", 100), "one");
  EXPECT_EQ(ModeOf(dir / "a"), 0600u);
  EXPECT_EQ(NamesIn(dir.path()), std::vector<std::string>{"a"});
}

TEST(ReadFileTest, RefusesWhatIsTooLongOrNoFile) {
  const fakes::TempDirectory dir;
  ASSERT_TRUE(WriteAtomic(dir / "a", "12345").ok());
  EXPECT_EQ(*ReadFile(dir / "a", 5), "12345");
  EXPECT_EQ(ReadFile(dir / "a", 4).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(ReadFile(dir / "b", 4).status().code(), Code::kNotFound);
  EXPECT_EQ(ReadFile(dir.path(), 4).status().code(), Code::kFailedPrecondition);
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(ReadFile(dir / "fifo", 4).status().code(), Code::kFailedPrecondition);
}

TEST(ReadSecretFileTest, ReadsOnlyWhatNobodyElseMayTouch) {
  const fakes::TempDirectory dir;
  ASSERT_TRUE(WriteAtomic(dir / "key", "s3cret").ok());
  EXPECT_EQ(*ReadSecretFile(dir / "key"), "s3cret");
  for (const mode_t mode : {0640u, 0604u, 0620u, 0610u}) {
    ASSERT_EQ(::chmod((dir / "key").c_str(), mode), 0);
    const Status status = ReadSecretFile(dir / "key").status();
    EXPECT_EQ(status.code(), Code::kFailedPrecondition);
    EXPECT_THAT(status.message(), HasSubstr("run chmod 0600 " + (dir / "key")));
    EXPECT_THAT(status.message(), Not(HasSubstr("s3cret")));
  }
}

TEST(ReadSecretFileTest, RefusesLinksAndDirectories) {
  const fakes::TempDirectory dir;
  ASSERT_TRUE(WriteAtomic(dir / "key", "s3cret").ok());
  fs::create_symlink(dir / "key", dir / "link");
  EXPECT_THAT(ReadSecretFile(dir / "link").status().message(), HasSubstr("is a symbolic link"));
  EXPECT_THAT(ReadSecretFile(dir.path()).status().message(), HasSubstr("not a regular file"));
}

TEST(MakePrivateDirectoryTest, MakesParentsAndTightens) {
  const fakes::TempDirectory dir;
  EXPECT_EQ(MakePrivateDirectory(dir / "a/b/c"), Status::Ok());
  EXPECT_EQ(ModeOf(dir / "a/b/c"), 0700u);
  ASSERT_EQ(::chmod((dir / "a/b/c").c_str(), 0777), 0);
  EXPECT_EQ(MakePrivateDirectory(dir / "a/b/c", 0750), Status::Ok());
  EXPECT_EQ(ModeOf(dir / "a/b/c"), 0750u);
}

TEST(MakePrivateDirectoryTest, RefusesWhatIsNoDirectory) {
  const fakes::TempDirectory dir;
  ASSERT_TRUE(WriteAtomic(dir / "file", "").ok());
  fs::create_symlink("/tmp", dir / "link");
  EXPECT_EQ(MakePrivateDirectory(dir / "file").code(), Code::kFailedPrecondition);
  EXPECT_EQ(MakePrivateDirectory(dir / "link").code(), Code::kFailedPrecondition);
}

TEST(SwapSymlinkTest, ReplacesALinkAndNothingElse) {
  const fakes::TempDirectory dir;
  EXPECT_EQ(SwapSymlink(dir / "current", "one"), Status::Ok());
  EXPECT_EQ(SwapSymlink(dir / "current", "two"), Status::Ok());
  EXPECT_EQ(fs::read_symlink(dir / "current"), "two");
  fs::create_directory(dir / "real");
  EXPECT_FALSE(SwapSymlink(dir / "real", "two").ok());
  EXPECT_TRUE(fs::is_directory(dir / "real"));
  EXPECT_EQ(NamesIn(dir.path()), (std::vector<std::string>{"current", "real"}));
}

TEST(RemoveTreeTest, RemovesEverythingUnderItButFollowsNoLink) {
  const fakes::TempDirectory dir;
  fs::create_directories(dir / "tree/a/b");
  fs::create_directories(dir / "outside");
  ASSERT_TRUE(WriteAtomic(dir / "outside/keep", "x").ok());
  ASSERT_TRUE(WriteAtomic(dir / "tree/a/b/file", "x").ok());
  fs::create_symlink(dir / "outside", dir / "tree/a/link");
  EXPECT_EQ(RemoveTree(dir / "tree"), Status::Ok());
  EXPECT_FALSE(fs::exists(dir / "tree"));
  EXPECT_TRUE(fs::exists(dir / "outside/keep"));
  EXPECT_EQ(RemoveTree(dir / "tree"), Status::Ok());
  fs::create_symlink(dir / "outside", dir / "link");
  EXPECT_EQ(RemoveTree(dir / "link"), Status::Ok());
  EXPECT_TRUE(fs::exists(dir / "outside/keep"));
}

TEST(RemoveTreeTest, GivesUpOnAbsurdDepth) {
  const fakes::TempDirectory dir;
  std::string path = dir / "tree";
  for (int i = 0; i < 80; ++i) path += "/d";
  fs::create_directories(path);
  EXPECT_EQ(RemoveTree(dir / "tree").code(), Code::kResourceExhausted);
}

TEST(RemoveTreeTest, RefusesAPathWithoutAName) {
  EXPECT_EQ(RemoveTree("/").code(), Code::kInvalidArgument);
  const fakes::TempDirectory dir;
  EXPECT_EQ(RemoveTree(dir / "..").code(), Code::kInvalidArgument);
}

TEST(RemoveUnfinishedTest, RemovesWhatKilledWritersLeftAndNothingElse) {
  const fakes::TempDirectory temp;
  for (const char* name : {"kept", ".newer", "new-1", ".new-0123456789abcdef"}) {
    std::ofstream(temp / name) << "x";
  }
  fs::create_symlink(temp / "kept", temp / ".new-fedcba9876543210");
  fs::create_directory(temp / ".new-directory");
  ASSERT_EQ(RemoveUnfinished(temp.path()), Status::Ok());
  EXPECT_EQ(NamesIn(temp.path()),
            (std::vector<std::string>{".new-directory", ".newer", "kept", "new-1"}));
  EXPECT_EQ(RemoveUnfinished(temp / "missing").code(), Code::kNotFound);
}

TEST(ListDirectoryTest, SortsAndTellsKindsApart) {
  const fakes::TempDirectory dir;
  fs::create_directory(dir / "b");
  ASSERT_TRUE(WriteAtomic(dir / "c", "").ok());
  fs::create_symlink("b", dir / "a");
  const Result<std::vector<Entry>> entries = ListDirectory(dir.path());
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].kind, Entry::Kind::kSymlink);
  EXPECT_EQ((*entries)[1].kind, Entry::Kind::kDirectory);
  EXPECT_EQ((*entries)[2].kind, Entry::Kind::kFile);
}

TEST(DirectoryLockTest, AdmitsOneHolderAndNamesIt) {
  const fakes::TempDirectory dir;
  {
    const Result<DirectoryLock> first = DirectoryLock::Acquire(dir.path());
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_EQ(DirectoryLock::Acquire(dir.path()).status(),
              FailedPrecondition("\"" + dir.path() + "\" is in use by process " +
                                 std::to_string(::getpid()) + ": stop it first"));
  }
  EXPECT_TRUE(DirectoryLock::Acquire(dir.path()).ok());
}

}  // namespace
}  // namespace lockstep::fsutil

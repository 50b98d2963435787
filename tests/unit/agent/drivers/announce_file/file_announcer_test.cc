#include "agent/drivers/announce_file/file_announcer.h"

#include <gtest/gtest.h>

#include "common/fsutil/files.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::agent::drivers::announce_file {
namespace {

using State = apply::AnnounceReport::State;

class FileAnnouncerTest : public testing::Test {
 protected:
  apply::AnnounceReport ReportOf(const std::string& text) {
    EXPECT_EQ(fsutil::WriteAtomic(path_, text), Status::Ok());
    return FileAnnouncer(path_).Report();
  }
  fakes::TempDirectory directory_;
  std::string path_ = directory_ / "announce";
};

TEST_F(FileAnnouncerTest, SaysWhatTheFileSays) {
  EXPECT_EQ(ReportOf("announced\n").state, State::kAnnounced);
  EXPECT_EQ(ReportOf("withdrawn\n").state, State::kWithdrawn);
  EXPECT_FALSE(ReportOf("withdrawn").confirmed);
  EXPECT_TRUE(ReportOf("withdrawn confirmed\n").confirmed);
  EXPECT_EQ(ReportOf("withdrawn confirmed\n").evidence, path_ + " says \"withdrawn confirmed\"");
}

TEST_F(FileAnnouncerTest, IsUnknownInDoubt) {
  EXPECT_EQ(FileAnnouncer(path_).Report().state, State::kUnknown);
  EXPECT_NE(FileAnnouncer(path_).Report().evidence, "");
  for (const char* text : {"", "maybe", "announced confirmed", "withdrawn withdrawn"}) {
    EXPECT_EQ(ReportOf(text).state, State::kUnknown) << text;
    EXPECT_FALSE(ReportOf(text).confirmed) << text;
  }
}

TEST_F(FileAnnouncerTest, WritesWhatItReads) {
  FileAnnouncer announcer(path_);
  ASSERT_EQ(announcer.Announce(), Status::Ok());
  EXPECT_EQ(announcer.Report().state, State::kAnnounced);
}

TEST_F(FileAnnouncerTest, WhatTheControllerWantsStandsBesideIt) {
  FileAnnouncer announcer(path_);
  ASSERT_EQ(announcer.Announce(), Status::Ok());
  using Wanted = apply::Announcer::Wanted;
  ASSERT_TRUE(announcer.Want(Wanted::kWithdrawn, "HTTP/3 is\nbroken").ok());
  EXPECT_EQ(*fsutil::ReadFile(path_ + ".wish", 4096), "withdrawn HTTP/3 is broken\n");
  // Whether it is done is for whoever looks after the routing to say.
  EXPECT_EQ(announcer.Report().state, State::kAnnounced);
  ASSERT_TRUE(announcer.Want(Wanted::kAnnounced, "").ok());
  EXPECT_EQ(*fsutil::ReadFile(path_ + ".wish", 4096), "announced\n");
}

}  // namespace
}  // namespace lockstep::agent::drivers::announce_file

// What the libraries of the protocol have to say goes the way of all log lines.
#include <gtest/gtest.h>

#include "common/rpc/settings.h"
#include "lockstep/hook/v1/hook.pb.h"

namespace lockstep::rpc {
namespace {

TEST(LibraryWordsTest, AStringThatIsNoUtf8IsRefusedWithoutALineOnStandardError) {
  ConfigureProcess();
  testing::internal::CaptureStderr();
  hook::v1::PerformRequest request;
  EXPECT_FALSE(request.ParseFromString("\x0a\x02\xff\xfe"));  // field 1, two bytes
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace lockstep::rpc

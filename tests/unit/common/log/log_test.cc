#include "common/log/log.h"

#include <gtest/gtest.h>

#include <regex>

namespace lockstep::log {
namespace {

constexpr const char* kThumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
const std::string kKeyAuthorization =
    std::string("LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0.") + kThumbprint;

TEST(RenderValueTest, QuotesOnlyWhereNeeded) {
  EXPECT_EQ(RenderValue("fra1"), "fra1");
  EXPECT_EQ(RenderValue("[2001:db8::1]:443"), "[2001:db8::1]:443");
  EXPECT_EQ(RenderValue(""), "\"\"");
  EXPECT_EQ(RenderValue("two words"), "\"two words\"");
  EXPECT_EQ(RenderValue("a=b"), "\"a=b\"");
}

TEST(RenderValueTest, EscapesWhatCouldForgeALine) {
  EXPECT_EQ(RenderValue("x\n2026-01-01 info  fake.line"), "\"x\\x0a2026-01-01 info  fake.line\"");
  EXPECT_EQ(RenderValue("say \"hi\" \\"), "\"say \\\"hi\\\" \\\\\"");
  EXPECT_EQ(RenderValue("\x1b[2J"), "\"\\x1b[2J\"");
}

TEST(RenderValueTest, KeepsUtf8) { EXPECT_EQ(RenderValue("bücher.example"), "bücher.example"); }

TEST(RenderValueTest, RedactsPrivateKeys) {
  EXPECT_EQ(RenderValue("-----BEGIN PRIVATE KEY-----\nMIGH"), "[redacted]");
  EXPECT_EQ(RenderValue("oops: -----BEGIN EC PRIVATE KEY-----"), "[redacted]");
}

TEST(RenderValueTest, RedactsKeyAuthorizationsAlsoInsideOtherWords) {
  EXPECT_EQ(RenderValue(kKeyAuthorization), "[redacted]");
  EXPECT_EQ(RenderValue("wanted \"" + kKeyAuthorization + "\", got 404"), "[redacted]");
  EXPECT_EQ(RenderValue("v1.2 " + kKeyAuthorization + "\n"), "[redacted]");
}

TEST(RenderValueTest, LeavesHostNamesAndDigestsAlone) {
  EXPECT_EQ(RenderValue("a-rather-long-label.example.test"), "a-rather-long-label.example.test");
  EXPECT_EQ(RenderValue(kThumbprint), kThumbprint);
}

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { Configure(Level::kInfo); }
};

TEST_F(LogTest, WritesOneLineWithTimeLevelIdAndFields) {
  testing::internal::CaptureStderr();
  Info("session.hello", {{"node", "fra1"}, {"streams", 3}, {"why", NotFound("no site")}});
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(std::regex_match(
      line, std::regex("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z info  session.hello "
                       "node=fra1 streams=3 why=\"NOT_FOUND: no site\"\n")))
      << line;
}

TEST_F(LogTest, LeavesOutWhatIsBelowTheConfiguredLevel) {
  testing::internal::CaptureStderr();
  Debug("a.debug");
  Configure(Level::kError);
  Warning("a.warning");
  Error("an.error");
  Configure(Level::kDebug);
  Debug("b.debug");
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_EQ(lines.find("a.debug"), std::string::npos);
  EXPECT_EQ(lines.find("a.warning"), std::string::npos);
  EXPECT_NE(lines.find("error an.error"), std::string::npos);
  EXPECT_NE(lines.find("debug b.debug"), std::string::npos);
}

}  // namespace
}  // namespace lockstep::log

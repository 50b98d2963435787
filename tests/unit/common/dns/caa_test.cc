#include "common/dns/caa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lockstep::dns {
namespace {

using ::testing::HasSubstr;

CaaSet Set(std::vector<CaaRecord> records) { return {"example.test", std::move(records)}; }
CaaRecord Issue(std::string value) { return {false, "issue", std::move(value)}; }

TEST(ParseCaaTest, ReadsFlagsTagAndValue) {
  using namespace std::string_literals;
  EXPECT_EQ(*ParseCaa("\x80\x05IsSueca.test"s), (CaaRecord{true, "issue", "ca.test"}));
  EXPECT_EQ(*ParseCaa("\x00\x05issue"s), (CaaRecord{false, "issue", ""}));
  EXPECT_EQ(*ParseCaa("\x7f\x01x\0y"s), (CaaRecord{false, "x", "\0y"s}));
}

TEST(ParseCaaTest, RefusesWhatIsCutOrEmpty) {
  using namespace std::string_literals;
  for (const std::string& bad : {""s, "\0"s, "\0\0"s, "\0\0value"s, "\0\x05issu"s, "\0\x01 "s}) {
    EXPECT_EQ(ParseCaa(bad).status().code(), Code::kDataLoss);
  }
}

TEST(JudgeCaaTest, AllowsEveryoneWithoutRecords) {
  EXPECT_EQ(JudgeCaa({}, "ca.test"), Status::Ok());
}

TEST(JudgeCaaTest, AllowsTheNamedOneInAnyCase) {
  EXPECT_EQ(JudgeCaa(Set({Issue("other.test"), Issue(" CA.Test ")}), "ca.test"), Status::Ok());
  EXPECT_EQ(JudgeCaa(Set({Issue("ca.test; account=7")}), "CA.TEST"), Status::Ok());
}

TEST(JudgeCaaTest, RefusesAllOthersAndSaysWhatToAdd) {
  const Status status = JudgeCaa(Set({Issue("other.test")}), "ca.test");
  EXPECT_EQ(status, PermissionDenied("CAA records of example.test do not let \"ca.test\" issue; "
                                     "add: example.test. CAA 0 issue \"ca.test\""));
}

TEST(JudgeCaaTest, AllowsNobodyByAnEmptyIssuer) {
  for (const char* nobody : {";", "", "  ", "; a=b"}) {
    EXPECT_EQ(JudgeCaa(Set({Issue(nobody)}), "ca.test").code(), Code::kPermissionDenied) << nobody;
    EXPECT_EQ(JudgeCaa(Set({Issue(nobody)}), "").code(), Code::kPermissionDenied) << nobody;
  }
}

TEST(JudgeCaaTest, AllowsNobodyByAMalformedValue) {
  for (const char* bad : {"ca.test b", "ca.test; x", "ca.test; =y", "ca.test; a b=c",
                          "ca.test; a=b c", "ca.test\x01"}) {
    EXPECT_EQ(JudgeCaa(Set({Issue(bad)}), "ca.test").code(), Code::kPermissionDenied) << bad;
  }
}

TEST(JudgeCaaTest, WildcardRecordsDoNotRestrictAPlainName) {
  EXPECT_EQ(JudgeCaa(Set({{false, "issuewild", ";"}, {false, "iodef", "mailto:x@y"}}), "ca.test"),
            Status::Ok());
}

TEST(JudgeCaaTest, ACriticalPropertyThatNobodyKnowsStopsAll) {
  const Status status = JudgeCaa(Set({Issue("ca.test"), {true, "future", "x"}}), "ca.test");
  EXPECT_EQ(status.code(), Code::kPermissionDenied);
  EXPECT_THAT(status.message(), HasSubstr("critical property \"future\""));
  EXPECT_EQ(JudgeCaa(Set({Issue("ca.test"), {false, "future", "x"}}), "ca.test"), Status::Ok());
  EXPECT_EQ(JudgeCaa(Set({{true, "issue", "ca.test"}}), "ca.test"), Status::Ok());
}

TEST(JudgeCaaTest, HonoursTheValidationMethods) {
  EXPECT_EQ(JudgeCaa(Set({Issue("ca.test; validationmethods=dns-01,HTTP-01")}), "ca.test"),
            Status::Ok());
  const Status status = JudgeCaa(Set({Issue("ca.test; validationmethods=dns-01")}), "ca.test");
  EXPECT_EQ(status, PermissionDenied("CAA records of example.test let ca.test issue, but not by "
                                     "HTTP-01: \"ca.test; validationmethods=dns-01\""));
  EXPECT_EQ(
      JudgeCaa(Set({Issue("ca.test; validationmethods=dns-01"), Issue("ca.test")}), "ca.test"),
      Status::Ok());
}

}  // namespace
}  // namespace lockstep::dns

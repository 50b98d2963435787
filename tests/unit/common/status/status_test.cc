#include "common/status/status.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <sstream>

namespace lockstep {
namespace {

TEST(StatusTest, DefaultIsOk) {
  EXPECT_TRUE(Status().ok());
  EXPECT_EQ(Status().ToString(), "OK");
  EXPECT_EQ(Status::Ok(), Status());
}

TEST(StatusTest, NamesEveryCodeAsGrpcSpellsIt) {
  EXPECT_EQ(CodeName(Code::kOk), "OK");
  EXPECT_EQ(CodeName(Code::kCancelled), "CANCELLED");
  EXPECT_EQ(CodeName(Code::kUnknown), "UNKNOWN");
  EXPECT_EQ(CodeName(Code::kInvalidArgument), "INVALID_ARGUMENT");
  EXPECT_EQ(CodeName(Code::kDeadlineExceeded), "DEADLINE_EXCEEDED");
  EXPECT_EQ(CodeName(Code::kNotFound), "NOT_FOUND");
  EXPECT_EQ(CodeName(Code::kAlreadyExists), "ALREADY_EXISTS");
  EXPECT_EQ(CodeName(Code::kPermissionDenied), "PERMISSION_DENIED");
  EXPECT_EQ(CodeName(Code::kResourceExhausted), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(CodeName(Code::kFailedPrecondition), "FAILED_PRECONDITION");
  EXPECT_EQ(CodeName(Code::kAborted), "ABORTED");
  EXPECT_EQ(CodeName(Code::kOutOfRange), "OUT_OF_RANGE");
  EXPECT_EQ(CodeName(Code::kUnimplemented), "UNIMPLEMENTED");
  EXPECT_EQ(CodeName(Code::kInternal), "INTERNAL");
  EXPECT_EQ(CodeName(Code::kUnavailable), "UNAVAILABLE");
  EXPECT_EQ(CodeName(Code::kDataLoss), "DATA_LOSS");
  EXPECT_EQ(CodeName(Code::kUnauthenticated), "UNAUTHENTICATED");
  EXPECT_EQ(CodeName(static_cast<Code>(99)), "UNKNOWN") << "a peer may send any number";
}

TEST(StatusTest, EveryConstructorCarriesItsCode) {
  EXPECT_EQ(Cancelled("m").code(), Code::kCancelled);
  EXPECT_EQ(Unknown("m").code(), Code::kUnknown);
  EXPECT_EQ(InvalidArgument("m").code(), Code::kInvalidArgument);
  EXPECT_EQ(DeadlineExceeded("m").code(), Code::kDeadlineExceeded);
  EXPECT_EQ(NotFound("m").code(), Code::kNotFound);
  EXPECT_EQ(AlreadyExists("m").code(), Code::kAlreadyExists);
  EXPECT_EQ(PermissionDenied("m").code(), Code::kPermissionDenied);
  EXPECT_EQ(ResourceExhausted("m").code(), Code::kResourceExhausted);
  EXPECT_EQ(FailedPrecondition("m").code(), Code::kFailedPrecondition);
  EXPECT_EQ(Aborted("m").code(), Code::kAborted);
  EXPECT_EQ(OutOfRange("m").code(), Code::kOutOfRange);
  EXPECT_EQ(Unimplemented("m").code(), Code::kUnimplemented);
  EXPECT_EQ(Internal("m").code(), Code::kInternal);
  EXPECT_EQ(Unavailable("m").code(), Code::kUnavailable);
  EXPECT_EQ(DataLoss("m").code(), Code::kDataLoss);
  EXPECT_EQ(Unauthenticated("m").code(), Code::kUnauthenticated);
  EXPECT_EQ(NotFound("no site").message(), "no site");
}

TEST(StatusTest, PrefixedAddsContextAndKeepsTheCode) {
  const Status inner = NotFound("no site www.example.test");
  const Status outer = inner.Prefixed("apply").Prefixed("node fra1");
  EXPECT_EQ(outer.ToString(), "NOT_FOUND: node fra1: apply: no site www.example.test");
  EXPECT_EQ(Status().Prefixed("apply"), Status()) << "ok stays ok";
}

TEST(StatusTest, PrintsAsItsText) {
  std::ostringstream out;
  out << Aborted("fenced by a newer session");
  EXPECT_EQ(out.str(), "ABORTED: fenced by a newer session");
}

TEST(StatusTest, FromErrnoPicksTheNearestCodeAndNamesTheThing) {
  EXPECT_EQ(FromErrno(ENOENT, "open /etc/x").ToString(),
            "NOT_FOUND: open /etc/x: No such file or directory");
  EXPECT_EQ(FromErrno(EEXIST, "x").code(), Code::kAlreadyExists);
  EXPECT_EQ(FromErrno(EACCES, "x").code(), Code::kPermissionDenied);
  EXPECT_EQ(FromErrno(EPERM, "x").code(), Code::kPermissionDenied);
  EXPECT_EQ(FromErrno(ENOSPC, "x").code(), Code::kResourceExhausted);
  EXPECT_EQ(FromErrno(EDQUOT, "x").code(), Code::kResourceExhausted);
  EXPECT_EQ(FromErrno(EMFILE, "x").code(), Code::kResourceExhausted);
  EXPECT_EQ(FromErrno(ENFILE, "x").code(), Code::kResourceExhausted);
  EXPECT_EQ(FromErrno(ENOMEM, "x").code(), Code::kResourceExhausted);
  EXPECT_EQ(FromErrno(EINVAL, "x").code(), Code::kInvalidArgument);
  EXPECT_EQ(FromErrno(ENAMETOOLONG, "x").code(), Code::kInvalidArgument);
  EXPECT_EQ(FromErrno(ETIMEDOUT, "x").code(), Code::kDeadlineExceeded);
  EXPECT_EQ(FromErrno(ECANCELED, "x").code(), Code::kCancelled);
  EXPECT_EQ(FromErrno(ECONNREFUSED, "x").code(), Code::kUnavailable);
}

TEST(ResultTest, HoldsAValueOrTheReason) {
  const Result<int> good = 7;
  EXPECT_TRUE(good.ok());
  EXPECT_EQ(*good, 7);
  EXPECT_TRUE(good.status().ok());
  const Result<int> bad = NotFound("no node");
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.status(), NotFound("no node"));
  EXPECT_EQ(bad.value_or(3), 3);
  EXPECT_EQ(good.value_or(3), 7);
}

TEST(ResultTest, MovesOutWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 5);
}

TEST(ResultTest, ReachesMembersThroughTheArrow) {
  Result<std::string> result = std::string("abc");
  EXPECT_EQ(result->size(), 3U);
  result->push_back('d');
  EXPECT_EQ(*result, "abcd");
}

TEST(ResultDeathTest, ReadingTheValueOfAnErrorAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Result<int> bad = NotFound("no node fra1");
  EXPECT_DEATH((void)bad.value(), "value\\(\\) of an error: NOT_FOUND: no node fra1");
}

TEST(ResultDeathTest, AnOkStatusIsNoResult) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(Result<int>(Status::Ok()).ok(), "check failed");
}

TEST(CheckDeathTest, SaysWhatDidNotHold) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(LS_CHECK(1 + 1 == 3), "status_test.cc:[0-9]+: check failed: 1 \\+ 1 == 3");
}

Result<int> Half(int number) {
  if (number % 2 != 0) return InvalidArgument("odd");
  return number / 2;
}
Result<int> Quarter(int number) {
  LS_ASSIGN_OR_RETURN(const int half, Half(number));
  LS_ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}
Status CheckQuarter(int number) {
  LS_RETURN_IF_ERROR(Quarter(number).status());
  return Status::Ok();
}

TEST(StatusMacroTest, TheFirstErrorIsReturnedUnchanged) {
  EXPECT_EQ(*Quarter(12), 3);
  EXPECT_EQ(Quarter(6).status(), InvalidArgument("odd"));
  EXPECT_EQ(CheckQuarter(12), Status::Ok());
  EXPECT_EQ(CheckQuarter(5), InvalidArgument("odd"));
}

}  // namespace
}  // namespace lockstep

// What is written down agrees with what the program does: exit codes, commands, completions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "controller/cli/cli.h"
#include "controller/cli/completion.h"
#include "controller/cli/exit_code.h"

namespace lockstep::controller::cli {
namespace {

using ::testing::HasSubstr;

std::string ReadSource(const std::string& path) {
  std::ifstream file(std::string(LOCKSTEP_SOURCE_DIR) + "/" + path);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

class DocumentedTest : public ::testing::Test {
 protected:
  std::istringstream in_;
  std::ostringstream out_;
  std::ostringstream err_;
  Session session_{in_, out_, err_, Clock::System()};
  std::unique_ptr<CLI::App> app_ = MakeApp(session_);
};

TEST_F(DocumentedTest, EveryExitCodeIsInTheDocument) {
  const std::string document = ReadSource("docs/cli.md");
  for (const ExitCodeRow& row : ExitCodes()) {
    const std::string line = "| " + std::to_string(static_cast<int>(row.code)) + " | " +
                             std::string(row.name) + " | " + std::string(row.meaning) + " |";
    EXPECT_THAT(document, HasSubstr(line));
  }
}

TEST_F(DocumentedTest, EveryCommandIsInTheDocument) {
  const std::string document = ReadSource("docs/cli.md");
  for (const CLI::App* noun : app_->get_subcommands([](const CLI::App*) { return true; })) {
    const auto verbs = noun->get_subcommands([](const CLI::App*) { return true; });
    if (verbs.empty()) {
      EXPECT_THAT(document, HasSubstr("`lockstep " + noun->get_name()));
    }
    for (const CLI::App* verb : verbs) {
      EXPECT_THAT(document, HasSubstr("`lockstep " + noun->get_name() + " " + verb->get_name()));
    }
  }
}

TEST_F(DocumentedTest, TheCompletionsAreThoseOfThisProgram) {
  EXPECT_EQ(ReadSource("deploy/completions/lockstep.bash"), BashCompletion(*app_));
  EXPECT_EQ(ReadSource("deploy/completions/_lockstep"), ZshCompletion(*app_));
}

TEST(ExitCodeTest, TheTableIsWhole) {
  int expected = 0;
  for (const ExitCodeRow& row : ExitCodes()) EXPECT_EQ(static_cast<int>(row.code), expected++);
  EXPECT_EQ(expected, 9);
}

TEST(ExitCodeTest, EveryStatusCodeHasOne) {
  const auto code = [](Code status) { return ExitCodeOf(Status(status, "x")); };
  EXPECT_EQ(ExitCodeOf(Status::Ok()), ExitCode::kOk);
  EXPECT_EQ(code(Code::kInvalidArgument), ExitCode::kUsage);
  EXPECT_EQ(code(Code::kFailedPrecondition), ExitCode::kDeclined);
  EXPECT_EQ(code(Code::kDeadlineExceeded), ExitCode::kDeclined);
  EXPECT_EQ(code(Code::kPermissionDenied), ExitCode::kForbidden);
  EXPECT_EQ(code(Code::kNotFound), ExitCode::kNotFound);
  EXPECT_EQ(code(Code::kAlreadyExists), ExitCode::kConflict);
  EXPECT_EQ(code(Code::kUnavailable), ExitCode::kUnavailable);
  EXPECT_EQ(code(Code::kInternal), ExitCode::kFailed);
  EXPECT_EQ(code(Code::kUnknown), ExitCode::kFailed);
}

}  // namespace
}  // namespace lockstep::controller::cli

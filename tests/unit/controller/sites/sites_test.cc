#include "controller/sites/sites.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/memory_stores.h"

namespace lockstep::controller::sites {
namespace {

std::string File(const std::vector<std::string>& names, const std::string& body = "x") {
  std::string text;
  for (const std::string& name : names) {
    text += "[[site]]\nname = \"" + name + "\"\n[site.preset]\nbody = \"" + body + "\"\n";
  }
  return text;
}

struct Options {
  bool dry_run = false;
  bool allow_shrink = false;
  bool replace_all = false;
};

class SitesTest : public testing::Test {
 protected:
  SitesTest() {
    sites_.OnChange([this](const std::string& cause) { causes_.push_back(cause); });
  }
  Result<std::vector<SiteChange>> Apply(const std::string& text, Options options = {}) {
    const ApplyRequest request{text, "sites.toml", options.dry_run, options.allow_shrink,
                               options.replace_all};
    std::optional<Result<std::vector<SiteChange>>> result;
    sites_.Apply(request, [&](auto said) { result = std::move(said); });
    executor_.RunAll();
    return result.value_or(Internal("no answer"));
  }
  Status Delete(const std::string& name, bool allow_shrink) {
    Status result = Internal("no answer");
    sites_.Delete(name, allow_shrink, [&](Status said) { result = std::move(said); });
    executor_.RunAll();
    return result;
  }

  fakes::FakeClock clock_;
  fakes::ManualExecutor executor_{clock_};
  fakes::MemoryBackend backend_;
  store::Database database_{backend_, executor_};
  Sites sites_{database_, executor_, {}};
  std::vector<std::string> causes_;
};

TEST_F(SitesTest, AnApplyIsStoredAndThenTold) {
  ASSERT_TRUE(Apply(File({"b.example", "a.example"})).ok());
  EXPECT_EQ(causes_, std::vector<std::string>{"2 sites applied"});
  ASSERT_EQ(sites_.List().size(), 2U);
  EXPECT_EQ(sites_.List()[0].name, "a.example");
  EXPECT_EQ(sites_.Find("a.example")->updated_at, clock_.Now());
  EXPECT_EQ(sites_.FindByHost(Hostname::Parse("b.example").value())->name, "b.example");
  EXPECT_EQ(*LoadSites(database_), sites_.List());
}

TEST_F(SitesTest, WhatIsAppliedAgainChangesNothing) {
  ASSERT_TRUE(Apply(File({"a.example"})).ok());
  const int commits = backend_.commits();
  const auto changes = Apply(File({"a.example"}));
  ASSERT_TRUE(changes.ok());
  EXPECT_EQ(changes->at(0).kind, SiteChange::Kind::kUnchanged);
  EXPECT_EQ(backend_.commits(), commits);
  EXPECT_EQ(causes_.size(), 1U);
}

TEST_F(SitesTest, ADryRunOnlySays) {
  const auto changes = Apply(File({"a.example"}), {.dry_run = true});
  ASSERT_TRUE(changes.ok());
  EXPECT_EQ(changes->at(0).kind, SiteChange::Kind::kCreate);
  EXPECT_TRUE(sites_.sites().empty());
  EXPECT_TRUE(causes_.empty());
}

TEST_F(SitesTest, AFileWithErrorsChangesNothing) {
  EXPECT_EQ(Apply("[[site]]\nnmae = 1\n").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Apply("").status().ToString(), "INVALID_ARGUMENT: sites.toml: holds no [[site]]");
  EXPECT_TRUE(sites_.sites().empty());
}

TEST_F(SitesTest, AShrinkNeedsPermission) {
  ASSERT_TRUE(Apply(File({"a.example", "b.example", "c.example"})).ok());
  EXPECT_EQ(Apply(File({"a.example"}), {.replace_all = true}).status().code(),
            Code::kFailedPrecondition);
  EXPECT_EQ(Apply("", {.replace_all = true}).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(sites_.sites().size(), 3U);
  ASSERT_TRUE(Apply(File({"a.example"}), {.allow_shrink = true, .replace_all = true}).ok());
  EXPECT_EQ(causes_.back(), "2 sites deleted");
  EXPECT_EQ(Delete("a.example", false).code(), Code::kFailedPrecondition);
  EXPECT_EQ(Delete("a.example", true), Status::Ok());
  EXPECT_EQ(causes_.back(), "site a.example deleted");
  EXPECT_EQ(Delete("a.example", true).ToString(), "NOT_FOUND: no site \"a.example\"");
  EXPECT_TRUE(LoadSites(database_)->empty());
}

TEST_F(SitesTest, AHostMovesBetweenSitesInOneFile) {
  ASSERT_TRUE(Apply(File({"a.example"})).ok());
  const auto changes =
      Apply("[[site]]\nname = \"b\"\nhosts = [\"a.example\"]\n[site.preset]\nbody = \"x\"\n",
            {.replace_all = true});
  ASSERT_TRUE(changes.ok()) << changes.status();
  EXPECT_EQ(causes_.back(), "site b applied, site a.example deleted");
  EXPECT_EQ(sites_.FindByHost(Hostname::Parse("a.example").value())->name, "b");
}

TEST_F(SitesTest, ChangesAreJudgedOneAfterAnother) {
  std::vector<std::string> said;
  const auto note = [&said](const std::string& who) {
    return [&said, who](Result<std::vector<SiteChange>> result) {
      said.push_back(who + " " + std::string(CodeName(result.status().code())));
    };
  };
  sites_.Apply({.text = File({"a.example"}), .file_name = "1"}, note("first"));
  sites_.Apply({.text = "[[site]]\nname = \"b\"\nhosts = [\"a.example\"]\n[site.preset]\n",
                .file_name = "2"},
               note("second"));
  executor_.RunAll();
  EXPECT_EQ(said, (std::vector<std::string>{"first OK", "second ALREADY_EXISTS"}));
}

TEST_F(SitesTest, AFullDiskLeavesTheSitesAsTheyWere) {
  backend_.FailNextCommit(ResourceExhausted("full"));
  EXPECT_EQ(Apply(File({"a.example"})).status().code(), Code::kResourceExhausted);
  EXPECT_TRUE(sites_.sites().empty());
  EXPECT_TRUE(causes_.empty());
  EXPECT_TRUE(Apply(File({"a.example"})).ok());
}

}  // namespace
}  // namespace lockstep::controller::sites

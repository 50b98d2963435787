// lint …: what it asks, prints and says to scripts.
#include <gmock/gmock.h>

#include "controller/cli/table.h"
#include "controller/cli/words.h"
#include "tests/unit/controller/cli/fake_admin.h"

namespace lockstep::controller::cli {
namespace {

using testing::HasSubstr;

class LintCliTest : public CliTest {
 protected:
  v1::LintFinding& AddFinding(const std::string& severity) {
    if (admin.linted.sites().empty()) {
      v1::LintedSite& site = *admin.linted.add_sites();
      site.set_site("www.example.test");
      v1::LintLook& look = *site.add_looked_at();
      look.set_what("answers over HTTP/1.1");
      look.set_extent("2 of 2 nodes");
      site.add_not_looked_at("answers over HTTP/2 and HTTP/3");
    }
    v1::LintFinding& out = *admin.linted.mutable_sites(0)->add_findings();
    out.set_rule("header-differs");
    out.set_severity(severity);
    out.set_harm("clients hold a promise that the fleet does not keep");
    out.add_what("fra1 h1: sends \"\x1b[31m\"");
    return out;
  }
};

TEST_F(LintCliTest, NamesTheRuleTheHarmAndWhatWasNotLookedAt) {
  AddFinding("error");
  const Ran ran = Run({"lint", "www.example.test"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(admin.last_lint.site(), "www.example.test");
  for (const char* words : {"✗ error header-differs", "clients hold a promise", "fra1 h1: sends",
                            "2 of 2 nodes", "NOT LOOKED AT", "answers over HTTP/2 and HTTP/3"}) {
    EXPECT_THAT(ran.out, HasSubstr(words));
  }
  EXPECT_EQ(ran.out.find('\x1b'), std::string::npos) << "foreign text cannot drive the terminal";
  std::istringstream lines(ran.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), kMaxColumns);
}

TEST_F(LintCliTest, OnlyErrorsFail) {
  EXPECT_EQ(Run({"lint"}).code, 0);
  EXPECT_THAT(Run({"lint"}).out, HasSubstr("there is no site"));
  AddFinding("warning");
  EXPECT_EQ(Run({"lint"}).code, 0);
  const Ran json = Run({"lint", "-o", "json"});
  EXPECT_THAT(json.out, HasSubstr("\"rule\": \"header-differs\""));
  AddFinding("error");
  EXPECT_EQ(Run({"lint", "-o", "json"}).code, 1);
}

}  // namespace
}  // namespace lockstep::controller::cli

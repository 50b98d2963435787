#include "controller/sites/changes.h"

#include <gtest/gtest.h>

#include "controller/sites/site_file.h"

namespace lockstep::controller::sites {
namespace {

using Kind = SiteChange::Kind;

model::Site Site(const std::string& name, const std::string& body = "x") {
  model::Site site;
  site.name = name;
  site.hosts = {Hostname::Parse(name).value()};
  site.content = model::Preset{200, "text/plain", body};
  return site;
}
SiteMap Map(const std::vector<model::Site>& sites) {
  SiteMap map;
  for (const auto& site : sites) map.emplace(site.name, site);
  return map;
}

TEST(DiffTest, SaysWhatAFileWouldChange) {
  const auto changes = Diff(Map({Site("a.example"), Site("b.example"), Site("d.example")}),
                            {Site("b.example", "y"), Site("c.example"), Site("a.example")}, true);
  ASSERT_EQ(changes.size(), 4U);
  EXPECT_EQ(changes[0],
            (SiteChange{Kind::kUpdate, "b.example", {"-body = \"x\"", "+body = \"y\""}}));
  EXPECT_EQ(changes[1].kind, Kind::kCreate);
  EXPECT_EQ(changes[1].lines.front(), "+[[site]]");
  EXPECT_EQ(changes[2], (SiteChange{Kind::kUnchanged, "a.example", {}}));
  EXPECT_EQ(changes[3].kind, Kind::kDelete);
  EXPECT_EQ(changes[3].site, "d.example");
  EXPECT_EQ(changes[3].lines[1], "-name = \"d.example\"");
}

TEST(DiffTest, KeepsWhatIsNotInTheFileUnlessToldOtherwise) {
  EXPECT_EQ(Diff(Map({Site("a.example"), Site("b.example")}), {Site("a.example")}, false).size(),
            1U);
}

TEST(DiffTest, TheTimeOfAnApplyIsNoChange) {
  model::Site later = Site("a.example");
  later.updated_at += Seconds(5);
  EXPECT_EQ(Diff(Map({Site("a.example")}), {later}, false)[0].kind, Kind::kUnchanged);
  EXPECT_EQ(ResultOf(Map({Site("a.example")}), {later}, false)->at("a.example").updated_at,
            WallTime());
}

TEST(DiffTest, OneChangedLineOfALongBodyIsOneChangedLine) {
  std::string before;
  for (int i = 0; i < 300; ++i) before += "line " + std::to_string(i) + "\n";
  std::string after = before;
  after.replace(after.find("line 150"), 8, "LINE 150");
  const auto changes = Diff(Map({Site("a.example", before)}), {Site("a.example", after)}, false);
  EXPECT_EQ(changes[0].lines, (std::vector<std::string>{"-line 150", "+LINE 150"}));
}

TEST(DiffTest, ALargeChangeIsStillToldInFull) {
  const auto changes = Diff(Map({Site("a.example", std::string(20'000, '\n'))}),
                            {Site("a.example", std::string(20'001, '\n'))}, false);
  EXPECT_EQ(changes[0].kind, Kind::kUpdate);
  EXPECT_FALSE(changes[0].lines.empty());
}

TEST(ResultOfTest, AHostOfAnotherSiteIsRefused) {
  model::Site thief = Site("b.example");
  thief.hosts.push_back(Hostname::Parse("a.example").value());
  EXPECT_EQ(ResultOf(Map({Site("a.example")}), {thief}, false).status().ToString(),
            "ALREADY_EXISTS: host a.example of site b.example belongs to site a.example already");
  EXPECT_TRUE(ResultOf(Map({Site("a.example")}), {thief}, true).ok());
}

TEST(CheckShrinkTest, NoSitesOrFarFewerNeedPermission) {
  EXPECT_TRUE(CheckShrink(0, 0, false).ok());
  EXPECT_TRUE(CheckShrink(4, 2, false).ok());
  EXPECT_TRUE(CheckShrink(2, 1, false).ok());
  EXPECT_EQ(CheckShrink(1, 0, false).ToString(),
            "FAILED_PRECONDITION: this would leave no site of 1: if that is meant, allow it "
            "(--allow-shrink)");
  EXPECT_EQ(CheckShrink(100, 49, false).ToString(),
            "FAILED_PRECONDITION: this would leave only 49 of 100: if that is meant, allow it "
            "(--allow-shrink)");
  EXPECT_TRUE(CheckShrink(100, 0, true).ok());
}

}  // namespace
}  // namespace lockstep::controller::sites

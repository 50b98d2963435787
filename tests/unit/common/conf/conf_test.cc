#include "common/conf/conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/hostname.h"
#include "common/base/ip.h"
#include "common/base/names.h"
#include "common/conf/words.h"
#include "common/fsutil/files.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::conf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

enum class Straggler { kWait, kPull };

Document Parse(std::string_view text) {
  Result<Document> document = Document::FromText(text, "c.toml");
  LS_CHECK(document.ok());
  return std::move(document).value();
}

TEST(ConfTest, AddressesOfMachinesCanBeDialledFromElsewhere) {
  const Document good = Parse(R"(a = ["203.0.113.10", "2001:db8:a::10"])");
  EXPECT_EQ(good.root().RequiredHostAddresses("a").size(), 2u);
  EXPECT_TRUE(good.Finish().ok());
  const Document bad = Parse(R"(
a = ["203.0.113.10", "203.0.113.10", "fe80::1", "169.254.1.1", "224.0.0.1", "127.0.0.1", "::"]
b = []
)");
  EXPECT_EQ(bad.root().RequiredHostAddresses("a").size(), 1u);
  bad.root().RequiredHostAddresses("b");
  EXPECT_EQ(
      bad.Finish().message(),
      "c.toml:2:22: `a[1]`: 203.0.113.10 is listed twice\n"
      "c.toml:2:38: `a[2]`: fe80::1 is a link-local address: only its own network can reach it\n"
      "c.toml:2:49: `a[3]`: 169.254.1.1 is a link-local address: only its own network can reach "
      "it\n"
      "c.toml:2:64: `a[4]`: 224.0.0.1 is a multicast address\n"
      "c.toml:2:77: `a[5]`: 127.0.0.1 is a loopback address: no other machine can reach it\n"
      "c.toml:2:90: `a[6]`: :: is no machine's address\n"
      "c.toml:3:5: `b`: must hold at least one address");
}

TEST(ConfTest, ReadsEveryType) {
  const Document document = Parse(R"(
text = "words"
flag = true
number = 42
wait = "12h"
share = "0.5%"
listen = "[2001:db8::1]:443"
address = "203.0.113.1"
host = "www.example.test"
node = "fra1"
dir = "/var/lib/lockstep"
straggler = "pull"
hosts = ["a.test", "b.test"]
waves = ["10%", "100%"]
[agents]
listen = "127.0.0.1:1"
[[site]]
name = "one"
[[site]]
name = "two"
)");
  const Table root = document.root();
  EXPECT_EQ(root.Required<std::string>("text"), "words");
  EXPECT_TRUE(root.Required<bool>("flag"));
  EXPECT_EQ(root.Required<int64_t>("number"), 42);
  EXPECT_EQ(root.Required<Micros>("wait"), std::chrono::hours(12));
  EXPECT_EQ(root.Required<Percentage>("share"), Percentage{0.5});
  EXPECT_EQ(root.Required<Endpoint>("listen").port, 443);
  EXPECT_EQ(root.Required<IpAddress>("address").ToString(), "203.0.113.1");
  EXPECT_EQ(root.Required<Hostname>("host").ascii(), "www.example.test");
  EXPECT_EQ(root.Required<NodeName>("node").str(), "fra1");
  EXPECT_EQ(root.RequiredPath("dir"), "/var/lib/lockstep");
  EXPECT_EQ(root.RequiredWord<Straggler>("straggler",
                                         {{"wait", Straggler::kWait}, {"pull", Straggler::kPull}}),
            Straggler::kPull);
  EXPECT_EQ(root.Required<std::vector<Hostname>>("hosts").size(), 2u);
  EXPECT_EQ(root.Required<std::vector<Percentage>>("waves")[1], Percentage{100});
  EXPECT_EQ(root.RequiredTable("agents").Required<Endpoint>("listen").port, 1);
  std::vector<std::string> names;
  for (const Table& site : root.Tables("site")) names.push_back(site.Required<std::string>("name"));
  EXPECT_THAT(names, ElementsAre("one", "two"));
  EXPECT_EQ(document.Finish(), Status::Ok());
}

TEST(ConfTest, TakesDefaultsForWhatIsAbsent) {
  const Document document = Parse("");
  const Table root = document.root();
  EXPECT_EQ(root.Or<std::string>("text", "default"), "default");
  EXPECT_EQ(root.Or<Micros>("wait", Seconds(5)), Seconds(5));
  EXPECT_EQ(root.IntegerOr("n", {1, 5}, 3), 3);
  EXPECT_EQ(root.PathOr("dir", "/d"), "/d");
  EXPECT_EQ(root.WordOr<int>("w", {{"a", 1}}, 7), 7);
  EXPECT_EQ(root.TableOr("agents").Or<bool>("x", true), true);
  EXPECT_EQ(root.Optional<bool>("flag"), std::nullopt);
  EXPECT_EQ(root.FindTable("t").has_value(), false);
  EXPECT_THAT(root.Tables("site"), IsEmpty());
  EXPECT_EQ(document.Finish(), Status::Ok());
}

TEST(ConfTest, ReportsEveryErrorAtOnceInTheOrderOfTheFile) {
  const Document document = Parse(R"(number = 70000
listen = "example.test:443"
state_dirr = "/x"
wait = "5 minutes"

[agents]
flag = "yes"
hosts = ["ok.test", "*.bad.test", 5]
straggler = "maybe"
)");
  const Table root = document.root();
  root.RequiredInteger("number", {1, 65535});
  root.RequiredPath("state_dir");
  root.Required<Micros>("wait");
  root.Required<IpAddress>("listen");
  const Table agents = root.RequiredTable("agents");
  agents.Required<bool>("flag");
  agents.Required<std::vector<Hostname>>("hosts");
  agents.RequiredWord<int>("straggler", {{"wait", 1}, {"pull", 2}});
  agents.Required<std::string>("absent");
  const Status status = document.Finish();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  std::vector<std::string> lines;
  for (size_t at = 0; at <= status.message().size();) {
    const size_t end = std::min(status.message().find('\n', at), status.message().size());
    lines.push_back(status.message().substr(at, end - at));
    at = end + 1;
  }
  EXPECT_THAT(
      lines,
      ElementsAre("c.toml:1:1: missing key `state_dir`",
                  "c.toml:1:10: `number`: must be between 1 and 65535",
                  HasSubstr("c.toml:2:10: `listen`: "),
                  "c.toml:3:1: unknown key `state_dirr` (did you mean `state_dir`?)",
                  "c.toml:4:8: `wait`: must be a duration such as 250ms, 30s, 5m, 12h or 7d, not "
                  "\"5 minutes\"",
                  "c.toml:6:1: missing key `agents.absent`",
                  "c.toml:7:8: `agents.flag`: must be true or false",
                  HasSubstr("c.toml:8:21: `agents.hosts[1]`: "),
                  "c.toml:8:35: `agents.hosts[2]`: must be text in quotes",
                  "c.toml:9:13: `agents.straggler`: must be one of wait, pull"));
}

TEST(ConfTest, ReportsWhatARequiredTableLacksToo) {
  const Document document = Parse("");
  document.root().RequiredTable("agents").Required<Endpoint>("listen");
  EXPECT_THAT(document.Finish().message(), HasSubstr("missing table `agents`"));
  EXPECT_THAT(document.Finish().message(), HasSubstr("missing key `agents.listen`"));
}

TEST(ConfTest, ReportsUnknownTablesAndKeysInArraysOfTables) {
  const Document document = Parse("[agentz]\nlisten = 1\n[[site]]\nnmae = \"x\"\n");
  const Table root = document.root();
  root.TableOr("agents");
  for (const Table& site : root.Tables("site")) site.Optional<std::string>("name");
  EXPECT_EQ(document.Finish().message(),
            "c.toml:1:2: unknown key `agentz` (did you mean `agents`?)\n"
            "c.toml:4:1: unknown key `site[0].nmae` (did you mean `name`?)");
}

TEST(ConfTest, SuggestsNothingFarFetched) {
  const Document document = Parse("colour = 1\n");
  document.root().Optional<std::string>("state_dir");
  EXPECT_EQ(document.Finish().message(), "c.toml:1:1: unknown key `colour`");
}

TEST(ConfTest, ShowsHostileKeysAsEscapes) {
  const Document document = Parse("\"a\\n\\u001b[2J\" = 1\n");
  EXPECT_TRUE(document.root().Keys().size() == 1);
  const std::string message = document.Finish().message();
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
}

TEST(ConfTest, ReportsASyntaxErrorWithItsPlace) {
  const Status status = Document::FromText("a = 1\nb = \n", "c.toml").status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("c.toml:2:"));
  EXPECT_EQ(status.message().find('\n'), std::string::npos);
  // As fuzzing found it: the library quotes the file.
  EXPECT_THAT(Document::FromText("a = t\x1b", "c.toml").status().message(), HasSubstr("\\x1b"));
  EXPECT_FALSE(Document::FromText("a = 1\na = 2\n", "c.toml").ok());
  EXPECT_FALSE(Document::FromText("a = \"\xff\"", "c.toml").ok());
}

// The library asserts on it.
TEST(ConfTest, SurvivesWhatItsParserDoesNot) {
  EXPECT_EQ(Document::FromText(" [#", "c.toml").status(),
            InvalidArgument("c.toml: not TOML: a bracket or key is malformed"));
}

TEST(ConfTest, RefusesPathsThatAreRelativeOrClimb) {
  const Document document =
      Parse("a = \"x/y\"\nb = \"/x/../y\"\nc = \"/x/..\"\nd = \"/x\\u0000y\"\ne = \"/x/..y\"\n");
  for (const char* key : {"a", "b", "c", "d", "e"}) document.root().RequiredPath(key);
  const std::string message = document.Finish().message();
  EXPECT_THAT(message, HasSubstr("`a`: must be an absolute path"));
  EXPECT_THAT(message, HasSubstr("`b`: must not contain"));
  EXPECT_THAT(message, HasSubstr("`c`: must not contain"));
  EXPECT_THAT(message, HasSubstr("`d`: holds a NUL"));
  EXPECT_EQ(message.find("`e`"), std::string::npos);
}

TEST(ConfTest, TakesErrorsOfTheCaller) {
  const Document document = Parse("a = 1\n");
  document.root().Optional<int64_t>("a");
  document.root().Reject("a", "collides with b");
  EXPECT_EQ(document.Finish().message(), "c.toml:1:5: `a`: collides with b");
}

TEST(ConfTest, KeepsDurationsInTheirBounds) {
  const Document document = Parse("a = \"2h\"\nb = \"10m\"\n");
  EXPECT_EQ(document.root().DurationOr("a", Seconds(1), std::chrono::hours(1), Seconds(30)),
            Seconds(30));
  EXPECT_EQ(document.root().DurationOr("b", Seconds(1), std::chrono::hours(1), Seconds(30)),
            std::chrono::minutes(10));
  EXPECT_THAT(document.Finish().message(), HasSubstr("`a`: must be between "));
}

TEST(ConfTest, ReadsAFileAndNamesIt) {
  const fakes::TempDirectory dir;
  ASSERT_TRUE(fsutil::WriteAtomic(dir / "c.toml", "x = 1\n").ok());
  const Result<Document> document = Document::FromFile(dir / "c.toml");
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(document->root().Keys().size(), 1u);
  EXPECT_EQ(document->Finish().message(), dir / "c.toml:1:1: unknown key `x`");
  EXPECT_EQ(Document::FromFile(dir / "none.toml").status().code(), Code::kNotFound);
}

TEST(ParseDurationTest, TakesOneNumberAndOneUnit) {
  EXPECT_EQ(*ParseDuration("250ms"), Millis(250));
  EXPECT_EQ(*ParseDuration("7d"), std::chrono::hours(168));
  for (const char* text : {"", "s", "5", "-5s", "+5s", "5 s", "5S", "5s ", "1.5h", "1h30m",
                           "99999999999999d", "0x5s"}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
}

TEST(PercentageTest, TakesZeroToAHundred) {
  EXPECT_EQ(*Percentage::Parse("0%"), Percentage{0});
  EXPECT_EQ(*Percentage::Parse("12.5%"), Percentage{12.5});
  for (const char* text : {"", "%", "10", "-1%", "100.1%", "nan%", "inf%", "1e1%", "10 %"}) {
    EXPECT_FALSE(Percentage::Parse(text).ok()) << text;
  }
}

TEST(EditDistanceTest, CountsSlips) {
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("state_dirr", "state_dir"), 1u);
  EXPECT_EQ(EditDistance("nmae", "name"), 1u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace lockstep::conf

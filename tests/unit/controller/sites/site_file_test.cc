#include "controller/sites/site_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace lockstep::controller::sites {
namespace {

using testing::HasSubstr;

std::vector<model::Site> Parse(const std::string& text) {
  auto sites = ParseSites(text, "sites.toml");
  EXPECT_TRUE(sites.ok()) << sites.status();
  return sites.value_or({});
}

std::string ErrorOf(const std::string& text) {
  return ParseSites(text, "sites.toml").status().message();
}

std::string SiteWith(const std::string& lines) {
  return "[[site]]\nname = \"a.example\"\n" + lines;
}
constexpr char kPreset[] = "[site.preset]\nbody = \"x\"\n";

TEST(SiteFileTest, ReadsEachKindOfContent) {
  const auto sites = Parse(R"(
[[site]]
name = "www.example.test"
hosts = ["www.example.test", "example.test"]
[site.preset]
status = 503
content_type = "application/json"
body = """{"node":"{node}"}"""

[[site]]
name = "files.example.test"
[site.file_root]
path = "/srv/www"

[[site]]
name = "app"
hosts = ["app.example.test"]
[site.upstream]
servers = ["10.0.0.5:8080", "[2001:db8::5]:8080", "Origin.Example:0443"]
tls = true
)");
  ASSERT_EQ(sites.size(), 3U);
  EXPECT_EQ(sites[0].hosts.size(), 2U);
  EXPECT_EQ(std::get<model::Preset>(sites[0].content),
            (model::Preset{503, "application/json", "{\"node\":\"{node}\"}"}));
  EXPECT_EQ(sites[1].hosts, std::vector{Hostname::Parse("files.example.test").value()});
  EXPECT_EQ(std::get<model::FileRoot>(sites[1].content).path, "/srv/www");
  const auto& upstream = std::get<model::Upstream>(sites[2].content);
  EXPECT_EQ(upstream.servers, (std::vector<std::string>{"10.0.0.5:8080", "[2001:db8::5]:8080",
                                                        "origin.example:443"}));
  EXPECT_TRUE(upstream.tls);
}

TEST(SiteFileTest, InternationalNamesAreTakenInBothForms) {
  const auto sites =
      Parse("[[site]]\nname = \"bücher.example\"\n" + std::string(kPreset) +
            "[[site]]\nname = \"x\"\nhosts = [\"xn--strae-oqa.example\"]\n" + kPreset);
  ASSERT_EQ(sites.size(), 2U);
  EXPECT_EQ(sites[0].name, "xn--bcher-kva.example");
  EXPECT_EQ(sites[0].hosts[0].Display(), "bücher.example (xn--bcher-kva.example)");
  EXPECT_EQ(sites[1].hosts[0].Display(), "straße.example (xn--strae-oqa.example)");
  EXPECT_EQ(ErrorOf("[[site]]\nname = \"a\"\nhosts = [\"bücher.example\", "
                    "\"xn--bcher-kva.example\"]\n" +
                    std::string(kPreset)),
            "sites.toml:3:9: `site[0].hosts`: host bücher.example (xn--bcher-kva.example) is "
            "listed twice");
}

TEST(SiteFileTest, EveryErrorIsReportedAtOnceWithItsPlace) {
  EXPECT_EQ(
      ErrorOf(R"([[site]]
name = "Www.Example"
hosts = ["*.example.test", "ok.example"]
[site.preset]
boddy = "x"
status = 99

[[site]]
name = "b.example"
[site.upstream]
servers = ["10.0.0.5"]
)"),
      R"(sites.toml:2:8: `site[0].name`: must be 1-253 of a-z 0-9 . and -, beginning with a letter or digit: "Www.Example"
sites.toml:3:10: `site[0].hosts[0]`: host name "*.example.test" is a wildcard; HTTP-01 cannot prove wildcards, list each name
sites.toml:5:1: unknown key `site[0].preset.boddy` (did you mean `body`?)
sites.toml:6:10: `site[0].preset.status`: must be between 200 and 599
sites.toml:11:12: `site[1].upstream.servers[0]`: must be host:port or [address]:port: "10.0.0.5")");
}

TEST(SiteFileTest, UnknownKeysSuggestTheNearest) {
  EXPECT_EQ(ErrorOf("[[sites]]\nname = \"a.example\"\n"),
            "sites.toml:1:3: unknown key `sites` (did you mean `site`?)");
  EXPECT_EQ(ErrorOf(SiteWith("host = [\"a.example\"]\n" + std::string(kPreset))),
            "sites.toml:3:1: unknown key `site[0].host` (did you mean `hosts`?)");
}

TEST(SiteFileTest, NamesThatCannotBeServedAreRefused) {
  const auto host_error = [](const std::string& host) {
    return ErrorOf(SiteWith("hosts = [\"" + host + "\"]\n" + kPreset));
  };
  EXPECT_EQ(host_error(std::string(64, 'a') + ".example"),
            "sites.toml:3:10: `site[0].hosts[0]`: host name \"" + std::string(64, 'a') +
                ".example\" has a label of more than 63 characters");
  std::string long_name;
  for (int i = 0; i < 64; ++i) long_name += "abc.";
  EXPECT_THAT(host_error(long_name + "example"), HasSubstr("is longer than 253 characters"));
  EXPECT_THAT(host_error("203.0.113.10"), HasSubstr("is an IP address; give a DNS name"));
  EXPECT_THAT(host_error("a..example"), HasSubstr("has an empty label"));
  EXPECT_THAT(host_error("-a.example"), HasSubstr("starts or ends with '-'"));
  EXPECT_THAT(host_error("a\\nb.example"), HasSubstr("\"a\\x0ab.example\""));
  EXPECT_THAT(host_error("a\\u0000b.example"), HasSubstr("holds a NUL character"));
  EXPECT_THAT(host_error("localhost"), HasSubstr("a public name has two or more"));
  EXPECT_THAT(host_error("../../etc"), HasSubstr("host name \"../../etc\""));
}

TEST(SiteFileTest, AHostOrASiteThatIsThereTwiceIsRefused) {
  EXPECT_EQ(
      ErrorOf(SiteWith("hosts = [\"c.example\"]\n" + std::string(kPreset)) +
              "[[site]]\nname = \"b.example\"\nhosts = [\"b.example\", \"C.example\"]\n" + kPreset),
      "sites.toml:8:9: `site[1].hosts`: host c.example belongs to site a.example already");
  EXPECT_THAT(
      ErrorOf(SiteWith(kPreset) + SiteWith("hosts = [\"b.example\"]\n" + std::string(kPreset))),
      HasSubstr("`site[1].name`: site a.example is in this file twice"));
}

TEST(SiteFileTest, ASiteWithoutHostsIsNamedAfterItsHost) {
  EXPECT_EQ(ErrorOf("[[site]]\nname = \"shop\"\n" + std::string(kPreset)),
            "sites.toml:2:8: `site[0].name`: is no host name, so give hosts: host name \"shop\" "
            "has a single label; a public name has two or more");
  EXPECT_EQ(ErrorOf(SiteWith("hosts = []\n" + std::string(kPreset))),
            "sites.toml:3:9: `site[0].hosts`: must list at least one host name");
  EXPECT_THAT(ErrorOf("[[site]]\n" + std::string(kPreset)),
              HasSubstr("missing key `site[0].name`"));
}

TEST(SiteFileTest, ExactlyOneContentIsWanted) {
  constexpr char kError[] = "`site[0].preset`: give exactly one of preset, file_root and upstream";
  EXPECT_THAT(ErrorOf(SiteWith("")), HasSubstr(kError));
  EXPECT_THAT(ErrorOf(SiteWith(kPreset) + "[site.file_root]\npath = \"/srv\"\n"),
              HasSubstr(kError));
}

TEST(SiteFileTest, PathsThatLeadElsewhereAreRefused) {
  const auto path_error = [](const std::string& path) {
    return ErrorOf(SiteWith("[site.file_root]\npath = \"" + path + "\"\n"));
  };
  constexpr char kAt[] = "sites.toml:4:8: `site[0].file_root.path`: ";
  EXPECT_EQ(path_error("srv/www"), kAt + std::string("must be an absolute path, not \"srv/www\""));
  EXPECT_EQ(path_error("-rf"), kAt + std::string("must be an absolute path, not \"-rf\""));
  EXPECT_EQ(path_error("/srv/../etc"),
            kAt + std::string("must not contain \"..\": \"/srv/../etc\""));
  EXPECT_EQ(path_error("/srv/.."), kAt + std::string("must not contain \"..\": \"/srv/..\""));
  EXPECT_EQ(path_error("/srv\\u0000/www"), kAt + std::string("holds a NUL character"));
  EXPECT_EQ(path_error("/srv\\nwww"),
            kAt + std::string("must not contain control characters: \"/srv\\x0awww\""));
  EXPECT_EQ(path_error("//"), kAt + std::string("must not be the root of the file system"));
}

TEST(SiteFileTest, ServersThatNobodyCanReachAreRefused) {
  const auto server_error = [](const std::string& server) {
    return ErrorOf(SiteWith("[site.upstream]\nservers = [\"" + server + "\"]\n"));
  };
  EXPECT_THAT(server_error("169.254.169.254:80"), HasSubstr("no server can be at 169.254.169.254"));
  EXPECT_THAT(server_error("[fe80::1]:80"), HasSubstr("no server can be at fe80::1"));
  EXPECT_THAT(server_error("0.0.0.0:80"), HasSubstr("unspecified addresses are refused"));
  EXPECT_THAT(server_error("origin.example:0"), HasSubstr("port must be 1-65535"));
  EXPECT_THAT(server_error("origin.example:http"), HasSubstr("port must be 1-65535"));
  EXPECT_THAT(server_error("https://origin.example"), HasSubstr("site[0].upstream.servers[0]"));
  EXPECT_THAT(ErrorOf(SiteWith("[site.upstream]\nservers = []\n")),
              HasSubstr("must list at least one server"));
}

TEST(SiteFileTest, BodiesHaveALimit) {
  const auto with_body = [](size_t bytes) {
    return SiteWith("[site.preset]\nbody = \"" + std::string(bytes, 'x') + "\"\n");
  };
  EXPECT_EQ(Parse(with_body(kMaxBodyBytes)).size(), 1U);
  EXPECT_EQ(ErrorOf(with_body(kMaxBodyBytes + 1)),
            "sites.toml:4:8: `site[0].preset.body`: is 65537 bytes long; at most 65536 are served "
            "from memory");
  EXPECT_THAT(ErrorOf(SiteWith("[site.preset]\ncontent_type = \"a\\r\\nSet-Cookie: x\"\n")),
              HasSubstr("`site[0].preset.content_type`: must be 1-255 characters on one line"));
}

TEST(SiteFileTest, SyntaxErrorsNameTheirLine) {
  EXPECT_THAT(ErrorOf("[[site]]\nname = \n"), HasSubstr("sites.toml:2:"));
  EXPECT_TRUE(Parse("# nothing yet\n").empty());
}

TEST(SiteTextTest, SummariesFitOneLine) {
  const auto sites = Parse(SiteWith("[site.upstream]\nservers = [\"10.0.0.5:1\"]\ntls = true\n"));
  ASSERT_EQ(sites.size(), 1U);
  EXPECT_EQ(SummaryOf(sites[0]), "upstream https 10.0.0.5:1");
}

RC_GTEST_PROP(SiteTextTest, WhatIsRenderedReadsBackAsTheSame, ()) {
  model::Site site;
  site.name = "a.example";
  site.hosts = {Hostname::Parse("bücher.example").value(), Hostname::Parse("a.example").value()};
  const auto text = *rc::gen::container<std::string>(
      rc::gen::weightedOneOf<char>({{8, rc::gen::inRange<char>(1, 127)},
                                    {2, rc::gen::element('\n', '"', '\\', '\r', '\t', '\x7f')}}));
  site.content = model::Preset{200, "text/plain", text};
  const auto parsed = ParseSites(RenderSite(site), "x");
  RC_ASSERT(parsed.ok());
  RC_ASSERT(parsed->at(0) == site);
}

}  // namespace
}  // namespace lockstep::controller::sites

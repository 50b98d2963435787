// What Caddy and its program answer, read.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "agent/drivers/caddy/admin_client.h"
#include "agent/drivers/caddy/take_over.h"
#include "agent/drivers/caddy/version.h"

namespace lockstep::agent::drivers::caddy {
namespace {

TEST(AppsOfTest, NamesWhatAConfigServes) {
  EXPECT_EQ(*AppsOf("null"), "");
  EXPECT_EQ(*AppsOf("{}"), "");
  EXPECT_EQ(*AppsOf(R"({"admin":{"listen":"unix//x"},"apps":null})"), "");
  EXPECT_EQ(*AppsOf(R"({"apps":{}})"), "");
  EXPECT_EQ(*AppsOf(R"({"apps":{"tls":{},"http":{}}})"), "http, tls");
}

TEST(AppsOfTest, RefusesWhatIsNoConfig) {
  for (const char* text : {"", "[]", "7", "{", R"({"apps":[]})"}) {
    EXPECT_EQ(AppsOf(text).status().code(), Code::kDataLoss) << text;
  }
}

TEST(ErrorTextTest, TakesTheErrorOutOfItsJson) {
  EXPECT_EQ(ErrorText(R"({"error":"loading config: bogus"})"), "loading config: bogus");
  EXPECT_EQ(ErrorText("plain\r\n  text"), "plain text");
  EXPECT_EQ(ErrorText(""), "no reason given");
  EXPECT_EQ(ErrorText(R"({"error":7})"), R"({"error":7})");
  EXPECT_EQ(ErrorText(std::string(1000, 'x')), std::string(400, 'x') + "...");
}

RC_GTEST_PROP(ErrorTextProperty, IsOneShortPrintableLine, (std::string body)) {
  const std::string text = ErrorText(body);
  RC_ASSERT(!text.empty() && text.size() <= 403);
  for (const char c : text) RC_ASSERT(c >= ' ' && c <= '~');
}

RC_GTEST_PROP(AppsOfProperty, TakesAnything, (std::string text)) {
  const Result<std::string> apps = AppsOf(text);
  RC_ASSERT(apps.ok() || apps.status().code() == Code::kDataLoss);
}

TEST(VersionTest, ReadsWhatTheProgramPrints) {
  EXPECT_EQ(Version::Parse("2.6.2\n"), (Version{2, 6, 2}));
  EXPECT_EQ(Version::Parse("v2.7.6 h1:w0NymbG2m9PcvKWsrXO6EEkY9Ru4FJK8uQbYcev1p3A="),
            (Version{2, 7, 6}));
  EXPECT_EQ(Version::Parse("2.10.0-beta.1"), (Version{2, 10, 0}));
  for (const char* text : {"", "v", "2.6", "2.6.x", "unknown", "2.6.2.1", "-2.6.2", "2.-6.2"}) {
    EXPECT_FALSE(Version::Parse(text)) << text;
  }
}

TEST(VersionTest, TakesAnUnknownOneForAnOldOne) {
  EXPECT_TRUE(KeepsOldCertificatesOnHttp3(std::nullopt));
  EXPECT_TRUE(KeepsOldCertificatesOnHttp3(Version{2, 6, 99}));
  EXPECT_FALSE(KeepsOldCertificatesOnHttp3(Version{2, 7, 0}));
  EXPECT_FALSE(KeepsOldCertificatesOnHttp3(Version{3, 0, 0}));
}

TEST(VersionTest, SaysWhyThereIsNone) {
  EXPECT_EQ(AskVersion("/nonexistent/caddy").status().code(), Code::kNotFound);
  EXPECT_EQ(AskVersion("/bin/false").status().code(), Code::kUnavailable);
  EXPECT_EQ(AskVersion("/bin/echo").status(),
            Unavailable("'/bin/echo version' prints \"version\\x0a\""));
}

}  // namespace
}  // namespace lockstep::agent::drivers::caddy

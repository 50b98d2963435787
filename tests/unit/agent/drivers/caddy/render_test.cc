#include "agent/drivers/caddy/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace lockstep::agent::drivers::caddy {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

Hostname Host(const std::string& text) { return *Hostname::Parse(text); }
IpAddress Ip(const std::string& text) { return *IpAddress::Parse(text); }

RenderSettings Settings() {
  RenderSettings out;
  out.admin_socket = "/run/caddy/admin.sock";
  out.challenge_directory = "/var/lib/lockstep/challenges";
  out.miss_socket = "/run/lockstep/miss.sock";
  return out;
}

reconcile::Desired Sample() {
  reconcile::Desired out;
  out.node = *NodeName::Parse("fra1");
  out.pop = *PopName::Parse("fra");
  out.service_addresses = {Ip("203.0.113.10"), Ip("2001:db8:a::10")};
  out.node_addresses = {Ip("10.77.2.2")};
  out.sites = {
      {"a", {Host("a.example")}, {Host("a.example")}, reconcile::Preset{200, "text/html", "hi"}},
      {"b", {Host("b.example")}, {}, reconcile::FileRoot{"/srv/{b}"}},
      {"c", {Host("c.example")}, {}, reconcile::Upstream{{"10.0.0.1:8080"}, true}}};
  out.certificates = {{"a", 1, {Host("a.example")}, "chain", "key", "leaf", WallTime(Seconds(9))}};
  return out;
}

json Rendered(const reconcile::Desired& desired, Http3 http3 = Http3::kOn) {
  const auto config = RenderConfig(desired, Settings(), http3);
  EXPECT_TRUE(config.ok()) << config.status();
  return json::parse(config->json.Reveal());
}

const json& Server(const json& config, const std::string& name) {
  return config["apps"]["http"]["servers"][name];
}

// The handlers of the route for a host, without that of the mark; null if there is none.
json HandlersFor(const json& server, const std::string& host) {
  for (const json& route : server["routes"]) {
    if (!route.contains("match") || !route["match"][0].contains("host")) continue;
    const json& hosts = route["match"][0]["host"];
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) continue;
    json handlers = route["handle"];
    std::erase_if(handlers.get_ref<json::array_t&>(),
                  [](const json& handler) { return handler["handler"] == "subroute"; });
    return handlers;
  }
  return nullptr;
}

TEST(RenderTest, AlwaysHasAnAdminBlockThatKeepsNothing) {
  const json config = Rendered(Sample());
  EXPECT_EQ(config["admin"],
            (json{{"listen", "unix//run/caddy/admin.sock"}, {"config", {{"persist", false}}}}));
  EXPECT_EQ(config["apps"]["http"]["grace_period"], "300s");
  EXPECT_EQ(json::parse(RenderHold(Settings(), Ip("::1")))["admin"], config["admin"]);
}

TEST(RenderTest, ListensOnEachAddressByName) {
  const json config = Rendered(Sample());
  EXPECT_EQ(Server(config, "https")["listen"],
            (json{"10.77.2.2:443", "203.0.113.10:443", "[2001:db8:a::10]:443"}));
  EXPECT_EQ(Server(config, "http")["listen"],
            (json{"10.77.2.2:80", "203.0.113.10:80", "[2001:db8:a::10]:80"}));
}

TEST(RenderTest, SpeaksHttp3OnceThereIsACertificate) {
  reconcile::Desired desired = Sample();
  EXPECT_EQ(Server(Rendered(desired), "https")["protocols"], (json{"h1", "h2", "h3"}));
  EXPECT_EQ(Server(Rendered(desired, Http3::kOff), "https")["protocols"], (json{"h1", "h2"}));
  desired.certificates.clear();
  EXPECT_EQ(Server(Rendered(desired), "https")["protocols"], (json{"h1", "h2"}));
}

TEST(RenderTest, ChallengesComeBeforeEverythingElse) {
  const json first = Server(Rendered(Sample()), "http")["routes"][0];
  EXPECT_EQ(first["match"][0]["method"], (json{"GET", "HEAD"}));
  EXPECT_EQ(first["match"][0]["path_regexp"]["pattern"],
            R"(^/\.well-known/acme-challenge/[A-Za-z0-9_-]{16,128}$)");
  EXPECT_EQ(first["terminal"], true);
}

TEST(RenderTest, SecureHostsAreRedirectedAndTheOthersServedOnPort80) {
  const json config = Rendered(Sample());
  EXPECT_EQ(HandlersFor(Server(config, "http"), "a.example")[0]["status_code"], 308);
  EXPECT_EQ(HandlersFor(Server(config, "https"), "a.example")[0]["body"], "hi");
  EXPECT_EQ(HandlersFor(Server(config, "http"), "b.example")[0]["root"], R"(/srv/\{b\})");
  EXPECT_EQ(HandlersFor(Server(config, "https"), "b.example"), nullptr);
  EXPECT_EQ(Server(config, "http")["routes"].back()["handle"][0]["status_code"], 404);
  EXPECT_EQ(Server(config, "https")["routes"].back()["handle"][0]["status_code"], 421);
}

TEST(RenderTest, ProxiesToTheOriginWithoutItsAltSvc) {
  const json proxy = HandlersFor(Server(Rendered(Sample()), "http"), "c.example")[0];
  EXPECT_EQ(proxy["upstreams"], (json::array({{{"dial", "10.0.0.1:8080"}}})));
  EXPECT_EQ(proxy["transport"]["tls"], json::object());
  EXPECT_EQ(proxy["headers"]["response"]["delete"], json::array({"Alt-Svc"}));
}

TEST(RenderTest, SitesOfTheSameContentShareARoute) {
  reconcile::Desired desired = Sample();
  desired.sites = {{"x", {Host("x.example")}, {}, reconcile::Preset{200, "", "same"}},
                   {"y", {Host("y.example")}, {}, reconcile::Preset{200, "", "same"}}};
  const json handlers = Server(Rendered(desired), "http");
  EXPECT_EQ(handlers["routes"].size(), 4u) << "challenge, Alt-Svc, the shared one, 404";
}

TEST(RenderTest, ASharedRouteKnowsTheMarkOfEachOfItsHosts) {
  const SiteMark one = *SiteMark::Parse(std::string(32, '1'));
  const SiteMark two = *SiteMark::Parse(std::string(32, '2'));
  reconcile::Desired desired = Sample();
  desired.sites = {{"x", {Host("x.example")}, {}, reconcile::Preset{200, "", "same"}, one},
                   {"y", {Host("y.example")}, {}, reconcile::Preset{200, "", "same"}, two}};
  const json route = Server(Rendered(desired), "http")["routes"][2];
  ASSERT_EQ(route["handle"].size(), 2u) << "the mark, then the content";
  EXPECT_EQ(route["handle"][1]["body"], "same");
  const json marks = route["handle"][0]["routes"][0];
  EXPECT_EQ(marks["match"][0]["path"], json::array({"/.well-known/lockstep/site/*"}));
  EXPECT_EQ(marks["handle"][0]["mappings"], json::parse(R"([
              {"input":"x.example","outputs":["11111111111111111111111111111111"]},
              {"input":"y.example","outputs":["22222222222222222222222222222222"]}])"));
}

TEST(RenderTest, EachCertificateHasItsPolicyAndItsTag) {
  reconcile::Desired desired = Sample();
  desired.certificates.push_back(
      {"z", 2, {Host("a.example"), Host("z.example")}, "chain2", "key2", "", WallTime(Seconds(5))});
  const json config = Rendered(desired);
  EXPECT_EQ(Server(config, "https")["tls_connection_policies"], json::parse(R"([
              {"match":{"sni":["a.example"]},"certificate_selection":{"any_tag":["a"]}},
              {"match":{"sni":["z.example"]},"certificate_selection":{"any_tag":["z"]}}, {}])"));
  EXPECT_EQ(config["apps"]["tls"]["certificates"]["load_pem"][1]["tags"], json::array({"z"}));
}

TEST(RenderTest, ACertificateThatServesNoNameStaysAway) {
  reconcile::Desired desired = Sample();
  desired.certificates.push_back(
      {"old", 1, {Host("a.example")}, "chain2", "key2", "", WallTime(Seconds(5))});
  const json config = Rendered(desired);
  EXPECT_EQ(config["apps"]["tls"]["certificates"]["load_pem"].size(), 1u);
}

TEST(RenderTest, TheIdSaysWhetherCertificatesDiffer) {
  reconcile::Desired desired = Sample();
  const auto first = RenderConfig(desired, Settings(), Http3::kOn);
  EXPECT_EQ(Rendered(desired)["@id"], first->id.ToString());
  desired.sites.pop_back();
  const auto other_site = RenderConfig(desired, Settings(), Http3::kOn);
  EXPECT_EQ(other_site->id.certificates, first->id.certificates);
  EXPECT_NE(other_site->id.config, first->id.config);
  desired.certificates[0].key_pem = "other";
  const auto other_key = RenderConfig(desired, Settings(), Http3::kOn);
  EXPECT_NE(other_key->id.certificates, first->id.certificates);
  const auto without = RenderConfig(desired, Settings(), Http3::kOff);
  EXPECT_EQ(without->id.certificates, other_key->id.certificates);
  EXPECT_NE(without->id.config, other_key->id.config);
}

TEST(RenderTest, RefusesTextThatIsNoUtf8) {
  reconcile::Desired desired = Sample();
  desired.sites[1].content = reconcile::FileRoot{"/srv/\xff"};
  EXPECT_EQ(RenderConfig(desired, Settings(), Http3::kOn).status(),
            InvalidArgument("caddy config holds a text that is no UTF-8"));
}

TEST(ConfigIdTest, KnowsItsOwnAlone) {
  const ConfigId id{"0123456789abcdef", "fedcba9876543210"};
  EXPECT_EQ(ConfigId::Parse(id.ToString()), id);
  for (const char* text :
       {"", "lockstep-", "lockstep-hold", "0123456789abcdef-fedcba9876543210",
        "lockstep-0123456789abcdef-fedcba987654321", "lockstep-0123456789ABCDEF-fedcba9876543210",
        "lockstep-0123456789abcdef-fedcba98765432100"}) {
    EXPECT_FALSE(ConfigId::Parse(text)) << text;
  }
}

// How Caddy 2.6.2 reads a text with placeholders, as far as escapes go: where there is no opening
// brace at all nothing happens; else a backslash before a brace goes, and a bare brace is trouble.
std::optional<std::string> ReadByCaddy(const std::string& text) {
  if (text.find('{') == std::string::npos) return text;
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool brace = text[i] == '{' || text[i] == '}';
    if (brace && (i == 0 || text[i - 1] != '\\')) return std::nullopt;
    if (brace) out.pop_back();
    out += text[i];
  }
  return out;
}

RC_GTEST_PROP(EscapeProperty, EveryTextComesOutAsItWas, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("{}\\ab")));
  RC_ASSERT(ReadByCaddy(EscapePlaceholders(text)) == text);
}

RC_GTEST_PROP(PresetBodyProperty, OnlyItsThreeWordsAreFilledIn, ()) {
  const NodeName node = *NodeName::Parse("n1");
  const PopName pop = *PopName::Parse("p1");
  std::string body;
  std::string wanted;
  for (const int part : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 6))) {
    const char* const parts[] = {"{node}", "{pop}", "{env.HOME}", "\\{", "}", "x"};
    body += parts[part];
    wanted += part == 0 ? "n1" : part == 1 ? "p1" : parts[part];
  }
  RC_ASSERT(ReadByCaddy(RenderPresetBody(body, node, pop)) == wanted);
}

TEST(PresetBodyTest, LeavesTheProtocolToCaddy) {
  const NodeName node = *NodeName::Parse("n1");
  const PopName pop = *PopName::Parse("p1");
  EXPECT_EQ(RenderPresetBody("{protocol} }", node, pop), "{http.request.proto} \\}");
  EXPECT_EQ(RenderPresetBody("{{protocol}}", node, pop), "\\{{http.request.proto}\\}");
  EXPECT_EQ(RenderPresetBody("}\\", node, pop), "}\\") << "nothing to escape, so no escapes";
}

reconcile::Desired BehindQuicd() {
  reconcile::Desired out = Sample();
  out.quic_server = reconcile::QuicServer::kQuicd;
  out.sites[0].content = reconcile::Preset{200, "", "{protocol}"};
  return out;
}

TEST(RenderTest, QuicdsListenerServesTheSitesOfHttpsToWhoeverHasTheKey) {
  RenderSettings settings = Settings();
  settings.plain_key = "c0ffee";
  const auto config = RenderConfig(BehindQuicd(), settings, Http3::kOn);
  ASSERT_TRUE(config.ok()) << config.status();
  const json whole = json::parse(config->json.Reveal());
  const json& plain = Server(whole, "quicd");
  EXPECT_EQ(plain["listen"], (json{"127.0.0.1:7445"}));
  const json& stranger = plain["routes"][0];
  EXPECT_EQ(stranger["match"][0]["not"][0]["header"]["Lockstep-Key"], (json{"c0ffee"}));
  EXPECT_EQ(stranger["handle"][0]["status_code"], 403);
  EXPECT_EQ(stranger["terminal"], true);
  EXPECT_EQ(HandlersFor(plain, "a.example").back()["body"], "{http.vars.lockstep_protocol}");
  EXPECT_TRUE(HandlersFor(plain, "b.example").is_null()) << "it has no certificate";
  EXPECT_EQ(Server(whole, kHttpsOverTcpOnly)["protocols"], (json{"h1", "h2"}));
  EXPECT_FALSE(whole["apps"]["http"]["servers"].contains("https"));
}

TEST(RenderTest, WhereNobodyServesQuicThereIsNeitherHttp3NorAListenerForQuicd) {
  reconcile::Desired desired = Sample();
  desired.quic_server = reconcile::QuicServer::kNone;
  const json config = Rendered(desired);
  EXPECT_EQ(Server(config, kHttpsOverTcpOnly)["protocols"], (json{"h1", "h2"}));
  EXPECT_FALSE(config["apps"]["http"]["servers"].contains("quicd"));
}

}  // namespace
}  // namespace lockstep::agent::drivers::caddy

// What a real Caddy answers once the driver has applied a state: sites, challenges, headers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/crypto/digest.h"
#include "common/look/wire_observer.h"
#include "common/snapshot/mark.h"
#include "tests/fakes/loopback/servers.h"
#include "tests/integration/agent_caddy/real_caddy.h"

namespace lockstep::agent::drivers::caddy {
namespace {

class CaddyServingTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    caddy_ = new RealCaddy;
    ca_ = new TestCa;
  }
  static void TearDownTestSuite() {
    delete caddy_;
    delete ca_;
  }

  // Applies `desired` with a certificate for every secure host.
  void Serve(reconcile::Desired desired) {
    for (const reconcile::Site& site : desired.sites) {
      std::vector<std::string> hosts;
      for (const Hostname& host : site.secure_hosts) hosts.push_back(host.ascii());
      if (!hosts.empty()) desired.certificates.push_back(ca_->Issue(site.name, 1, hosts));
    }
    static int times = 0;
    const std::string mark = "served " + std::to_string(++times);
    desired.sites.push_back(PresetSite("served.example.test", mark, false));
    CaddyDriver driver(caddy_->Options());
    ASSERT_EQ(driver.Check(desired), Status::Ok());
    ASSERT_EQ(driver.Apply(desired, nullptr), Status::Ok());
    AwaitAnswers(mark);
  }
  // A load returns while connections may still reach what was served before; the agent looks again
  // for that reason, and so must tests.
  static void AwaitAnswers(const std::string& mark) {
    constexpr int kInARow = 5;
    int fresh = 0;
    for (int i = 0; i < 500 && fresh < kInARow; ++i) {
      fresh = Ask(Http("served.example.test")).body == mark ? fresh + 1 : 0;
      ::usleep(5'000);
    }
    ASSERT_EQ(fresh, kInARow) << "the config that was applied does not answer";
  }

  static WebRequest Http(const std::string& host, const std::string& path = "/") {
    return {caddy_->http_port(), host, path};
  }
  static WebRequest Https(const std::string& host, bool http2 = false,
                          const std::string& path = "/") {
    WebRequest request{caddy_->https_port(), host, path};
    request.tls = true;
    request.http2 = http2;
    return request;
  }

  static RealCaddy* caddy_;
  static TestCa* ca_;
};

RealCaddy* CaddyServingTest::caddy_ = nullptr;
TestCa* CaddyServingTest::ca_ = nullptr;

TEST_F(CaddyServingTest, PresetsNameTheNodeAndTheProtocol) {
  reconcile::Desired desired = LoopbackDesired();
  desired.sites = {PresetSite("www.example.test",
                              R"({"node":"{node}","pop":"{pop}","protocol":"{protocol}"})", true)};
  Serve(desired);
  const WebAnswer h1 = Ask(Https("www.example.test"));
  EXPECT_EQ(h1.body, R"({"node":"fra1","pop":"fra","protocol":"HTTP/1.1"})");
  EXPECT_EQ(h1.Header("content-type"), "text/plain; charset=utf-8");
  const WebAnswer h2 = Ask(Https("www.example.test", true));
  EXPECT_EQ(h2.version, "HTTP/2");
  EXPECT_EQ(h2.body, R"({"node":"fra1","pop":"fra","protocol":"HTTP/2.0"})");
  WebRequest v6 = Https("www.example.test");
  v6.address = "[::1]";
  EXPECT_EQ(Ask(v6).status, 200) << "the node's own address";
}

TEST_F(CaddyServingTest, BodiesComeOutByteForByte) {
  const std::vector<std::string> bodies = {"{env.HOME}",
                                           "\\{env.HOME\\}",
                                           "}",
                                           "\\}",
                                           "{",
                                           "\\{",
                                           "{{node}}",
                                           "{}",
                                           "a{b}c\\\\{d}",
                                           "{http.request.host",
                                           "}{",
                                           "\\",
                                           "{node",
                                           "{protocol",
                                           "\xc3\xbc {\n\t\"}",
                                           "{vars.x}{env.HOME}"};
  reconcile::Desired desired = LoopbackDesired();
  for (size_t i = 0; i < bodies.size(); ++i) {
    desired.sites.push_back(
        PresetSite("b" + std::to_string(i) + ".example.test", bodies[i], false));
  }
  Serve(desired);
  for (size_t i = 0; i < bodies.size(); ++i) {
    std::string wanted = bodies[i];
    if (wanted == "{{node}}") wanted = "{fra1}";
    EXPECT_EQ(Ask(Http("b" + std::to_string(i) + ".example.test")).body, wanted);
  }
}

TEST_F(CaddyServingTest, RedirectsSecureHostsAlone) {
  reconcile::Desired desired = LoopbackDesired();
  desired.sites = {PresetSite("www.example.test", "secure", true),
                   PresetSite("plain.example.test", "plain", false)};
  Serve(desired);
  const WebAnswer redirect = Ask(Http("www.example.test", "/a%20b?c=d&e={env.HOME}"));
  EXPECT_EQ(redirect.status, 308);
  EXPECT_EQ(redirect.Header("location"),
            "https://www.example.test:" + std::to_string(caddy_->https_port()) +
                "/a%20b?c=d&e={env.HOME}");
  EXPECT_EQ(Ask(Http("plain.example.test")).body, "plain");
  EXPECT_EQ(Ask(Http("unknown.example.test")).status, 404);
  WebRequest other = Https("www.example.test");
  other.host_header = "plain.example.test";
  EXPECT_EQ(Ask(other).status, 421);
}

// Each site answers for its own version, where its content is, and nobody else's.
TEST_F(CaddyServingTest, AMarkIsAnsweredByTheSiteThatIsServedAlone) {
  const std::string path = snapshot::kMarkPath;
  const std::string old_mark(32, '0');
  reconcile::Desired desired = LoopbackDesired();
  desired.sites = {PresetSite("www.example.test", "same", true),
                   PresetSite("also.example.test", "same", true),
                   PresetSite("plain.example.test", "plain", false)};
  std::vector<std::string> marks;
  for (reconcile::Site& site : desired.sites) {
    site.mark = *SiteMark::Parse(std::string(32, static_cast<char>('a' + marks.size())));
    marks.push_back(site.mark.str());
  }
  Serve(desired);
  const WebAnswer own = Ask(Https("www.example.test", false, path + marks[0]));
  EXPECT_EQ(own.status, 200);
  EXPECT_EQ(own.body, marks[0]);
  EXPECT_EQ(own.Header("cache-control"), "no-store");
  EXPECT_EQ(Ask(Https("also.example.test", true, path + marks[1])).body, marks[1]);
  EXPECT_EQ(Ask(Http("plain.example.test", path + marks[2])).body, marks[2]);
  // All else under the path is the site's, as if there were no marks.
  EXPECT_EQ(Ask(Https("www.example.test", false, path + old_mark)).body, "same");
  EXPECT_EQ(Ask(Https("www.example.test", false, path + marks[1])).body, "same");
  EXPECT_EQ(Ask(Https("www.example.test", false, path)).body, "same");
  EXPECT_EQ(Ask(Http("plain.example.test", path + marks[0])).body, "plain");
  WebRequest shouted = Http("plain.example.test", path);
  shouted.host_header = "PLAIN.example.test";
  EXPECT_EQ(Ask(shouted).body, "plain");
  // Where a host has no content, it has no mark either.
  EXPECT_EQ(Ask(Http("www.example.test", path + marks[0])).status, 308);
  EXPECT_EQ(Ask(Http("unknown.example.test", path + marks[0])).status, 404);
}

TEST_F(CaddyServingTest, AnObserverFindsTheMarkWithoutKnowingWhereToLook) {
  reconcile::Desired desired = LoopbackDesired();
  desired.sites = {PresetSite("www.example.test", "secure", true),
                   PresetSite("plain.example.test", "plain", false)};
  const SiteMark mark = *SiteMark::Parse(std::string(32, 'a'));
  for (reconcile::Site& site : desired.sites) site.mark = mark;
  Serve(desired);
  look::WireObserver observer(
      Clock::System(),
      {.http = caddy_->http_port(), .tls = caddy_->https_port(), .quic = caddy_->https_port()});
  look::Look look;
  look.kind = types::v1::PROBE_KIND_SITE;
  look.address = *IpAddress::Parse("127.0.0.1");
  for (const char* host : {"www.example.test", "plain.example.test"}) {
    look.host = *Hostname::Parse(host);
    look.mark = mark;
    const auto seen = observer.Observe(look, Seconds(5), {});
    EXPECT_EQ(seen.error(), "") << host;
    EXPECT_EQ(seen.http().status(), 200u) << host;
    EXPECT_EQ(seen.http().body_sha256(), crypto::Sha256(mark.str())) << host;
    look.mark = *SiteMark::Parse(std::string(32, '0'));
    EXPECT_NE(observer.Observe(look, Seconds(5), {}).http().body_sha256(),
              crypto::Sha256(look.mark->str()))
        << host;
  }
}

TEST_F(CaddyServingTest, AnObserverComparesWhatIsPromised) {
  reconcile::Desired desired = LoopbackDesired();
  desired.sites = {PresetSite("www.example.test", "", true)};
  desired.sites[0].mark = *SiteMark::Parse(std::string(32, 'a'));
  desired.sites[0].alt_svc = "h3=\":443\"; ma=300";
  Serve(desired);
  look::WireObserver observer(
      Clock::System(),
      {.http = caddy_->http_port(), .tls = caddy_->https_port(), .quic = caddy_->https_port()});
  look::Look look;
  look.kind = types::v1::PROBE_KIND_SITE;
  look.address = *IpAddress::Parse("127.0.0.1");
  look.host = *Hostname::Parse("www.example.test");
  look.mark = desired.sites[0].mark;
  for (const std::string& indifferent_or_right : {std::string(), desired.sites[0].alt_svc}) {
    look.alt_svc = indifferent_or_right;
    const auto seen = observer.Observe(look, Seconds(5), {});
    EXPECT_EQ(seen.error(), "");
    EXPECT_THAT(seen.http().alt_svc().fields(), testing::ElementsAre(desired.sites[0].alt_svc));
  }
  look.alt_svc = "clear";
  EXPECT_EQ(
      observer.Observe(look, Seconds(5), {}).error(),
      "answered with Alt-Svc " + Quoted(desired.sites[0].alt_svc) + " and not with \"clear\"");
}

TEST_F(CaddyServingTest, NoAnswerCarriesAltSvc) {
  fakes::HttpServer origin(
      "HTTP/1.1 200 OK\r\nAlt-Svc: h3=\":1\"\r\nContent-Length: 2\r\n"
      "Connection: close\r\n\r\nok");
  const auto site = [](const std::string& host, decltype(reconcile::Site::content) content) {
    const Hostname name = *Hostname::Parse(host);
    return reconcile::Site{host, {name}, {name}, std::move(content)};
  };
  std::filesystem::create_directory(caddy_->home() / "root");
  std::ofstream(caddy_->home() / "root/there.txt") << "file";
  reconcile::Desired desired = LoopbackDesired();
  desired.sites = {
      site("a.example.test", reconcile::Preset{200, "", "preset"}),
      site("b.example.test", reconcile::FileRoot{caddy_->home() / "root"}),
      site("c.example.test", reconcile::Upstream{{"127.0.0.1:9"}, false}),
      site("d.example.test", reconcile::Upstream{{origin.endpoint().ToString()}, false})};
  Serve(desired);
  for (const bool http2 : {false, true}) {
    struct Case {
      std::string host, path;
      int status;
    };
    for (const Case& c : {Case{"a", "/", 200}, Case{"b", "/there.txt", 200}, Case{"b", "/no", 404},
                          Case{"c", "/", 502}, Case{"d", "/", 200}}) {
      const WebAnswer answer = Ask(Https(c.host + ".example.test", http2, c.path));
      EXPECT_EQ(answer.status, c.status) << c.host << c.path << " " << answer.error;
      EXPECT_EQ(answer.headers.count("alt-svc"), 0u)
          << c.host << c.path << answer.Header("alt-svc");
    }
    WebRequest misdirected = Https("a.example.test", http2);
    misdirected.host_header = "nobody.example.test";
    EXPECT_EQ(Ask(misdirected).headers.count("alt-svc"), 0u);
  }
}

TEST_F(CaddyServingTest, EveryAnswerOfASiteCarriesItsOneAltSvc) {
  const std::string value = "h3=\":443\"; ma=300";
  fakes::HttpServer origin(
      "HTTP/1.1 200 OK\r\nAlt-Svc: h3=\":1\"\r\nContent-Length: 2\r\n"
      "Connection: close\r\n\r\nok");
  reconcile::Desired desired = LoopbackDesired();
  desired.sites = {PresetSite("a.example.test", "preset", true),
                   PresetSite("b.example.test", "", true), PresetSite("c.example.test", "", true),
                   PresetSite("none.example.test", "", true)};
  desired.sites[1].content = reconcile::Upstream{{"127.0.0.1:9"}, false};
  desired.sites[2].content = reconcile::Upstream{{origin.endpoint().ToString()}, false};
  for (int i = 0; i < 3; ++i) desired.sites[i].alt_svc = value;
  Serve(desired);
  for (const bool http2 : {false, true}) {
    for (const std::string host : {"a", "b", "c"}) {
      const WebAnswer answer = Ask(Https(host + ".example.test", http2));
      EXPECT_EQ(answer.status, host == "b" ? 502 : 200) << answer.error;
      EXPECT_EQ(answer.headers.count("alt-svc"), 1u) << host;
      EXPECT_EQ(answer.Header("alt-svc"), value) << host;
    }
    EXPECT_EQ(Ask(Https("none.example.test", http2)).headers.count("alt-svc"), 0u);
  }
}

}  // namespace
}  // namespace lockstep::agent::drivers::caddy

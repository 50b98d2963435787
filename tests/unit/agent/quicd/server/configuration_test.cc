#include "agent/quicd/server/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/crypto/issue.h"

namespace lockstep::agent::quicd::server {
namespace {

using ::testing::HasSubstr;

struct Pair {
  std::string chain;
  std::string key;
};

Pair MakePair() {
  const crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
  const crypto::Certificate certificate =
      crypto::SelfSignedCa(key, "test", std::chrono::hours(1), Clock::System().Now()).value();
  return {certificate.Pem(), std::string(key.ToPem().Reveal())};
}

const Pair& ThePair() {
  static const Pair pair = MakePair();
  return pair;
}

Site MakeSite(std::string_view host, const Pair& pair) {
  Site site;
  site.hosts = {Hostname::Parse(host).value()};
  site.chain_pem = pair.chain;
  site.key_pem = crypto::Secret::CopyOf(pair.key);
  return site;
}

crypto::Secret Letters(char letter, size_t size) {
  return crypto::Secret(std::string(size, letter));
}

Settings Good() {
  Settings settings;
  settings.service_addresses = {IpAddress::Parse("203.0.113.10").value()};
  settings.server_id = "node";
  settings.cid_keys.push_back({0, Letters('c', 16)});
  settings.reset_key = Letters('r', 32);
  settings.token_keys.push_back(Letters('t', 32));
  settings.ticket_keys.current = Letters('k', 64);
  settings.sites.push_back(MakeSite("www.example.test", ThePair()));
  settings.upstream.address = "127.0.0.1";
  settings.upstream.port = 8443;
  return settings;
}

std::string ErrorOf(const std::function<void(Settings&)>& spoil) {
  Settings settings = Good();
  spoil(settings);
  return Configuration::Build(std::move(settings), nullptr).status().message();
}

TEST(ConfigurationTest, AGoodOneIsBuiltAndFindsItsSites) {
  const auto built = Configuration::Build(Good(), nullptr);
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_NE((*built)->FindSite("www.example.test"), nullptr);
  EXPECT_EQ((*built)->FindSite("example.test"), nullptr);
  EXPECT_EQ((*built)->FindSite(""), nullptr);
}

TEST(ConfigurationTest, KeepsNoPrivateKeyBesideGnutlsOwn) {
  const auto built = Configuration::Build(Good(), nullptr);
  EXPECT_TRUE((*built)->settings().sites.front().key_pem.empty());
}

TEST(ConfigurationTest, TakesUnchangedCertificatesFromThePreviousOne) {
  const auto first = Configuration::Build(Good(), nullptr);
  const auto same = Configuration::Build(Good(), first->get());
  EXPECT_EQ((*same)->FindSite("www.example.test")->credentials,
            (*first)->FindSite("www.example.test")->credentials);
  Settings changed = Good();
  changed.sites.front() = MakeSite("www.example.test", MakePair());
  const auto other = Configuration::Build(std::move(changed), first->get());
  EXPECT_NE((*other)->FindSite("www.example.test")->credentials,
            (*first)->FindSite("www.example.test")->credentials);
}

TEST(ConfigurationTest, SaysEverythingThatIsWrong) {
  const std::string all = ErrorOf([](Settings& settings) {
    settings.port = 0;
    settings.reset_key = Letters('r', 31);
    settings.ticket_keys.current = Letters('k', 63);
    settings.sites.front().chain_pem = "no chain";
    settings.limits.max_streams = 0;
  });
  for (const char* part : {"port is 0", "stateless-reset key", "session-ticket keys",
                           "site www.example.test", "max_streams"}) {
    EXPECT_THAT(all, HasSubstr(part));
  }
}

TEST(ConfigurationTest, RefusesEachThatCannotBeServed) {
  const auto at = [](const char* text) { return Endpoint::Parse(text).value(); };
  const std::vector<std::pair<const char*, std::function<void(Settings&)>>> cases = {
      {"explicit address",
       [](Settings& s) { s.service_addresses.push_back(IpAddress::Parse("0.0.0.0").value()); }},
      {"explicit address",
       [](Settings& s) { s.service_addresses.push_back(IpAddress::Parse("::").value()); }},
      {"port is 0", [](Settings& s) { s.port = 0; }},
      {"is a service address",
       [&](Settings& s) {
         s.preferred_v4 = {at("203.0.113.10:443"), at("10.0.0.7:443")};
       }},
      {"no such address",
       [&](Settings& s) {
         s.preferred_v4 = {at("[2001:db8::7]:443"), at("[2001:db8::7]:443")};
       }},
      {"loopback address", [](Settings& s) { s.upstream.address = "203.0.113.9"; }},
      {"server id", [](Settings& s) { s.server_id.clear(); }},
      {"no connection-ID key", [](Settings& s) { s.cid_keys.clear(); }},
      {"is also the stateless-reset key",
       [](Settings& s) { s.token_keys.push_back(Letters('r', 32)); }},
      {"in two sites",
       [](Settings& s) { s.sites.push_back(MakeSite("www.example.test", ThePair())); }},
      {"no host", [](Settings& s) { s.sites.front().hosts.clear(); }},
      {"idle timeout", [](Settings& s) { s.sites.front().policy.idle_timeout = Millis(10); }},
      {"Alt-Svc", [](Settings& s) { s.sites.front().alt_svc = "h3=\":443\"\r\nx: y"; }},
      {"connection_send_buffer", [](Settings& s) { s.limits.connection_send_buffer = 1; }},
  };
  for (const auto& [part, spoil] : cases) EXPECT_THAT(ErrorOf(spoil), HasSubstr(part));
}

TEST(ConfigurationTest, ACertificateAndAKeyThatDoNotBelongTogetherAreRefused) {
  EXPECT_THAT(ErrorOf([](Settings& settings) {
                settings.sites.front().key_pem = crypto::Secret::CopyOf(MakePair().key);
              }),
              HasSubstr("site www.example.test: certificate and key"));
}

}  // namespace
}  // namespace lockstep::agent::quicd::server

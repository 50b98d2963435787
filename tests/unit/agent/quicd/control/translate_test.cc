#include "agent/quicd/control/translate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lockstep::agent::quicd::control {
namespace {

namespace v1 = lockstep::quicd::v1;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

v1::Config Whole() {
  v1::Config config;
  config.set_version("epoch 3 generation 17");
  config.add_service_addresses("203.0.113.10");
  config.add_service_addresses("2001:db8::10");
  config.set_port(443);
  config.mutable_preferred_v4()->set_advertised("198.51.100.7:443");
  config.mutable_preferred_v4()->set_bound("10.0.0.7:443");
  config.mutable_preferred_v6()->set_advertised("[2001:db8:7::7]:443");
  config.add_witnessed()->set_advertised("198.51.100.8:443");
  config.add_witness_addresses("198.51.100.8");
  config.set_server_id("node0007");
  v1::ConnectionIdKey* key = config.add_connection_id_keys();
  key->set_config_id(2);
  key->set_key(std::string(16, 'c'));
  config.set_reset_key(std::string(32, 'r'));
  config.add_token_keys(std::string(32, 't'));
  config.mutable_ticket_keys()->set_current(std::string(64, 'k'));
  config.mutable_ticket_keys()->set_next(std::string(64, 'n'));
  v1::Site* site = config.add_sites();
  site->add_hosts("www.example.test");
  site->set_certificate_chain("chain");
  site->set_private_key("key");
  site->set_alt_svc("h3=\":443\"; ma=300");
  site->mutable_policy()->set_disable_active_migration(true);
  site->mutable_policy()->mutable_idle_timeout()->set_seconds(20);
  config.mutable_upstream()->set_address("127.0.0.1:8443");
  config.mutable_upstream()->set_secret("secret");
  return config;
}

TEST(TranslateTest, EveryFieldArrives) {
  v1::Config config = Whole();
  config.mutable_limits()->set_max_streams(7);
  std::vector<std::string> errors;
  const server::Settings settings = ToSettings(config, &errors);
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(settings.version, "epoch 3 generation 17");
  EXPECT_EQ(settings.service_addresses.size(), 2U);
  EXPECT_EQ(settings.port, 443);
  EXPECT_EQ(settings.preferred_v4->advertised.ToString(), "198.51.100.7:443");
  EXPECT_EQ(settings.preferred_v4->bound.ToString(), "10.0.0.7:443");
  EXPECT_EQ(settings.preferred_v6->bound, settings.preferred_v6->advertised);
  ASSERT_EQ(settings.witnessed.size(), 1U);
  EXPECT_EQ(settings.witnessed[0].bound.ToString(), "198.51.100.8:443");
  EXPECT_EQ(settings.witnesses.front().ToString(), "198.51.100.8");
  EXPECT_EQ(settings.server_id, "node0007");
  EXPECT_EQ(settings.cid_keys.front().config_id, 2);
  EXPECT_EQ(settings.cid_keys.front().secret.size(), 16U);
  EXPECT_EQ(settings.reset_key.size(), 32U);
  EXPECT_EQ(settings.token_keys.size(), 1U);
  EXPECT_EQ(settings.ticket_keys.current.size(), 64U);
  EXPECT_EQ(settings.ticket_keys.also_accepted.size(), 1U);
  const server::Site& site = settings.sites.front();
  EXPECT_EQ(site.hosts.front().ascii(), "www.example.test");
  EXPECT_EQ(site.key_pem.Reveal(), "key");
  EXPECT_TRUE(site.policy.disable_active_migration);
  EXPECT_FALSE(site.policy.use_preferred_address);
  EXPECT_EQ(site.policy.idle_timeout, Seconds(20));
  EXPECT_EQ(settings.upstream.port, 8443);
  EXPECT_EQ(settings.upstream.secret_header_value, "secret");
  EXPECT_EQ(settings.limits.max_streams, 7U);
  EXPECT_EQ(settings.limits.max_connections, server::Limits().max_connections);
}

// Or the connections to Caddy of the busiest client would be made anew for each burst.
TEST(TranslateTest, AsManyConnectionsAreKeptAsOneClientMayHaveRequests) {
  v1::Config config = Whole();
  std::vector<std::string> errors;
  EXPECT_GE(ToSettings(config, &errors).upstream.max_idle, server::Limits().max_streams);
}

TEST(TranslateTest, SecretsDoNotStayInTheMessage) {
  v1::Config config = Whole();
  std::vector<std::string> errors;
  ToSettings(config, &errors);
  EXPECT_TRUE(config.reset_key().empty());
  EXPECT_TRUE(config.token_keys(0).empty());
  EXPECT_TRUE(config.ticket_keys().current().empty());
  EXPECT_TRUE(config.connection_id_keys(0).key().empty());
  EXPECT_TRUE(config.sites(0).private_key().empty());
  EXPECT_TRUE(config.upstream().secret().empty());
}

TEST(TranslateTest, AllErrorsAtOnce) {
  v1::Config config = Whole();
  config.add_service_addresses("nowhere");
  config.mutable_preferred_v4()->set_advertised("198.51.100.7");
  config.add_witness_addresses("10.0.0.0/8");
  config.mutable_sites(0)->add_hosts("*.example.test");
  config.mutable_upstream()->clear_secret();
  std::vector<std::string> errors;
  ToSettings(config, &errors);
  EXPECT_THAT(errors,
              UnorderedElementsAre(HasSubstr("service address"), HasSubstr("preferred IPv4"),
                                   HasSubstr("witness address"), HasSubstr("site"),
                                   HasSubstr("upstream: its secret is missing")));
}

TEST(TranslateTest, ANumberThatIsTooLargeDoesNotWrapIntoAValidOne) {
  v1::Config config = Whole();
  config.set_port(65536 + 443);
  config.mutable_connection_id_keys(0)->set_config_id(256 + 2);
  std::vector<std::string> errors;
  const server::Settings settings = ToSettings(config, &errors);
  EXPECT_EQ(settings.port, 0);
  EXPECT_GT(settings.cid_keys.front().config_id, cid::kMaxConfigId);
}

}  // namespace
}  // namespace lockstep::agent::quicd::control

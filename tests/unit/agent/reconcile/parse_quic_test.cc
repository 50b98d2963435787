#include "agent/reconcile/parse_quic.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/agent/reconcile/samples.h"

namespace lockstep::agent::reconcile {
namespace {

namespace pb = types::v1;

void MakeQuicd(Parts* parts) {
  parts->node.set_quic_server(pb::QUIC_SERVER_QUICD);
  pb::QuicIdentity* identity = parts->node.mutable_quic_identity();
  identity->set_server_id("12345678");
  identity->add_preferred_addresses()->set_advertised("198.51.100.7");
  identity->mutable_preferred_addresses(0)->set_bound("10.77.2.2");
  identity->add_preferred_addresses()->set_advertised("fd77:2::2");
  identity->add_witnessed_addresses()->set_advertised("10.77.2.3");
  parts->site.mutable_quic()->set_disable_active_migration(true);
  parts->site.mutable_quic()->set_use_preferred_address(true);
  parts->site.mutable_quic()->mutable_idle_timeout()->set_seconds(45);
  parts->site.set_alt_svc("h3=\":443\"; ma=300");
}

pb::QuicKeys KeysSample() {
  pb::QuicKeys keys;
  keys.add_connection_id_keys()->set_key(std::string(16, 'c'));
  keys.add_token_keys(std::string(32, 't'));
  keys.set_ticket_current(std::string(64, 'a'));
  keys.set_ticket_next(std::string(64, 'b'));
  return keys;
}

struct QuicParts : Parts {
  QuicParts() { MakeQuicd(this); }
  pb::QuicKeys keys = KeysSample();
  snapshot::Snapshot Build() const {
    snapshot::Snapshot out = Parts::Build();
    out.Put({"quic_keys", "quic_keys"}, keys.SerializeAsString());
    return out;
  }
};

TEST(ParseQuicTest, TakesEveryField) {
  const Result<Desired> desired = ParseDesired(QuicParts().Build());
  ASSERT_TRUE(desired.ok()) << desired.status();
  EXPECT_EQ(desired->quic_server, QuicServer::kQuicd);
  EXPECT_EQ(desired->quic_identity->server_id, "12345678");
  EXPECT_EQ(desired->quic_identity->preferred_v4,
            (PreferredAddress{Ip("198.51.100.7"), Ip("10.77.2.2")}));
  EXPECT_EQ(desired->quic_identity->preferred_v6,
            (PreferredAddress{Ip("fd77:2::2"), Ip("fd77:2::2")}));
  EXPECT_EQ(desired->quic_identity->witnessed,
            (std::vector<PreferredAddress>{{Ip("10.77.2.3"), Ip("10.77.2.3")}}));
  EXPECT_EQ(desired->quic_keys->ticket_next.get().Reveal(), std::string(64, 'b'));
  EXPECT_FALSE(desired->quic_keys->ticket_previous.has_value());
  EXPECT_EQ(desired->sites[0].quic, (QuicPolicy{true, true, Millis(45'000)}));
  EXPECT_EQ(desired->sites[0].alt_svc, "h3=\":443\"; ma=300");
}

TEST(ParseQuicTest, IsCaddysWhereNothingIsSaid) {
  const Result<Desired> desired = ParseDesired(Parts().Build());
  ASSERT_TRUE(desired.ok());
  EXPECT_EQ(desired->quic_server, QuicServer::kCaddy);
  EXPECT_FALSE(desired->sites[0].quic.has_value());
}

TEST(ParseQuicTest, EqualKeysAreEqualWhereverTheyLie) {
  const Desired one = *ParseDesired(QuicParts().Build());
  QuicParts parts;
  EXPECT_EQ(one, *ParseDesired(parts.Build()));
  parts.keys.mutable_connection_id_keys(0)->set_key(std::string(16, 'd'));
  EXPECT_NE(one, *ParseDesired(parts.Build()));
}

TEST(ParseQuicTest, NamesTheFieldThatIsWrong) {
  struct Case {
    std::function<void(QuicParts*)> spoil;
    std::string message;
  };
  const std::vector<Case> cases = {
      {[](QuicParts* p) { p->node.set_quic_server(static_cast<pb::QuicServer>(9)); },
       "resource node: quic_server: 9 is a server that this agent does not know; upgrade the "
       "agent"},
      {[](QuicParts* p) { p->node.mutable_quic_identity()->set_server_id("1234567"); },
       "resource node: quic_identity.server_id has 7 octets, not 8"},
      {[](QuicParts* p) { p->node.clear_quic_identity(); },
       "resource node: quic_identity is missing for lockstep-quicd"},
      {[](QuicParts* p) {
         p->node.mutable_quic_identity()->mutable_preferred_addresses(1)->set_advertised(
             "10.0.0.1");
       },
       "resource node: quic_identity.preferred_addresses[1] is the second one of its family"},
      {[](QuicParts* p) {
         p->node.mutable_quic_identity()->mutable_preferred_addresses(0)->set_bound("fd77::1");
       },
       "resource node: quic_identity.preferred_addresses[0].bound is of another family than "
       "advertised"},
      {[](QuicParts* p) {
         p->node.mutable_quic_identity()->mutable_preferred_addresses(0)->set_bound("203.0.113.10");
       },
       "resource node: quic_identity: 203.0.113.10 is a service address, and cannot be the node's "
       "own"},
      {[](QuicParts* p) { p->keys.mutable_connection_id_keys(0)->set_key("short"); },
       "resource quic_keys: connection_id_keys[0].key has 5 octets, not 16"},
      {[](QuicParts* p) { p->keys.mutable_connection_id_keys(0)->set_config_id(7); },
       "resource quic_keys: connection_id_keys[0].config_id: 7 is not within 0-6, or is there "
       "twice"},
      {[](QuicParts* p) { p->keys.clear_token_keys(); }, "resource quic_keys: token_keys is empty"},
      {[](QuicParts* p) { p->keys.clear_ticket_next(); },
       "resource quic_keys: ticket_next has 0 octets, not 64"},
      {[](QuicParts* p) { p->keys.set_ticket_previous("x"); },
       "resource quic_keys: ticket_previous has 1 octets, not 64"},
      {[](QuicParts* p) { p->site.mutable_quic()->mutable_idle_timeout()->set_seconds(1L << 60); },
       "resource site \"www\": quic.idle_timeout is not between 1 s and 10 min"},
      {[](QuicParts* p) { p->site.set_alt_svc("h3\r\nX: y"); },
       "resource site \"www\": alt_svc: \"h3\\x0d\\x0aX: y\" is no header value"},
  };
  for (const Case& c : cases) {
    QuicParts parts;
    c.spoil(&parts);
    EXPECT_EQ(ParseDesired(parts.Build()).status().message(), c.message);
  }
}

TEST(ParseQuicTest, QuicdWithoutKeysIsRefused) {
  Parts parts;
  MakeQuicd(&parts);
  EXPECT_EQ(ParseDesired(parts.Build()).status(),
            InvalidArgument("snapshot has no quic_keys for lockstep-quicd"));
}

}  // namespace
}  // namespace lockstep::agent::reconcile

#include "controller/policy/checks.h"

#include <gtest/gtest.h>

#include "controller/policy/capabilities.h"
#include "controller/policy/explain.h"
#include "tests/unit/controller/policy/rig.h"

namespace lockstep::controller::policy {
namespace {

std::string RefusalOf(const std::string& text) {
  const Status status = CheckPolicy(Parsed(text), TwoNodes());
  if (status.ok()) return "";
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  return status.message();
}
ExplainedKnob KnobOf(const std::string& text, const std::string& node, const std::string& knob) {
  const FleetFacts fleet = TwoNodes();
  for (const NodeFacts& facts : fleet.nodes) {
    if (facts.node.name.str() != node) continue;
    const Explanation explanation = Explain(Parsed(text), facts, fleet.sites);
    for (const ExplainedKnob& one : explanation.knobs) {
      if (one.knob == knob) return one;
    }
  }
  return {};
}

TEST(CapabilitiesTest, TheMatrix) {
  using Kind = Capability::Kind;
  struct Row {
    model::QuicServer kind;
    std::string reported;
    Capability migration, address, idle;
  };
  const Capability honoured{Kind::kHonoured, ""};
  const Capability not_offered{Kind::kNotOffered, ""};
  const Capability fixed_true{Kind::kFixed, "true"};
  const Capability fixed_30s{Kind::kFixed, "30s"};
  for (const Row& row :
       {Row{model::QuicServer::kCaddy, "caddy/2.6.2", fixed_true, not_offered, fixed_30s},
        Row{model::QuicServer::kCaddy, "caddy/v2.7.0", not_offered, not_offered, fixed_30s},
        Row{model::QuicServer::kCaddy, "caddy/2.11.4", not_offered, not_offered, fixed_30s},
        Row{model::QuicServer::kCaddy, "caddy/devel", fixed_true, not_offered, fixed_30s},
        Row{model::QuicServer::kQuicd, "lockstep-quicd/0.1.0", honoured, honoured, honoured},
        Row{model::QuicServer::kNone, "caddy/2.6.2", not_offered, not_offered, not_offered}}) {
    const Server server = ServerOf(row.kind, {"bird/2.0.12", row.reported});
    SCOPED_TRACE(row.reported);
    EXPECT_EQ(Look(server, Knob::kDisableActiveMigration), row.migration);
    EXPECT_EQ(Look(server, Knob::kPreferredAddress), row.address);
    EXPECT_EQ(Look(server, Knob::kIdleTimeout), row.idle);
  }
  EXPECT_EQ(Describe(fixed_30s), "fixed to 30s");
}

TEST(ChecksTest, AFleetWithoutPolicyIsNeverRefused) {
  EXPECT_EQ(RefusalOf(""), "");
  EXPECT_EQ(RefusalOf("[fleet]\nsituation = \"four_tuple_lb\"\n"), "");
}

TEST(ChecksTest, QuicdWhereTheAgentDoesNotReportItIsRefusedByName) {
  EXPECT_EQ(RefusalOf("[[node]]\nname = \"fra1\"\nquic_server = \"quicd\"\n"), "");
  EXPECT_EQ(RefusalOf("[fleet]\nquic_server = \"quicd\"\n"),
            "node ams1: quic_server = quicd (fleet), and its agent does not report lockstep-quicd; "
            "install and start it there, or leave the node out");
}

TEST(ChecksTest, WhatAServerCannotHonourIsRefusedWhenAskedFor) {
  EXPECT_EQ(RefusalOf("[fleet]\nidle_timeout = \"20s\"\n[[node]]\nname = \"fra1\"\n"
                      "quic_server = \"quicd\"\n"),
            "node ams1: idle_timeout = 20s (fleet) is fixed to 30s by caddy/2.6.2; take it out, "
            "or give the node quic_server = \"quicd\"");
  EXPECT_EQ(RefusalOf("[fleet]\nidle_timeout = \"30s\"\ndisable_active_migration = true\n"), "");
  EXPECT_NE(RefusalOf("[[site]]\nname = \"www\"\ndisable_active_migration = false\n")
                .find("disable_active_migration = false (site www) is fixed to true"),
            std::string::npos);
  EXPECT_NE(RefusalOf("[[pop]]\nname = \"ams\"\npreferred_address = true\n")
                .find("preferred_address = true (pop ams) is not offered by caddy/2.6.2"),
            std::string::npos);
  EXPECT_NE(RefusalOf("[[site]]\nname = \"www\"\npreferred_address = true\n")
                .find("node ams1: preferred_address = true (site www)"),
            std::string::npos);
  // Where nobody answers, nobody is told anything.
  EXPECT_EQ(RefusalOf("[fleet]\nquic_server = \"none\"\nidle_timeout = \"20s\"\n"), "");
}

TEST(ChecksTest, AServiceAddressIsNoPlaceToMoveTo) {
  EXPECT_NE(RefusalOf("[[node]]\nname = \"fra1\"\nquic_server = \"quicd\"\n"
                      "preferred_v4 = { advertised = \"203.0.113.10\" }\n")
                .find("203.0.113.10 is a service address"),
            std::string::npos);
}

TEST(ChecksTest, NamesThatDoNotExistAreSaidAndNotRefused) {
  const auto policy = Parsed(
      "[[pop]]\nname = \"par\"\n[[node]]\nname = \"par1\"\n[[node]]\nname = \"fra1\"\n"
      "[[site]]\nname = \"wwv\"\n");
  EXPECT_EQ(UnknownNames(policy, TwoNodes()),
            (std::vector<std::string>{"no node is in pop par yet", "no node par1 is enrolled yet",
                                      "there is no site wwv yet"}));
}

TEST(ExplainTest, WhatFollowsFromASituationAndCannotBeIsShown) {
  const ExplainedKnob address = KnobOf("", "ams1", "preferred_address");
  EXPECT_EQ(address, (ExplainedKnob{"www", "preferred_address", "true", "default", "not offered",
                                    "none", false}));
  const ExplainedKnob idle =
      KnobOf("[fleet]\nsituation = \"four_tuple_lb\"\n", "ams1", "idle_timeout");
  EXPECT_EQ(idle, (ExplainedKnob{"www", "idle_timeout", "20s", "fleet, from its situation",
                                 "fixed to 30s", "30s", false}));
  EXPECT_TRUE(KnobOf("", "ams1", "disable_active_migration").enforceable);
}

TEST(ExplainTest, WithQuicdTheNodesAddressesComeOut) {
  const std::string quicd = "[[node]]\nname = \"fra1\"\nquic_server = \"quicd\"\n";
  EXPECT_EQ(KnobOf(quicd, "fra1", "preferred_address"),
            (ExplainedKnob{"www", "preferred_address", "true", "default", "honoured",
                           "10.77.1.2, fd77:1::2", true}));
  EXPECT_EQ(KnobOf(quicd + "preferred_v4 = { advertised = \"192.0.2.7\", bound = \"10.77.1.2\" }\n",
                   "fra1", "preferred_address")
                .resulting,
            "192.0.2.7 (bound 10.77.1.2), fd77:1::2");
}

TEST(ExplainTest, WhoSaysNoToAnAddressIsNamed) {
  const std::string quicd = "[[node]]\nname = \"fra1\"\nquic_server = \"quicd\"\n";
  EXPECT_EQ(KnobOf(quicd + "[[pop]]\nname = \"fra\"\nsituation = \"embedded\"\n", "fra1",
                   "preferred_address")
                .from,
            "pop fra, from its situation");
  const ExplainedKnob site = KnobOf(quicd + "[[site]]\nname = \"www\"\npreferred_address = false\n",
                                    "fra1", "preferred_address");
  EXPECT_EQ(site.from, "site www");
  EXPECT_EQ(site.resulting, "none");
  EXPECT_TRUE(site.enforceable);
}

}  // namespace
}  // namespace lockstep::controller::policy

#include "controller/policy/policy_file.h"

#include <gtest/gtest.h>

namespace lockstep::controller::policy {
namespace {

constexpr char kWhole[] = R"([fleet]
quic_server = "quicd"
situation = "anycast"
disable_active_migration = true
idle_timeout = "1500ms"
alt_svc_ceiling = "24h"

[[pop]]
name = "par"
situation = "embedded"

[[node]]
name = "fra1"
quic_server = "none"
preferred_address = false
preferred_v4 = { advertised = "192.0.2.7", bound = "10.0.0.7" }
preferred_v6 = { advertised = "2001:db8::7" }

[[site]]
name = "www.example.test"
situation = "hyper_local"
disable_active_migration = false
idle_timeout = "10m"
alt_svc = false
alt_svc_floor = "10m"
)";

std::string ErrorsOf(const std::string& text) {
  return ParsePolicy(text, "p.toml").status().message();
}

TEST(PolicyFileTest, ReadsEverySettingAndSaysItAgain) {
  const auto policy = ParsePolicy(kWhole, "p.toml");
  ASSERT_TRUE(policy.ok()) << policy.status().message();
  const auto& node = policy->nodes.at(*NodeName::Parse("fra1"));
  EXPECT_EQ(node.settings.quic_server, model::QuicServer::kNone);
  EXPECT_EQ(node.preferred_v4->bound.ToString(), "10.0.0.7");
  EXPECT_EQ(node.preferred_v6->bound, node.preferred_v6->advertised);
  EXPECT_EQ(policy->fleet.idle_timeout, Millis(1500));
  EXPECT_EQ(policy->sites.at("www.example.test").idle_timeout, std::chrono::minutes(10));
  EXPECT_EQ(policy->fleet.alt_svc_ceiling, std::chrono::hours(24));
  EXPECT_EQ(policy->sites.at("www.example.test").alt_svc, false);
  EXPECT_EQ(policy->sites.at("www.example.test").alt_svc_floor, std::chrono::minutes(10));
  const std::string again = RenderPolicy(*policy);
  EXPECT_EQ(*ParsePolicy(again, "again"), *policy) << again;
  EXPECT_EQ(RenderPolicy(*ParsePolicy(again, "again")), again);
}

TEST(PolicyFileTest, PromisesHaveSaneBoundsAndAreNoNodesOwn) {
  EXPECT_NE(ErrorsOf("[fleet]\nalt_svc_floor = \"4m\"\n").find("alt_svc_floor"), std::string::npos);
  EXPECT_NE(ErrorsOf("[fleet]\nalt_svc_floor = \"1h\"\nalt_svc_ceiling = \"10m\"\n")
                .find("must not be below alt_svc_floor"),
            std::string::npos);
  EXPECT_NE(ErrorsOf("[[node]]\nname = \"fra1\"\nalt_svc = false\n")
                .find("is a setting of [fleet] and [[site]]"),
            std::string::npos);
}

TEST(PolicyFileTest, AnEmptyFileIsAPolicyThatSaysNothing) {
  EXPECT_EQ(*ParsePolicy("", "p.toml"), model::EdgePolicy());
  EXPECT_EQ(RenderPolicy({}), "");
}

TEST(PolicyFileTest, AllErrorsAreReportedAndTheNearestKeySuggested) {
  const std::string errors = ErrorsOf(
      "[fleet]\nquic_sever = \"quicd\"\nsituation = \"unicast\"\nidle_timeout = \"11m\"\n"
      "[[node]]\nname = \"fra1\"\n[[node]]\nname = \"fra1\"\n[[pop]]\n");
  EXPECT_NE(errors.find("did you mean `quic_server`"), std::string::npos) << errors;
  EXPECT_NE(errors.find("must be one of anycast, four_tuple_lb"), std::string::npos) << errors;
  EXPECT_NE(errors.find("p.toml:4:"), std::string::npos) << errors;
  EXPECT_NE(errors.find("node fra1 is in this file twice"), std::string::npos) << errors;
  EXPECT_NE(errors.find("`pop[0].name`"), std::string::npos) << errors;
}

TEST(PolicyFileTest, WhatQuicCannotExpressIsRefusedWithTheReason) {
  for (const std::string situation : {"hyper_local", "embedded"}) {
    for (const std::string level : {"[fleet]\n", "[[pop]]\nname = \"par\"\n",
                                    "[[node]]\nname = \"fra1\"\n", "[[site]]\nname = \"www\"\n"}) {
      const std::string wish = level + "situation = \"" + situation + "\"\n";
      EXPECT_TRUE(ParsePolicy(wish + "preferred_address = false\n", "p.toml").ok());
      EXPECT_NE(ErrorsOf(wish + "preferred_address = true\n").find("RFC 9000 (§9, §18.2)"),
                std::string::npos);
    }
  }
}

TEST(PolicyFileTest, ASettingAtTheWrongLevelSaysWhereItBelongs) {
  EXPECT_NE(ErrorsOf("[[node]]\nname = \"fra1\"\nidle_timeout = \"1s\"\n")
                .find("is a setting of [fleet] and [[site]]"),
            std::string::npos);
  EXPECT_NE(ErrorsOf("[[pop]]\nname = \"fra\"\ndisable_active_migration = true\n")
                .find("is a setting of [fleet] and [[site]]"),
            std::string::npos);
  EXPECT_NE(ErrorsOf("[[site]]\nname = \"www\"\nquic_server = \"quicd\"\n")
                .find("is a setting of [fleet], [[pop]] and [[node]]"),
            std::string::npos);
}

TEST(PolicyFileTest, AddressesNobodyCanMoveToAreRefused) {
  const auto errors = [](const std::string& line) {
    return ErrorsOf("[[node]]\nname = \"fra1\"\n" + line);
  };
  EXPECT_NE(errors("preferred_v4 = { advertised = \"2001:db8::7\" }\n").find("other family"),
            std::string::npos);
  EXPECT_NE(errors("preferred_v4 = { advertised = \"127.0.0.1\" }\n").find("no client can move"),
            std::string::npos);
  EXPECT_NE(errors("preferred_v6 = { bound = \"2001:db8::7\" }\n").find("advertised"),
            std::string::npos);
}

}  // namespace
}  // namespace lockstep::controller::policy

#include "controller/edge/lint.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>

namespace lockstep::controller::edge {
namespace {

using std::chrono::hours;

const NodeName kNode = *NodeName::Parse("ams1");
const Hostname kHost = *Hostname::Parse("www.example.test");
const WallTime kNow = FromUnixMicros(1'700'000'000'000'000);
const Alternative kH3 = SameHostHttp3();
const std::string kOther = "ams1.example.test";

Endpoint At(const std::string& text) { return *Endpoint::Parse(text); }
IpAddress Ip(const std::string& text) { return *IpAddress::Parse(text); }

// A site of which everything holds together.
LintInput Sound() {
  LintInput input;
  input.now = kNow;
  input.hosts = {kHost};
  input.wanted = Promise({kH3}, Seconds(3600), false);
  input.origin = {.anycast = true, .sole_operator = true};
  input.service_addresses = {Ip("203.0.113.10"), Ip("2001:db8:a::10")};
  input.node_names = {kOther};
  for (const char* protocol : {"h1", "h2", "h3"}) {
    LintInput::Response response;
    response.node = kNode;
    response.protocol = protocol;
    response.alt_svc = {RenderAltSvc(input.wanted)};
    input.responses.push_back(response);
  }
  input.handshakes = {{kNode, kH3, kHost, "", {"*.example.test"}, kNow + hours(24 * 30)}};
  LintInput::HttpsRecord record;
  record.host = kHost;
  record.ttl = Seconds(300);
  record.alpn = {"h3", "h2"};
  input.https = {record};
  input.transports = {{kNode,
                       true,
                       At("10.77.1.2:443"),
                       At("[2001:db8:1::2]:443"),
                       size_t{20},
                       true,
                       {Ip("10.77.1.2"), Ip("2001:db8:1::2")}}};
  return input;
}

using Change = std::function<void(LintInput&)>;

struct Case {
  Change broken;
  Change fine;  // near to it, and no fault
};

void Wants(LintInput& in, AltSvc value) {
  in.wanted = std::move(value);
  for (auto& response : in.responses) response.alt_svc = {RenderAltSvc(in.wanted)};
}
Change WantsAge(int seconds) {
  return [seconds](LintInput& in) { Wants(in, Promise({kH3}, Seconds(seconds), false)); };
}
Change Sends(const std::string& value) {
  return [value](LintInput& in) { in.responses[0].alt_svc = {value}; };
}

const std::map<std::string, Case> kPromiseCases = {
    {"alternative-not-answering",
     {[](auto& in) { in.handshakes[0].problem = "timed out"; },
      [](auto& in) { in.handshakes.push_back(in.handshakes[0]); }}},
    {"certificate-misses-host",
     {[](auto& in) {
        in.handshakes[0].certificate_names = {"*.test", "example.test"};
      },
      [](auto& in) {
        in.handshakes[0].certificate_names = {"a.test", "www.example.test"};
      }}},
    {"certificate-ends-before-promise",
     {[](auto& in) { in.handshakes[0].not_after = kNow + Seconds(3599); },
      [](auto& in) { in.handshakes[0].not_after = kNow + Seconds(3600); }}},
    {"promise-outlives-alternative",
     {[](auto& in) { in.planned_ends[kH3] = kNow + Seconds(3599); },
      [](auto& in) { in.planned_ends[kH3] = kNow + Seconds(3600); }}},
    {"node-name-promised",
     {[](auto& in) {
        Wants(in, Promise({{"h3", kOther, 443}}, Seconds(301), false));
      },
      [](auto& in) {
        Wants(in, Promise({{"h3", kOther, 443}}, Seconds(300), false));
      }}},
    {"persist-untrue",
     {[](auto& in) {
        in.origin.anycast = false;
        Wants(in, Promise({kH3}, Seconds(3600), true));
      },
      [](auto& in) { Wants(in, Promise({kH3}, Seconds(3600), true)); }}},
    {"several-sources",
     {[](auto& in) { in.responses[1].alt_svc_frame = true; },
      [](auto& in) {
        in.responses[1].alt_svc.clear();
        in.responses[1].alt_svc_frame = true;
      }}},
    {"header-differs",
     {Sends(R"(h3=":443"; ma=2592000)"),
      [](auto& in) {
        in.before = Promise({kH3}, Seconds(300), false);
        Sends(R"(h3=":443"; ma=300)")(in);
      }}},
    {"header-missing",
     {[](auto& in) {
        in.responses[2].alt_svc.clear();
        in.responses[2].status = 502;
      },
      [](auto& in) {
        in.before = AltSvc();
        in.responses[2].alt_svc.clear();
      }}},
    {"clear-with-entries",
     {Sends(R"(clear, h3=":443"; ma=3600)"),
      [](auto& in) { Wants(in, {.clear = true, .entries = {}}); }}},
    {"clear-from-some",
     {Sends("clear"), [](auto& in) { Wants(in, {.clear = true, .entries = {}}); }}},
    {"h3-not-first-and-once",
     {[](auto& in) {
        Wants(in, Promise({{"h2", "", 443}, kH3}, Seconds(3600), false));
      },
      [](auto& in) {
        Wants(in, Promise({kH3, {"h2", "", 443}}, Seconds(3600), false));
      }}},
    {"legacy-protocol",
     {[](auto& in) {
        Wants(in, Promise({kH3, {"h3-29", "", 443}}, Seconds(3600), false));
      },
      [](auto& in) {
        Wants(in, Promise({kH3, {"h2", "", 443}}, Seconds(3600), false));
      }}},
    {"max-age-below-floor", {WantsAge(299), WantsAge(300)}},
    {"max-age-above-ceiling", {WantsAge(2592000), WantsAge(86400)}},
    {"several-operators",
     {[](auto& in) { in.origin.sole_operator = false; },
      [](auto& in) {
        in.origin.sole_operator = false;
        WantsAge(600)(in);
      }}},
    {"alt-svc-in-421",
     {[](auto& in) { in.responses[0].status = 421; },
      [](auto& in) {
        in.responses[0].status = 421;
        in.responses[0].alt_svc.clear();
      }}},
    {"stored-header",
     {[](auto& in) {
        Sends(R"(h3=":443"; ma=60)")(in);
        in.responses[0].age = Seconds(9);
      },
      [](auto& in) { in.responses[0].age = Seconds(9); }}},
};

const std::map<std::string, Case> kDnsCases = {
    {"https-record-names-more",
     {[](auto& in) { in.https[0].port = 8443; }, [](auto& in) { in.https[0].alpn = {"h2"}; }}},
    {"https-record-names-less",
     {[](auto& in) { in.https[0].alpn = {"h2"}; }, [](auto& in) { in.https.clear(); }}},
    {"https-record-names-node",
     {[](auto& in) { in.https[0].target = kOther; },
      [](auto& in) { in.https[0].target = "alt.example.test"; }}},
    {"https-hints-for-itself",
     {[](auto& in) { in.https[0].hints = in.service_addresses; },
      [](auto& in) {
        in.https[0].target = "alt.example.test";
        in.https[0].hints = in.service_addresses;
      }}},
    {"https-hints-of-one-family",
     {[](auto& in) {
        in.https[0].target = "alt.example.test";
        in.https[0].hints = {in.service_addresses[0]};
      },
      [](auto& in) {
        in.https[0].hints = {in.service_addresses[0]};
        in.service_addresses.pop_back();
      }}},
    {"https-ttl-above-max-age",
     {[](auto& in) { in.https[0].ttl = Seconds(3601); },
      [](auto& in) { in.https[0].ttl = Seconds(3600); }}},
};

const std::map<std::string, Case> kQuicCases = {
    {"preferred-is-anycast",
     {[](auto& in) { in.transports[0].preferred_v4 = At("203.0.113.10:443"); },
      [](auto& in) { in.transports[0].preferred_v4 = At("203.0.113.11:443"); }}},
    {"preferred-not-answering",
     {[](auto& in) { in.transports[0].preferred_answers = false; },
      [](auto& in) {
        in.transports[0].preferred_v4.reset();
        in.transports[0].preferred_v6.reset();
        in.transports[0].preferred_answers = false;
      }}},
    {"preferred-without-port",
     {[](auto& in) { in.transports[0].preferred_v6->port = 0; },
      [](auto& in) { in.transports[0].preferred_v6->port = 8443; }}},
    {"preferred-of-one-family",
     {[](auto& in) { in.transports[0].preferred_v6.reset(); },
      [](auto& in) {
        in.transports[0].preferred_v6.reset();
        in.transports[0].own_addresses.pop_back();
      }}},
    {"preferred-not-public",
     {[](auto& in) {
        in.transports[0].preferred_v6 = At("[fd77:1::2]:443");
        in.transports[0].own_addresses.push_back(Ip("fd77:1::2"));
      },
      [](auto& in) {
        in.service_addresses = {Ip("10.0.0.10")};
        in.transports[0].preferred_v4 = At("10.77.1.2:443");
        in.transports[0].own_addresses.push_back(Ip("10.77.1.2"));
      }}},
    {"preferred-without-connection-id",
     {[](auto& in) { in.transports[0].connection_id_bytes = 0; },
      [](auto& in) { in.transports[0].connection_id_bytes.reset(); }}},
    {"preferred-where-forbidden",
     {[](auto& in) { in.transports[0].roaming_forbidden = true; },
      [](auto& in) {
        in.transports[0].roaming_forbidden = true;
        in.transports[0].preferred_v4.reset();
        in.transports[0].preferred_v6.reset();
      }}},
    {"preferred-behind-balancer",
     {[](auto& in) {
        in.transports[0].behind_balancer = true;
        in.transports[0].own_addresses.pop_back();
      },
      [](auto& in) { in.transports[0].behind_balancer = true; }}},
    {"migration-other-than-wanted",
     {[](auto& in) { in.transports[0].disable_active_migration = false; },
      [](auto& in) {
        in.wants_migration_disabled = false;
        in.transports[0].disable_active_migration = false;
      }}},
    {"preferred-as-alternative",
     {[](auto& in) {
        Wants(in, Promise({{"h3", "[2001:db8:1::2]", 443}}, Seconds(300), false));
      },
      [](auto& in) {
        Wants(in, Promise({{"h3", "[2001:db8:1::3]", 443}}, Seconds(300), false));
      }}},
};

std::map<std::string, Case> AllCases() {
  std::map<std::string, Case> out = kPromiseCases;
  out.insert(kDnsCases.begin(), kDnsCases.end());
  out.insert(kQuicCases.begin(), kQuicCases.end());
  return out;
}

bool Finds(const LintInput& input, const std::string& rule) {
  for (const LintFinding& finding : Lint(input)) {
    if (finding.rule == rule) return true;
  }
  return false;
}

TEST(LintTest, FindsNothingWhereEverythingHoldsTogether) {
  for (const LintFinding& finding : Lint(Sound())) {
    ADD_FAILURE() << finding.rule << ": " << finding.what.front();
  }
}

TEST(LintTest, EachRuleHasACaseThatBreaksItAndOneThatDoesNot) {
  const auto cases = AllCases();
  std::set<std::string> ids;
  for (const LintRule& rule : AllRules()) {
    EXPECT_TRUE(ids.insert(rule.id).second) << rule.id << " stands twice";
    EXPECT_GT(std::string(rule.harm).size(), 20u) << rule.id;
    const auto found = cases.find(rule.id);
    ASSERT_NE(found, cases.end()) << rule.id << " has no case";
    LintInput broken = Sound();
    found->second.broken(broken);
    EXPECT_TRUE(Finds(broken, rule.id)) << rule.id;
    LintInput fine = Sound();
    found->second.fine(fine);
    EXPECT_FALSE(Finds(fine, rule.id)) << rule.id;
  }
  EXPECT_EQ(ids.size(), cases.size()) << "a case is of no rule";
}

TEST(LintTest, AHintMayNameOneNodeAsWellAsATargetMay) {
  const auto with = [](const std::string& v4, const std::string& v6) {
    LintInput input = Sound();
    input.https[0].target = "alt.example.test";
    input.https[0].hints = {Ip(v4), Ip(v6)};
    return input;
  };
  const std::string rule = "https-record-names-node";
  EXPECT_FALSE(Finds(with("203.0.113.10", "2001:db8:a::10"), rule));
  EXPECT_TRUE(Finds(with("10.77.1.2", "2001:db8:a::10"), rule));
  EXPECT_TRUE(Finds(with("203.0.113.10", "2001:db8:1::2"), rule));
  EXPECT_FALSE(Finds(with("198.51.100.7", "2001:db8:a::10"), rule)) << "of no node of ours";
  LintInput unicast = with("10.77.1.2", "2001:db8:1::2");
  unicast.service_addresses = {Ip("10.77.1.2"), Ip("2001:db8:1::2")};
  EXPECT_FALSE(Finds(unicast, rule)) << "a fleet of one node, served on its own address";
}

TEST(LintTest, TheDocumentHasEveryRuleWithItsWords) {
  std::ifstream file(std::string(LOCKSTEP_SOURCE_DIR) + "/docs/edge.md");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  for (const LintRule& rule : AllRules()) {
    const char* severity = rule.severity == LintSeverity::kError ? "error" : "warning";
    const std::string row =
        "| `" + std::string(rule.id) + "` | " + severity + " | " + rule.harm + " |";
    EXPECT_NE(text.find(row), std::string::npos) << row;
  }
}

TEST(LintTest, SaysWhereAndWhatAClientSuffers) {
  LintInput input = Sound();
  Sends(R"(h3=":443"; ma=2592000)")(input);
  const auto findings = Lint(input);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, LintSeverity::kError);
  EXPECT_EQ(findings[0].harm, "clients hold a promise that the fleet does not keep");
  EXPECT_EQ(findings[0].what,
            std::vector<std::string>{"ams1 h1: sends \"h3=\\\":443\\\"; ma=2592000\""});
}

}  // namespace
}  // namespace lockstep::controller::edge

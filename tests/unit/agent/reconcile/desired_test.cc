#include "agent/reconcile/desired.h"

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>

#include "tests/unit/agent/reconcile/samples.h"

namespace lockstep::agent::reconcile {
namespace {

TEST(ParseDesiredTest, TakesEveryFieldOfEveryResource) {
  const Result<Desired> desired = ParseDesired(Parts().Build());
  ASSERT_TRUE(desired.ok()) << desired.status();
  EXPECT_EQ(desired->node.str(), "fra1");
  EXPECT_EQ(desired->pop.str(), "eu");
  EXPECT_EQ(desired->service_addresses,
            (std::vector<IpAddress>{Ip("203.0.113.10"), Ip("2001:db8:a::10")}));
  EXPECT_EQ(desired->node_addresses, std::vector<IpAddress>{Ip("10.77.2.2")});
  EXPECT_EQ(desired->account_thumbprint, std::string(43, 'A'));
  ASSERT_EQ(desired->sites.size(), 1u);
  const Site& site = desired->sites[0];
  EXPECT_EQ(site.hosts,
            (std::vector<Hostname>{Host("www.example.test"), Host("plain.example.test")}));
  EXPECT_EQ(site.secure_hosts, std::vector<Hostname>{Host("www.example.test")});
  EXPECT_EQ(std::get<Preset>(site.content).body, "hello from {node}");
  ASSERT_EQ(desired->certificates.size(), 1u);
  EXPECT_EQ(desired->certificates[0].key_pem, "key");
  EXPECT_EQ(desired->certificates[0].not_after, At(1'800'000'000));
}

TEST(ParseDesiredTest, LeavesTheNodeItselfOutOfItsPeers) {
  const Result<Desired> desired = ParseDesired(Parts().Build());
  ASSERT_TRUE(desired.ok());
  ASSERT_EQ(desired->peers.size(), 1u);
  EXPECT_EQ(desired->peers[0].node.str(), "ams1");
  EXPECT_EQ(desired->peers[0].addresses, std::vector<IpAddress>{Ip("10.77.1.2")});
}

TEST(ParseDesiredTest, IgnoresTypesItDoesNotKnow) {
  snapshot::Snapshot snapshot = Parts().Build();
  snapshot.Put({"edge_policy", "www"}, "\xff\xff not ours");
  EXPECT_TRUE(ParseDesired(snapshot).ok());
}

TEST(ParseDesiredTest, WantsTheFleetAndTheNode) {
  snapshot::Snapshot snapshot = Parts().Build();
  snapshot.Remove({"node", "node"});
  EXPECT_EQ(ParseDesired(snapshot).status(), InvalidArgument("snapshot has no resource node"));
  EXPECT_EQ(ParseDesired({}).status(), InvalidArgument("snapshot has no resource fleet"));
}

TEST(ParseDesiredTest, RefusesAResourceThatDoesNotParse) {
  snapshot::Snapshot snapshot = Parts().Build();
  snapshot.Put({"site", "www"}, "\xff\xff");
  EXPECT_EQ(ParseDesired(snapshot).status(),
            InvalidArgument("resource site \"www\": body does not parse"));
}

// One thing wrong, and the message for it.
struct Mistake {
  std::function<void(Parts&)> make;
  std::string message;
};

class ParseDesiredMistakeTest : public testing::TestWithParam<Mistake> {};

TEST_P(ParseDesiredMistakeTest, IsRefusedByName) {
  Parts parts;
  GetParam().make(parts);
  EXPECT_EQ(ParseDesired(parts.Build()).status(), InvalidArgument(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Fleet, ParseDesiredMistakeTest,
    testing::Values(
        Mistake{[](Parts& p) { p.fleet.set_service_addresses(1, "2001:db8::zz"); },
                "resource fleet: service_addresses[1]: \"2001:db8::zz\" is no IP address"},
        Mistake{[](Parts& p) { p.fleet.set_service_addresses(0, "0.0.0.0"); },
                "resource fleet: service_addresses[0]: 0.0.0.0 is no address of one machine that "
                "others reach"},
        Mistake{[](Parts& p) { p.fleet.set_service_addresses(0, "fe80::1"); },
                "resource fleet: service_addresses[0]: fe80::1 is no address of one machine that "
                "others reach"},
        Mistake{[](Parts& p) { p.fleet.add_service_addresses("::ffff:203.0.113.10"); },
                "resource fleet: service_addresses[2]: 203.0.113.10 is there twice"},
        Mistake{[](Parts& p) { p.fleet.set_account_thumbprint("AAAA"); },
                "resource fleet: account_thumbprint is no base64url SHA-256"},
        Mistake{[](Parts& p) { p.fleet.mutable_peers(1)->set_node("ams1"); },
                "resource fleet: peers[1]: node ams1 is there twice"},
        Mistake{[](Parts& p) { p.fleet.mutable_peers(0)->set_addresses(0, "x"); },
                "resource fleet: peers[0]: addresses[0]: \"x\" is no IP address"}));

INSTANTIATE_TEST_SUITE_P(
    Node, ParseDesiredMistakeTest,
    testing::Values(
        Mistake{[](Parts& p) { p.node.set_node("Fra 1"); },
                "resource node: node name \"Fra 1\" must be 1-63 of a-z, 0-9 and '-', not starting "
                "or ending with '-'"},
        Mistake{[](Parts& p) { p.node.set_pop(""); },
                "resource node: pop \"\" must be 1-63 of a-z, 0-9 and '-', not starting or ending "
                "with '-'"},
        Mistake{[](Parts& p) { p.node.add_addresses("203.0.113.10"); },
                "resource node: addresses: 203.0.113.10 is a service address too"}));

INSTANTIATE_TEST_SUITE_P(
    Site, ParseDesiredMistakeTest,
    testing::Values(
        Mistake{[](Parts& p) { p.site.set_name("other"); },
                "resource site \"www\": name: \"other\" is not the resource's name"},
        Mistake{[](Parts& p) {
                  p.site.clear_hosts();
                  p.site.clear_secure_hosts();
                },
                "resource site \"www\": hosts is empty"},
        Mistake{[](Parts& p) { p.site.set_hosts(1, "WWW.Example.test"); },
                "resource site \"www\": hosts[1]: \"WWW.Example.test\" is not in its A-label form "
                "www.example.test"},
        Mistake{[](Parts& p) { p.site.set_hosts(1, "www.example.test"); },
                "resource site \"www\": hosts[1]: www.example.test is there twice"},
        Mistake{[](Parts& p) { p.site.add_secure_hosts("a.example.test"); },
                "resource site \"www\": secure_hosts[1]: a.example.test is not in hosts"},
        Mistake{[](Parts& p) { p.site.add_secure_hosts("plain.example.test"); },
                "resource site \"www\": secure_hosts: plain.example.test has no certificate in the "
                "snapshot"},
        Mistake{[](Parts& p) { p.site.clear_content(); },
                "resource site \"www\": content is missing, or of a kind that this agent does not "
                "know"},
        Mistake{[](Parts& p) { p.site.mutable_preset()->set_status(199); },
                "resource site \"www\": preset.status: 199 is not within 200-599"},
        Mistake{[](Parts& p) { p.site.mutable_preset()->set_body(std::string(65537, 'x')); },
                "resource site \"www\": preset.body is longer than 64 KiB"},
        Mistake{[](Parts& p) { p.site.mutable_preset()->set_content_type("a\r\nX: y"); },
                "resource site \"www\": preset.content_type: \"a\\x0d\\x0aX: y\" is no header "
                "value"}));

INSTANTIATE_TEST_SUITE_P(
    Content, ParseDesiredMistakeTest,
    testing::Values(
        Mistake{[](Parts& p) { p.site.mutable_file_root()->set_path("srv/www"); },
                "resource site \"www\": file_root.path: \"srv/www\" must be an absolute path "
                "without '..'"},
        Mistake{[](Parts& p) { p.site.mutable_file_root()->set_path("/srv/.."); },
                "resource site \"www\": file_root.path: \"/srv/..\" must be an absolute path "
                "without '..'"},
        Mistake{[](Parts& p) { p.site.mutable_upstream(); },
                "resource site \"www\": upstream.servers is empty"},
        Mistake{[](Parts& p) { p.site.mutable_upstream()->add_servers("origin"); },
                "resource site \"www\": upstream.servers[0]: \"origin\" is no host:port"},
        Mistake{[](Parts& p) { p.site.mutable_upstream()->add_servers("{env.HOME}:80"); },
                "resource site \"www\": upstream.servers[0]: \"{env.HOME}:80\" is no host:port"},
        Mistake{[](Parts& p) { p.site.mutable_upstream()->add_servers("origin:65536"); },
                "resource site \"www\": upstream.servers[0]: \"origin:65536\" is no host:port"}));

INSTANTIATE_TEST_SUITE_P(
    Certificate, ParseDesiredMistakeTest,
    testing::Values(
        Mistake{[](Parts& p) { p.certificate.set_revision(0); },
                "resource certificate \"www\": revision is missing"},
        Mistake{[](Parts& p) { p.certificate.clear_chain_pem(); },
                "resource certificate \"www\": chain_pem is missing"},
        Mistake{[](Parts& p) { p.certificate.set_key_pem(std::string(16385, 'k')); },
                "resource certificate \"www\": key_pem is longer than 16 KiB"},
        Mistake{[](Parts& p) { p.certificate.clear_not_after(); },
                "resource certificate \"www\": not_after is missing or out of range"},
        Mistake{[](Parts& p) { p.certificate.mutable_not_after()->set_seconds(INT64_MAX); },
                "resource certificate \"www\": not_after is missing or out of range"},
        Mistake{[](Parts& p) { p.certificate.set_leaf_sha256(std::string(64, 'A')); },
                "resource certificate \"www\": leaf_sha256 is not 64 lower-case hex digits"},
        Mistake{[](Parts& p) { p.certificate.set_hosts(0, "*.example.test"); },
                "resource certificate \"www\": hosts[0]: host name \"*.example.test\" is a "
                "wildcard; HTTP-01 cannot prove wildcards, list each name"}));

TEST(ParseDesiredTest, RefusesOneHostInTwoSites) {
  Parts parts;
  snapshot::Snapshot snapshot = parts.Build();
  parts.site.set_name("zzz");
  snapshot.Put({"site", "zzz"}, parts.site.SerializeAsString());
  EXPECT_EQ(ParseDesired(snapshot).status(),
            InvalidArgument("resource site \"zzz\": hosts: www.example.test belongs to site "
                            "\"www\" too"));
}

TEST(ParseDesiredTest, ErrorsNeverHoldAKey) {
  Parts parts;
  parts.certificate.set_key_pem("-----BEGIN PRIVATE KEY-----");
  parts.certificate.set_leaf_sha256("nonsense");
  EXPECT_EQ(ParseDesired(parts.Build()).status().message().find("PRIVATE"), std::string::npos);
}

RC_GTEST_PROP(ParseDesiredProperty, NeverFailsButWithAStatusOnDamagedBodies, (std::string noise)) {
  const google::protobuf::LogSilencer silencer;  // it names every string that is no UTF-8
  snapshot::Snapshot snapshot = Parts().Build();
  const std::string type = *rc::gen::element<std::string>("fleet", "node", "site", "certificate");
  const std::string name = type == "fleet" || type == "node" ? type : "www";
  std::string body = *snapshot.Find({type, name})->body;
  const auto at = *rc::gen::inRange<size_t>(0, body.size());
  body.replace(at, std::min(noise.size(), body.size() - at), noise);
  snapshot.Put({type, name}, body);
  const Result<Desired> desired = ParseDesired(snapshot);
  RC_ASSERT(desired.ok() || desired.status().code() == Code::kInvalidArgument);
}

TEST(CertificateByHostTest, PrefersTheOneThatLastsLongest) {
  Desired desired;
  Certificate older{"b", 7, {Host("a.example"), Host("b.example")}, "", "", "older", At(100)};
  Certificate newer{"a", 1, {Host("a.example")}, "", "", "newer", At(200)};
  desired.certificates = {newer, older};
  const auto by_host = CertificateByHost(desired);
  EXPECT_EQ(by_host.at(Host("a.example"))->leaf_sha256, "newer");
  EXPECT_EQ(by_host.at(Host("b.example"))->leaf_sha256, "older");
  EXPECT_FALSE(by_host.contains(Host("c.example")));
}

}  // namespace
}  // namespace lockstep::agent::reconcile

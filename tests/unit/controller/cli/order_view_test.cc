// Orders: following one, and the page that shows everything.
#include <gmock/gmock.h>

#include "controller/cli/words.h"
#include "tests/unit/controller/cli/fake_admin.h"

namespace lockstep::controller::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class OrderViewTest : public CliTest {
 protected:
  v1::Order MakeOrder(v1::Order::State state) const {
    v1::Order order;
    order.set_id("o-3f2a91c04be7d512");
    order.set_certificate("www.example.test");
    order.add_hosts("www.example.test");
    order.add_hosts("xn--bcher-kva.example");
    order.set_state(state);
    order.set_reason("operator");
    Set(order.mutable_created_at(), 0);
    return order;
  }
  void AddStep(v1::Order& order, const std::string& what, double at,
               const std::string& detail = "") const {
    auto& step = *order.add_steps();
    step.set_what(what);
    step.set_detail(detail);
    Set(step.mutable_at(), at);
  }
  void AddProof(google::protobuf::RepeatedPtrField<v1::NodeProof>* proofs, const std::string& node,
                const std::string& observer, types::v1::ProbeKind kind, const std::string& address,
                double at, const std::string& problem = "",
                const std::string& host = "www.example.test") const {
    auto& proof = *proofs->Add();
    proof.set_node(node);
    proof.set_observer(observer);
    proof.mutable_observation()->set_kind(kind);
    proof.mutable_observation()->set_host(host);
    proof.mutable_observation()->set_address(address);
    Set(proof.mutable_observation()->mutable_observed_at(), at);
    proof.set_good(problem.empty());
    proof.set_problem(problem);
  }
};

TEST_F(OrderViewTest, IssueWaitShowsEachStepOnceAndEndsWithTheResult) {
  *admin.issued.mutable_order() = MakeOrder(v1::Order::STATE_QUEUED);
  v1::Order order = MakeOrder(v1::Order::STATE_ORDERING);
  AddStep(order, "certbot started", 0.005);
  admin.watched.push_back(order);
  order.set_state(v1::Order::STATE_BARRIER);
  AddStep(order, "challenges received", 1.25, "2 names");
  admin.watched.push_back(order);
  order.set_state(v1::Order::STATE_DONE);
  order.set_serial("0a1b2c3d");
  Set(order.mutable_ended_at(), 3.42);
  admin.watched.push_back(order);
  *admin.order.mutable_order() = order;
  const Ran ran = Run({"cert", "issue", "--wait", "www.example.test", "bücher.example"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(admin.last_issue.hosts(1), "bücher.example");
  EXPECT_EQ(ran.err,
            "order o-3f2a91c04be7d512\n"
            "20:00:00.005     +5 ms  certbot started\n"
            "20:00:01.250   +1.25 s  challenges received  2 names\n");
  EXPECT_EQ(ran.out,
            "✓ www.example.test, bücher.example (xn--bcher-kva.example): on every node after "
            "3.42 s, serial 0a1b2c3d\n");
}

TEST_F(OrderViewTest, AWaitThatRunsOutNamesWhoIsMissingAndWhatWasLastSeenOfThem) {
  admin.watch_is_endless = true;
  v1::Order order = MakeOrder(v1::Order::STATE_ROLLING_OUT);
  AddStep(order, "certificate stored", 4.5, "serial 0a1b, generation 7");
  order.add_missing("ams1: TLS certificate for www.example.test on 203.0.113.10: timed out");
  order.add_missing("ams1: and 3 more");
  order.add_missing("fra1: is not connected and counts as announcing");
  order.add_missing("nyc1: is not connected and counts as announcing");
  auto* challenges = order.mutable_challenge_proofs();
  auto* certificates = order.mutable_certificate_proofs();
  using types::v1::PROBE_KIND_CHALLENGE;
  using types::v1::PROBE_KIND_TLS;
  AddProof(certificates, "ams1", "ams1", PROBE_KIND_TLS, "203.0.113.10", 5, "timed out");
  AddProof(challenges, "ams1", "ams1", PROBE_KIND_CHALLENGE, "203.0.113.10", 1.4);
  AddProof(challenges, "fra1", "ams1", PROBE_KIND_CHALLENGE, "10.77.2.2", 1.6);
  *admin.order.mutable_order() = order;
  const Ran ran = Run({"order", "show", "--wait", "--timeout", "0", order.id()});
  EXPECT_EQ(ran.code, static_cast<int>(ExitCode::kDeclined));
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_EQ(
      ran.err,
      "order o-3f2a91c04be7d512\n"
      "20:00:04.500   +4.50 s  certificate stored  serial 0a1b, generation 7\n"
      "lockstep: order o-3f2a91c04be7d512 is not done after 0 us (state: rolling out); it goes on\n"
      "  ams1: TLS certificate for www.example.test on 203.0.113.10: timed out\n"
      "  ams1: and 3 more\n"
      "    last seen at 20:00:05.000: tls www.example.test on 203.0.113.10: timed out\n"
      "  fra1: is not connected and counts as announcing\n"
      "    last seen at 20:00:01.600: http www.example.test on 10.77.2.2, seen by ams1: good\n"
      "  nyc1: is not connected and counts as announcing\n"
      "    nothing was seen of it\n"
      "look again: lockstep order show o-3f2a91c04be7d512\n");
}

TEST_F(OrderViewTest, AnOrderThatEndsAsTheWaitRunsOutHasItsResult) {
  admin.watch_is_endless = true;
  *admin.issued.mutable_order() = MakeOrder(v1::Order::STATE_QUEUED);
  v1::Order order = MakeOrder(v1::Order::STATE_DONE);
  Set(order.mutable_ended_at(), 3.42);
  *admin.order.mutable_order() = order;
  const Ran ran = Run({"cert", "issue", "--wait", "--timeout", "0", "www.example.test"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "order o-3f2a91c04be7d512\n");
  EXPECT_THAT(ran.out, HasSubstr("on every node after 3.42 s"));
}

TEST_F(OrderViewTest, WaitingDoesNotChangeTheShapeOfTheJson) {
  v1::Order order = MakeOrder(v1::Order::STATE_DONE);
  Set(order.mutable_ended_at(), 3.42);
  *admin.issued.mutable_order() = order;
  *admin.order.mutable_order() = order;
  admin.watched.push_back(order);
  const std::string shown = Run({"-o", "json", "order", "show", order.id()}).out;
  EXPECT_THAT(shown, HasSubstr("\"order\""));
  EXPECT_EQ(Run({"-o", "json", "order", "show", "--wait", order.id()}).out, shown);
  EXPECT_EQ(Run({"-o", "json", "cert", "issue", "--wait", "www.example.test"}).out, shown);
}

TEST_F(OrderViewTest, AWaitLastsAsLongAsItWasToldAndElseAQuarterOfAnHour) {
  *admin.issued.mutable_order() = MakeOrder(v1::Order::STATE_QUEUED);
  *admin.order.mutable_order() = MakeOrder(v1::Order::STATE_DONE);
  admin.watched.push_back(admin.order.order());
  const auto about = [](int seconds) {  // gRPC rounds on the way
    return AllOf(::testing::Gt(Seconds(seconds - 30)), ::testing::Lt(Seconds(seconds + 30)));
  };
  EXPECT_EQ(Run({"cert", "issue", "--wait", "www.example.test"}).code, 0);
  EXPECT_THAT(admin.watch_limit, about(900));
  EXPECT_EQ(Run({"cert", "issue", "--wait", "--timeout", "50", "www.example.test"}).code, 0);
  EXPECT_THAT(admin.watch_limit, about(50));
  EXPECT_EQ(Run({"order", "show", "--wait", admin.order.order().id()}).code, 0);
  EXPECT_THAT(admin.watch_limit, about(900));
  EXPECT_EQ(Run({"order", "show", "--wait", "--timeout", "50", admin.order.order().id()}).code, 0);
  EXPECT_THAT(admin.watch_limit, about(50));
}

TEST_F(OrderViewTest, WithoutWaitItPrintsTheOrdersIdAlone) {
  *admin.issued.mutable_order() = MakeOrder(v1::Order::STATE_QUEUED);
  const Ran ran = Run({"cert", "issue", "www.example.test"});
  EXPECT_EQ(ran.out, "o-3f2a91c04be7d512\n");
}

TEST_F(OrderViewTest, ADeclinedOrderSaysWhatWasMissing) {
  *admin.issued.mutable_order() = MakeOrder(v1::Order::STATE_QUEUED);
  v1::Order order = MakeOrder(v1::Order::STATE_FAILED);
  order.set_error("the barrier did not open within 30 s");
  order.add_missing("fra1: challenge for www.example.test not proved on 203.0.113.10 (timed out)");
  admin.watched.push_back(order);
  *admin.order.mutable_order() = order;
  const Ran ran = Run({"cert", "issue", "--wait", "www.example.test"});
  EXPECT_EQ(ran.code, static_cast<int>(ExitCode::kDeclined));
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, AllOf(HasSubstr("lockstep: the barrier did not open within 30 s\n"),
                             HasSubstr("  fra1: challenge for www.example.test not proved"),
                             HasSubstr("lockstep order show o-3f2a91c04be7d512")));
}

TEST_F(OrderViewTest, AnOrderThatTheCaRefusedHasFailedAndQuotesIt) {
  v1::Order order = MakeOrder(v1::Order::STATE_FAILED);
  order.set_error("the CA refused");
  order.set_ca_error("urn:ietf:params:acme:error:rejectedIdentifier");
  admin.watched.push_back(order);
  *admin.order.mutable_order() = order;
  const Ran ran = Run({"order", "show", "--wait", "o-3f2a91c04be7d512"});
  EXPECT_EQ(ran.code, static_cast<int>(ExitCode::kFailed));
  EXPECT_THAT(ran.err, HasSubstr("the CA says: urn:ietf:params:acme:error:rejectedIdentifier"));
}

TEST_F(OrderViewTest, ShowIsThePictureOfAnOrder) {
  v1::Order order = MakeOrder(v1::Order::STATE_FAILED);
  Set(order.mutable_ended_at(), 31);
  order.set_error("the barrier did not open within 30 s");
  AddStep(order, "certbot started", 0.005);
  AddStep(order, "challenges received", 1.25, "2 names");
  order.add_missing("fra1: challenge for www.example.test not proved on 203.0.113.10 (timed out)");
  order.add_rehearsal("www.example.test 203.0.113.10: right answer in 3 ms");
  using types::v1::PROBE_KIND_CHALLENGE;
  auto* proofs = order.mutable_challenge_proofs();
  for (const char* host : {"www.example.test", "xn--bcher-kva.example"}) {
    AddProof(proofs, "ams1", "ams1", PROBE_KIND_CHALLENGE, "203.0.113.10", 1.4, "", host);
    AddProof(proofs, "ams1", "ams1", PROBE_KIND_CHALLENGE, "2001:db8:a::10", 1.41, "", host);
    AddProof(proofs, "ams1", "fra1", PROBE_KIND_CHALLENGE, "10.77.1.2", 1.6, "", host);
  }
  AddProof(proofs, "fra1", "fra1", PROBE_KIND_CHALLENGE, "203.0.113.10", 3.4,
           "timed out after 2 s");
  *admin.order.mutable_order() = order;
  const Ran ran = Run({"order", "show", order.id()});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(
      ran.out,
      "order        o-3f2a91c04be7d512\n"
      "names        www.example.test, bücher.example (xn--bcher-kva.example)\n"
      "certificate  www.example.test\n"
      "state        ✗ failed in 31.00 s\n"
      "because      operator\n"
      "error        the barrier did not open within 30 s\n"
      "\n"
      "TIME LINE\n"
      "  TIME          AFTER    STEP\n"
      "  20:00:00.005  +5 ms    certbot started\n"
      "  20:00:01.250  +1.24 s  challenges received  2 names\n"
      "\n"
      "WHAT WAS MISSING\n"
      "  ✗ fra1: challenge for www.example.test not proved on 203.0.113.10 (timed out)\n"
      "\n"
      "CHALLENGES, SEEN ON THE WIRE\n"
      "  NODE  BY    ITSELF v4      ITSELF v6      OTHERS v4      OTHERS v6  NAMES\n"
      "  ams1  http  ✓ 2/2 +1.40 s  ✓ 2/2 +1.41 s  ✓ 2/2 +1.60 s  -          2 names\n"
      "  fra1  http  ✗ +3.40 s      -              -              -          www.example.test\n"
      "  ✗ fra1: http www.example.test on 203.0.113.10: timed out after 2 s\n"
      "\n"
      "REHEARSAL\n"
      "  www.example.test 203.0.113.10: right answer in 3 ms\n")
      << ran.out;
}

TEST_F(OrderViewTest, ManyNamesOnManyNodesStayReadable) {
  v1::Order order = MakeOrder(v1::Order::STATE_DONE);
  Set(order.mutable_ended_at(), 4);
  for (int node = 0; node < 10; ++node) {
    const std::string name = "node" + std::to_string(node);
    for (int host = 0; host < 10; ++host) {
      const std::string site = "h" + std::to_string(host) + ".example.test";
      for (const auto kind : {types::v1::PROBE_KIND_TLS, types::v1::PROBE_KIND_QUIC}) {
        AddProof(order.mutable_certificate_proofs(), name, name, kind, "203.0.113.10", 3.5, "",
                 site);
        AddProof(order.mutable_certificate_proofs(), name, "node0", kind, "10.77.1.2", 3.7, "",
                 site);
      }
    }
  }
  *admin.order.mutable_order() = order;
  const Ran ran = Run({"order", "show", order.id()});
  std::istringstream lines(ran.out);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_LE(DisplayWidth(line), kMaxColumns) << line;
  }
  EXPECT_LE(count, 40) << ran.out;
}

TEST_F(OrderViewTest, ForeignWordsCannotDriveTheTerminal) {
  v1::Order order = MakeOrder(v1::Order::STATE_FAILED);
  order.set_ca_error("\x1b]0;owned\x07");
  *admin.order.mutable_order() = order;
  const Ran ran = Run({"order", "show", order.id()});
  EXPECT_EQ(ran.out.find('\x1b'), std::string::npos);
  EXPECT_THAT(ran.out, HasSubstr("\\x1b]0;owned\\x07"));
}

}  // namespace
}  // namespace lockstep::controller::cli

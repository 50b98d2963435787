#include "agent/witness/witness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_driver.h"
#include "tests/fakes/fake_publisher.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/settle.h"

namespace lockstep::agent::witness {
namespace {

using ::testing::HasSubstr;

class WitnessTest : public ::testing::Test {
 protected:
  ~WitnessTest() override { pool.Stop(); }
  static v1::WitnessRequest Request(const std::string& host = "www.example.test") {
    v1::WitnessRequest request;
    request.set_request_id(7);
    request.set_subject("ams1");
    request.mutable_deadline()->set_seconds(5);
    v1::WitnessTarget* target = request.add_targets();
    target->set_kind(types::v1::PROBE_KIND_TLS);
    target->set_address("10.77.1.2");
    target->set_host(host);
    return request;
  }
  Knowledge Known() const { return {&desired, {{"new.example.test", std::string(22, 't')}}}; }
  v1::WitnessReport Ask(const v1::WitnessRequest& request) { return Ask(request, Known()); }
  v1::WitnessReport Ask(const v1::WitnessRequest& request, const Knowledge& knowledge) {
    std::optional<v1::WitnessReport> report;
    witness.OnRequest(request, knowledge, [&](const auto& given) { report = given; });
    EXPECT_TRUE(fakes::RunUntil(strand, [&] { return report.has_value(); }));
    return report.value_or(v1::WitnessReport());
  }

  const fakes::FakePublisher publisher;
  const reconcile::Desired desired = *reconcile::ParseDesired(publisher.MakeSnapshot({{}}));
  fakes::FakeClock clock;
  fakes::ManualExecutor strand{clock};
  task::WorkerPool pool{"witness", 2};
  fakes::FakeDriver driver;
  fakes::FakeObserver observer{driver, "/nonexistent"};
  Witness witness{strand, pool, observer, publisher.node()};
};

TEST_F(WitnessTest, AnswersWithOneObservationForEachTargetInOrder) {
  v1::WitnessRequest request = Request();
  v1::WitnessTarget* challenge = request.add_targets();
  challenge->set_kind(types::v1::PROBE_KIND_CHALLENGE);
  challenge->set_address("10.77.1.2");
  challenge->set_host("new.example.test");
  challenge->set_token(std::string(22, 't'));
  const v1::WitnessReport report = Ask(request);
  EXPECT_EQ(report.request_id(), 7u);
  EXPECT_EQ(report.refused(), "");
  ASSERT_EQ(report.observations_size(), 2);
  EXPECT_EQ(report.observations(0).kind(), types::v1::PROBE_KIND_TLS);
  EXPECT_EQ(report.observations(1).http().status(), 404u);
}

TEST_F(WitnessTest, ANameWithACertificateAndNoSiteIsTheFleets) {
  reconcile::Desired more = desired;
  reconcile::Certificate early;
  early.hosts = {*Hostname::Parse("early.example.test")};
  more.certificates.push_back(early);
  const v1::WitnessRequest request = Request("early.example.test");
  EXPECT_THAT(Ask(request).refused(), HasSubstr("neither served here nor in the live lane"));
  EXPECT_EQ(Ask(request, {&more, {}}).refused(), "");
}

// A new site is on the first nodes of a rollout before the witnesses have heard of it.
TEST_F(WitnessTest, AsksForTheMarkOfASiteThatItDoesNotKnow) {
  v1::WitnessRequest request = Request("brand-new.example.test");
  request.mutable_targets(0)->set_kind(types::v1::PROBE_KIND_SITE);
  request.mutable_targets(0)->set_token(std::string(32, 'a'));
  const v1::WitnessReport report = Ask(request);
  EXPECT_EQ(report.refused(), "");
  ASSERT_EQ(report.observations_size(), 1);
  EXPECT_EQ(report.observations(0).token(), std::string(32, 'a'));
  // Under the path of the marks, and nowhere else.
  for (const std::string& token : {std::string(), std::string(31, 'a'), std::string(32, 'A'),
                                   "../../../" + std::string(23, 'a')}) {
    request.mutable_targets(0)->set_token(token);
    EXPECT_THAT(Ask(request).refused(), HasSubstr("site mark")) << token;
  }
  request.mutable_targets(0)->set_token(std::string(32, 'a'));
  request.mutable_targets(0)->set_address("203.0.113.10");
  EXPECT_THAT(Ask(request).refused(), HasSubstr("203.0.113.10 is no address of ams1"));
}

TEST_F(WitnessTest, RefusesWhatIsNotTheFleets) {
  const auto refused = [&](const std::function<void(v1::WitnessRequest&)>& change) {
    v1::WitnessRequest request = Request();
    change(request);
    const int before = observer.looks();
    const v1::WitnessReport report = Ask(request);
    EXPECT_EQ(report.observations_size(), 0);
    EXPECT_EQ(observer.looks(), before);
    return report.refused();
  };
  EXPECT_EQ(refused([](auto& r) { r.set_subject("fra1"); }), "a node is no witness of itself");
  EXPECT_THAT(refused([](auto& r) { r.set_subject("nyc9"); }), HasSubstr("is no peer"));
  EXPECT_THAT(refused([](auto& r) { r.mutable_targets(0)->set_address("203.0.113.10"); }),
              HasSubstr("203.0.113.10 is no address of ams1"));
  EXPECT_THAT(refused([](auto& r) { r.mutable_targets(0)->set_address("::1"); }),
              HasSubstr("::1 is no address of ams1"));
  EXPECT_THAT(refused([](auto& r) { r.mutable_targets(0)->set_host("evil.example.test"); }),
              HasSubstr("neither served here nor in the live lane"));
  EXPECT_THAT(refused([](auto& r) {
                r.mutable_targets(0)->set_kind(types::v1::PROBE_KIND_CHALLENGE);
                r.mutable_targets(0)->set_token("../secret");
              }),
              HasSubstr("targets[0]"));
  EXPECT_THAT(
      refused([](auto& r) { r.mutable_targets(0)->set_kind(types::v1::PROBE_KIND_UNSPECIFIED); }),
      HasSubstr("kind is not known"));
  EXPECT_EQ(refused([](auto& r) { r.clear_targets(); }), "targets must be 1 to 256, not 0");
  EXPECT_EQ(refused([](auto& r) {
              while (r.targets_size() < 257) *r.add_targets() = r.targets(0);
            }),
            "targets must be 1 to 256, not 257");
  EXPECT_EQ(refused([](auto& r) { r.clear_deadline(); }), "deadline is missing");
}

TEST_F(WitnessTest, WithoutASnapshotEverythingIsRefused) {
  EXPECT_EQ(Ask(Request(), {}).refused(), "this node has no snapshot yet");
}

TEST_F(WitnessTest, MakesOnlySoManyLooks) {
  v1::WitnessRequest request = Request();
  while (request.targets_size() < 256) *request.add_targets() = request.targets(0);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(Ask(request).refused(), "");
  EXPECT_THAT(Ask(request).refused(), HasSubstr("more looks than this witness makes"));
  clock.Advance(Seconds(1));
  EXPECT_EQ(Ask(request).refused(), "");
}

}  // namespace
}  // namespace lockstep::agent::witness

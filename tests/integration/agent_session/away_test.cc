// The controller is away for seven days, on a clock that the test turns: the node reconnects
// unaided.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "agent/session/client.h"
#include "agent/session/renewal.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/settle.h"
#include "tests/integration/agent_session/rig.h"

namespace lockstep::agent::app {
namespace {

constexpr std::chrono::hours kSevenDays(24 * 7);
// The wire takes real time, in which the test's clock may have been turned by minutes.
constexpr session::ClientSettings kPatient{.welcome_deadline = std::chrono::hours(1)};

// Knows the client's failures by the timers of the next try, which nothing else sets so short.
class CountingStrand final : public fakes::ManualExecutor {
 public:
  using ManualExecutor::ManualExecutor;
  task::TimerId PostAfter(Micros delay, task::Work work) override {
    if (delay <= Seconds(30)) ++failures;
    return ManualExecutor::PostAfter(delay, std::move(work));
  }
  int failures = 0;
};

// What the client is asked and told.
class Ear final : public session::ClientEvents {
 public:
  v1::Hello MakeHello() override {
    ++tries;
    return {};
  }
  void OnWelcome(const v1::Welcome&) override { ++welcomes; }
  void OnMessage(v1::ControllerMessage) override {}
  void OnDisconnected(const Status&) override { ++disconnected; }
  int tries = 0, welcomes = 0, disconnected = 0;
};

class AwayTest : public ::testing::Test {
 protected:
  AwayTest() {
    rig.StartController();
    rig.GiveIdentity();
    auto opened = state::IdentityStore::Open(rig.directory / "agent/identity");
    EXPECT_TRUE(opened.ok()) << opened.status();
    store.emplace(*std::move(opened));
    auto made = session::ControllerLink::Open(
        {rig.agents, "lockstep-controller"},
        {store->CertificatePath(), store->KeyPath(), store->CaPath()});
    EXPECT_TRUE(made.ok()) << made.status();
    link = *std::move(made);
    client.emplace(strand, *link, ear, /*jitter_seed=*/7, kPatient);
  }
  ~AwayTest() override {
    bool stopped = false;
    client->Stop([&] { stopped = true; });
    EXPECT_TRUE(Until([&] { return stopped; }));
    worker.Stop();
  }
  bool Until(const std::function<bool()>& done) { return fakes::RunUntil(strand, done); }
  // In real time: whatever try is under way has failed, or got through.
  void EndOfTry() {
    ASSERT_TRUE(Until([&] { return client->connected() || strand.failures == ear.tries; }));
  }
  // What the worker was given has ended, and its news is known.
  void EndOfErrands() {
    std::atomic<bool> ended = false;
    worker.Post([&](const std::stop_token&) { strand.Post([&] { ended = true; }); });
    ASSERT_TRUE(Until([&] { return ended.load(); }));
  }
  // Half a minute passes, in which a try must begin.
  void TryOnce() {
    const int before = ear.tries;
    strand.AdvanceBy(Seconds(30));
    ASSERT_GT(ear.tries, before);
    ASSERT_NO_FATAL_FAILURE(EndOfTry());
  }

  fakes::FakeClock clock{Clock::System().Now()};
  CountingStrand strand{clock};
  Ear ear;
  Rig rig;
  std::optional<state::IdentityStore> store;
  std::unique_ptr<session::ControllerLink> link;
  task::WorkerPool worker{"errand", 1};
  std::optional<session::Client> client;
  std::optional<session::Renewal> renewal;
};

TEST_F(AwayTest, AfterSevenDaysWithoutAControllerTheNodeReconnectsUnaided) {
  client->Start();
  ASSERT_NO_FATAL_FAILURE(EndOfTry());
  ASSERT_TRUE(client->connected());
  rig.StopController();
  ASSERT_TRUE(Until([&] { return ear.disconnected == 1; }));
  // However often it has failed, the next try comes within half a minute.
  for (int failed = 0; failed < 20; ++failed) ASSERT_NO_FATAL_FAILURE(TryOnce());
  strand.AdvanceBy(kSevenDays);
  ASSERT_NO_FATAL_FAILURE(EndOfTry());
  ASSERT_FALSE(client->connected());
  rig.StartController();
  TryOnce();
  EXPECT_TRUE(client->connected());
  EXPECT_EQ(ear.welcomes, 2);
}

TEST_F(AwayTest, AnIdentityThatIsSevenDaysOldOpensTheStreamAndIsRenewedOverIt) {
  const std::string before = store->Get()->certificate.SerialHex();
  rig.StopController();
  renewal.emplace(strand, worker, *link, *store, /*jitter_seed=*/7);
  client->Start();
  renewal->Start();
  strand.AdvanceBy(kSevenDays);
  ASSERT_NO_FATAL_FAILURE(EndOfTry());
  ASSERT_NO_FATAL_FAILURE(
      EndOfErrands());  // else one that began in these days may reach the new controller
  EXPECT_EQ(store->Get()->certificate.SerialHex(), before) << "there was nobody to renew it";
  rig.StartController();
  TryOnce();
  ASSERT_TRUE(client->connected());
  // The next look at its age is at most fifty minutes away: no restart, no operator.
  strand.AdvanceBy(std::chrono::minutes(50));
  ASSERT_TRUE(Until([&] { return store->Get()->certificate.SerialHex() != before; }));
  EXPECT_EQ(rig.domain.renewals, 1);
  EXPECT_TRUE(client->connected());
  EXPECT_EQ(ear.welcomes, 1);
}

}  // namespace
}  // namespace lockstep::agent::app

// A whole agent and the listeners of a controller whose domain is a script.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "agent/app/agent.h"
#include "agent/state/identity.h"
#include "common/fsutil/files.h"
#include "common/rpc/settings.h"
#include "common/task/strand.h"
#include "controller/session/agent_server.h"
#include "tests/fakes/fake_driver.h"
#include "tests/fakes/fake_publisher.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::agent::app {

// Keeps every message of the node.
class ScriptedDomain final : public controller::link::AgentEvents,
                             public controller::session::IdentityIssuer,
                             public controller::session::ChallengeLookup {
 public:
  explicit ScriptedDomain(fakes::FakePublisher& publisher) : publisher_(publisher) {}

  Result<v1::Welcome> OnHello(const NodeName&, uint64_t, const v1::Hello& hello) override {
    {
      const std::lock_guard lock(mutex_);
      hellos_.push_back(hello);
      changed_.notify_all();
    }
    if (on_hello) on_hello();
    v1::Welcome welcome;
    welcome.mutable_epoch()->set_counter(1);
    welcome.mutable_heartbeat_interval()->set_nanos(200'000'000);
    welcome.set_controller_version("test");
    return welcome;
  }
  void OnMessage(const NodeName&, uint64_t, const v1::AgentMessage& message) override {
    const std::lock_guard lock(mutex_);
    messages_.push_back(message);
    changed_.notify_all();
  }
  void OnClosed(const NodeName&, uint64_t, const Status&) override { ++closed; }

  void Enroll(const NodeName& node, const std::string&, crypto::Secret secret,
              const std::string& csr_pem, Done done) override {
    ++enrolments;
    if (secret.Reveal() != kSecret || node != publisher_.node()) {
      return done(Unauthenticated("the join token is not valid"));
    }
    if (lose_replies.exchange(false)) return done(Unavailable("lost"));
    Give(csr_pem, done);
  }
  void Renew(const NodeName&, const std::string& csr_pem, Done done) override {
    ++renewals;
    Give(csr_pem, done);
  }
  Result<std::string> Get(const NodeName&, const Hostname&, const ChallengeToken& token) override {
    ++fetched;
    return token.str() + "." + fakes::FakePublisher::Thumbprint();
  }

  // The first message, from the `from`-th on, for which `wanted` holds; fails the test after 10 s.
  v1::AgentMessage WaitFor(const std::function<bool(const v1::AgentMessage&)>& wanted,
                           size_t from = 0) {
    std::unique_lock lock(mutex_);
    v1::AgentMessage found;
    const bool came = changed_.wait_for(lock, Seconds(10), [&] {
      for (size_t i = from; i < messages_.size(); ++i) {
        if (wanted(messages_[i])) return found = messages_[i], true;
      }
      return false;
    });
    EXPECT_TRUE(came) << "no such message came; " << messages_.size() << " others, "
                      << hellos_.size() << " hellos, " << closed << " streams closed";
    return found;
  }
  v1::Ack WaitForAck(uint64_t push_id, size_t from = 0) {
    return WaitFor([&](const auto& m) { return m.has_ack() && m.ack().push_id() == push_id; }, from)
        .ack();
  }
  v1::Hello WaitForHello(size_t count) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, Seconds(10), [&] { return hellos_.size() >= count; });
    EXPECT_TRUE(came) << "no hello came";
    return came ? hellos_[count - 1] : v1::Hello();
  }
  size_t count() {
    const std::lock_guard lock(mutex_);
    return messages_.size();
  }

  static constexpr char kSecret[] = "c2VjcmV0LXNlY3JldC1zZWNyZXQtMjQt";
  std::function<void()> on_hello;
  std::atomic<bool> lose_replies{false};
  std::atomic<int> enrolments{0}, renewals{0}, fetched{0}, closed{0};

 private:
  void Give(const std::string& csr_pem, const Done& done) {
    const auto csr = crypto::ParseCsr(csr_pem);
    if (!csr.ok()) return done(csr.status());
    const crypto::Certificate certificate = publisher_.Issue(csr->public_key, false);
    done(Identity{certificate.Pem(), publisher_.ca().Pem(), *PopName::Parse("fra"),
                  certificate.NotAfter()});
  }

  fakes::FakePublisher& publisher_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<v1::AgentMessage> messages_;  // guarded by mutex_
  std::vector<v1::Hello> hellos_;           // guarded by mutex_
};

class Rig {
 public:
  Rig() {
    const crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
    std::ofstream(directory / "server.key") << key.ToPem().Reveal();
    std::ofstream(directory / "server.pem")
        << publisher.Issue(key.Public(), true).Pem() << publisher.ca().Pem();
    std::ofstream(directory / "ca.pem") << publisher.ca().Pem();
  }
  ~Rig() {
    agent.reset();
    server.reset();
    if (strand) strand->Stop();
  }

  // On the port of before, if there was one.
  void StartController() {
    strand = std::make_unique<task::Strand>("state");
    sessions = std::make_unique<controller::session::Sessions>(
        controller::session::Sessions::Options{}, *strand);
    sessions->Serve(domain, [](const NodeName&) { return false; });
    controller::session::AgentServer::Options options;
    options.agents = agents;
    options.enrollment = enrollment;
    options.files = {directory / "server.pem", directory / "server.key", directory / "ca.pem"};
    options.enrolling.delay_on_failure = Millis(1);
    auto started =
        controller::session::AgentServer::Start(options, gate, *sessions, domain, domain, *strand);
    ASSERT_TRUE(started.ok()) << started.status();
    server = *std::move(started);
    agents = server->agents();
    enrollment = server->enrollment();
  }
  void StopController() {
    server->Stop();
    server.reset();
    strand->Stop();
    sessions.reset();
    strand.reset();
  }

  // As after an enrolment.
  void GiveIdentity(WallTime not_before = Clock::System().Now() - Seconds(60)) {
    const crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
    ASSERT_TRUE(fsutil::MakePrivateDirectory(directory / "agent").ok());
    auto store = state::IdentityStore::Open(directory / "agent/identity");
    ASSERT_TRUE(store.ok()) << store.status();
    const auto installed =
        store->Install(key, publisher.Issue(key.Public(), false, not_before).Pem(),
                       publisher.ca().Pem(), Clock::System().Now());
    ASSERT_TRUE(installed.ok()) << installed.status();
  }

  Config MakeConfig() const {
    Config config;
    config.state_dir = directory / "agent";
    config.session = agents;
    config.enroll = enrollment;
    config.controller_name = "lockstep-controller";
    config.addresses = {*IpAddress::Parse("10.77.2.2")};
    config.challenge_directory = directory / "challenges";
    config.miss_socket = directory / "miss.sock";
    config.soak = Millis(100);
    return config;
  }

  void StartAgent() {
    auto fake = std::make_unique<fakes::FakeDriver>();
    driver = fake.get();
    auto eyes = std::make_unique<fakes::FakeObserver>(*driver, directory / "challenges");
    observer = eyes.get();
    Surroundings around;
    around.driver = std::move(fake);
    around.observer = std::move(eyes);
    auto created = Agent::Create(MakeConfig(), std::move(around));
    ASSERT_TRUE(created.ok()) << created.status();
    agent = *std::move(created);
    ASSERT_TRUE(agent->Start().ok());
  }

  void Push(const v1::Push& push) {
    v1::ControllerMessage message;
    *message.mutable_push() = push;
    sessions->Push(publisher.node(),
                   std::make_shared<const std::string>(message.SerializeAsString()));
  }
  void SendLane(const v1::LaneSet& set) {
    v1::ControllerMessage message;
    *message.mutable_lane_set() = set;
    sessions->SendLane(publisher.node(),
                       std::make_shared<const std::string>(message.SerializeAsString()));
  }

  fakes::TempDirectory directory;
  fakes::FakePublisher publisher;
  ScriptedDomain domain{publisher};
  controller::session::Gate gate{
      controller::identity::Access{.own_uid = ::getuid(),
                                   .is_banned = [](const NodeName&) { return false; }},
      Clock::System()};
  Endpoint agents = *Endpoint::Parse("127.0.0.1:0");
  Endpoint enrollment = *Endpoint::Parse("127.0.0.1:0");
  std::unique_ptr<task::Strand> strand;
  std::unique_ptr<controller::session::Sessions> sessions;
  std::unique_ptr<controller::session::AgentServer> server;
  fakes::FakeDriver* driver = nullptr;
  fakes::FakeObserver* observer = nullptr;
  std::unique_ptr<Agent> agent;
};

}  // namespace lockstep::agent::app

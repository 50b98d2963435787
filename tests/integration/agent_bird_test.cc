// The BIRD announcer beside two real BIRDs on loopback that speak BGP to each other.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <random>

#include "agent/drivers/bird/bird_announcer.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::agent::drivers::bird {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using State = apply::AnnounceReport::State;

class Bird {
 public:
  Bird(const fakes::TempDirectory& home, const std::string& name, const std::string& config)
      : socket_(home / (name + ".ctl")) {
    const std::string path = home / (name + ".conf");
    std::ofstream(path) << config;
    const std::string pid_file = home / (name + ".pid");
    const char* argv[] = {"bird",           "-f",   "-c", path.c_str(), "-s", socket_.c_str(), "-P",
                          pid_file.c_str(), nullptr};
    char* environment[] = {nullptr};
    LS_CHECK(::posix_spawn(&pid_, "/usr/sbin/bird", nullptr, nullptr, const_cast<char**>(argv),
                           environment) == 0);
  }
  Bird(const Bird&) = delete;
  Bird& operator=(const Bird&) = delete;
  ~Bird() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  const std::string& socket() const { return socket_; }

 private:
  std::string socket_;
  pid_t pid_ = -1;
};

class BirdIntegrationTest : public ::testing::Test {
 protected:
  BirdIntegrationTest() {
    std::random_device random;
    const unsigned port = 20'000 + random() % 12'000;
    const std::string node = " 127.0.0.1 port " + std::to_string(port) + " as 65001";
    const std::string router = " 127.0.0.2 port " + std::to_string(port + 1) + " as 65002";
    const std::string timers = "multihop; connect delay time 1; connect retry time 1;";
    node_ = std::make_unique<Bird>(home_, "node",
                                   R"(router id 127.0.0.1;
protocol device {}
protocol static service4 { ipv4; route 203.0.113.10/32 blackhole; }
protocol static service6 { ipv6; route 2001:db8:a::10/128 blackhole; }
protocol bgp up { local)" + node + "; neighbor" +
                                       router + "; " + timers + R"(
  ipv4 { import none; export where proto = "service4"; };
  ipv6 { import none; export where proto = "service6"; }; }
)");
    router_ = std::make_unique<Bird>(home_, "router",
                                     R"(router id 127.0.0.2;
protocol device {}
protocol bgp node { local)" + router + "; neighbor" +
                                         node + "; " + timers + R"(
  ipv4 { import all; export none; }; ipv6 { import all; export none; }; }
)");
  }
  // The first report with this evidence and an established session, or the last one. That something
  // is announced would not do: sessions were asked for before exports, and the families of one come
  // up one after the other.
  static apply::AnnounceReport Await(BirdAnnouncer& announcer, const std::string& evidence) {
    apply::AnnounceReport report;
    for (int i = 0; i < 200; ++i) {
      report = announcer.Report();
      const bool established =
          !report.sessions.empty() && report.sessions[0].find("Established") != std::string::npos;
      if (established && report.evidence == evidence) break;
      ::usleep(50'000);
    }
    return report;
  }

  fakes::TempDirectory home_;
  std::unique_ptr<Bird> node_, router_;
};

TEST_F(BirdIntegrationTest, SeesWhatIsAnnouncedAndChangesNothing) {
  BirdAnnouncer announcer({node_->socket(), Seconds(2)});
  announcer.SetServiceAddresses(
      {*IpAddress::Parse("203.0.113.10"), *IpAddress::Parse("2001:db8:a::10")});
  const std::string both = "bird exports 203.0.113.10 to up, 2001:db8:a::10 to up";
  const auto announced = Await(announcer, both);
  EXPECT_EQ(announced.evidence, both);
  EXPECT_EQ(announced.state, State::kAnnounced);
  EXPECT_THAT(announced.sessions, ElementsAre(HasSubstr("up BGP up since ")));
  EXPECT_THAT(announced.sessions[0], HasSubstr("Established"));

  announcer.SetServiceAddresses({*IpAddress::Parse("203.0.113.99")});
  const auto withdrawn = announcer.Report();
  EXPECT_EQ(withdrawn.state, State::kWithdrawn);
  EXPECT_EQ(withdrawn.evidence, "bird exports none of 203.0.113.99 to up");
  EXPECT_FALSE(withdrawn.confirmed);

  const net::Limit limit(Seconds(2), {});
  Result<ControlSession> session = ControlSession::Open(node_->socket(), limit);
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_EQ(session->Ask("disable service4").status(), PermissionDenied("bird: Access denied"));
}

}  // namespace
}  // namespace lockstep::agent::drivers::bird

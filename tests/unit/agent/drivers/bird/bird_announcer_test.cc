#include "agent/drivers/bird/bird_announcer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <stop_token>
#include <thread>

#include "common/base/fd.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::agent::drivers::bird {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using State = apply::AnnounceReport::State;

// One conversation: greets, then answers each line with what `answer` makes of it; "" is silence.
class FakeBird {
 public:
  using Answer = std::function<std::string(const std::string& command)>;
  FakeBird(const std::string& path, std::string greeting, Answer answer)
      : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    LS_CHECK(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    LS_CHECK(::listen(listener_.get(), 1) == 0);
    thread_ = std::thread([this, greeting, answer] { Serve(greeting, answer); });
  }
  ~FakeBird() { thread_.join(); }

 private:
  void Serve(const std::string& greeting, const Answer& answer) {
    const Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    Send(connection, greeting);
    std::string line;
    for (char c; ::recv(connection.get(), &c, 1, 0) == 1;) {
      if (c != '\n') {
        line += c;
        continue;
      }
      Send(connection, answer(line));
      line.clear();
    }
  }
  static void Send(const Fd& connection, const std::string& text) {
    (void)::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }

  Fd listener_;
  std::thread thread_;
};

constexpr char kGreeting[] = "0001 BIRD 2.0.12 ready.\n";

// A BIRD with sessions up4 (established) and silent (not), that exports what `exported` says.
FakeBird::Answer Router(std::function<std::string(const std::string&)> exported) {
  return [exported](const std::string& command) -> std::string {
    if (command == "restrict") return "0016 Access restricted\n";
    if (command == "show protocols") {
      return "2002-Name Proto Table State Since Info\n1002-svc4 Static master4 up 1:00:00 \n"
             " up4 BGP --- up 23:17:41.201 Established\n silent BGP --- start 23:17:41 "
             "Active\n0000 \n";
    }
    if (command.ends_with("export silent")) return "9001 No valid tables\n";
    return exported(command);
  };
}

class BirdAnnouncerTest : public ::testing::Test {
 protected:
  // Long enough for a busy machine; the one test that waits for it to pass has its own.
  explicit BirdAnnouncerTest(Micros deadline = Seconds(20))
      : announcer_({directory_ / "bird.ctl", deadline, stop_.get_token()}) {
    announcer_.SetServiceAddresses({*IpAddress::Parse("203.0.113.10")});
  }
  apply::AnnounceReport ReportFrom(FakeBird::Answer answer,
                                   const std::string& greeting = kGreeting) {
    FakeBird bird(directory_ / "bird.ctl", greeting, std::move(answer));
    apply::AnnounceReport report = announcer_.Report();
    ::unlink((directory_ / "bird.ctl").c_str());
    return report;
  }
  fakes::TempDirectory directory_;
  std::stop_source stop_;
  BirdAnnouncer announcer_;
};

TEST_F(BirdAnnouncerTest, IsAnnouncedWhereAServiceAddressIsExported) {
  const auto report = ReportFrom(Router([](const std::string& command) {
    EXPECT_EQ(command, "show route for 203.0.113.10 export up4");
    return "1007-Table master4:\n 203.0.113.10/32 blackhole [svc4 23:17:41.074] * (200)\n0000 \n";
  }));
  EXPECT_EQ(report.state, State::kAnnounced);
  EXPECT_EQ(report.evidence, "bird exports 203.0.113.10 to up4");
  EXPECT_THAT(report.sessions, ElementsAre("up4 BGP up since 23:17:41.201: Established",
                                           "silent BGP start since 23:17:41: Active"));
}

TEST_F(BirdAnnouncerTest, IsWithdrawnWhereBirdSaysSoOfEverySession) {
  const auto report =
      ReportFrom(Router([](const std::string&) { return "8001 Network not found\n"; }));
  EXPECT_EQ(report.state, State::kWithdrawn);
  EXPECT_EQ(report.evidence, "bird exports none of 203.0.113.10 to up4, silent");
  EXPECT_FALSE(report.confirmed);
}

TEST_F(BirdAnnouncerTest, IsUnknownWhereAnAnswerIsNotUnderstood) {
  const auto refused = ReportFrom(Router([](const std::string&) { return "9001 syntax error\n"; }));
  EXPECT_EQ(refused.state, State::kUnknown);
  EXPECT_EQ(refused.evidence, "bird: syntax error");
  EXPECT_EQ(refused.sessions.size(), 2u);
  EXPECT_EQ(ReportFrom(Router([](const std::string&) { return "nonsense\n"; })).state,
            State::kUnknown);
}

class SilentBirdTest : public BirdAnnouncerTest {
 protected:
  SilentBirdTest() : BirdAnnouncerTest(Millis(300)) {}
};

TEST_F(SilentBirdTest, NeverHangs) {
  const auto report = ReportFrom([](const std::string&) { return ""; });
  EXPECT_EQ(report.state, State::kUnknown);
  EXPECT_THAT(report.evidence, HasSubstr("bird"));
}

TEST_F(BirdAnnouncerTest, AStopEndsAReportOfASilentBird) {
  const auto report = ReportFrom([this](const std::string&) {
    stop_.request_stop();
    return "";
  });
  EXPECT_EQ(report.state, State::kUnknown);
  EXPECT_THAT(report.evidence, HasSubstr("stopped"));
}

TEST_F(BirdAnnouncerTest, StopsReadingAnEndlessReply) {
  const auto report = ReportFrom(Router([](const std::string&) {
    std::string endless;
    while (endless.size() < (size_t{2} << 20)) endless += "1007-and on\n";
    return endless;
  }));
  EXPECT_EQ(report.state, State::kUnknown);
  EXPECT_EQ(report.evidence, "bird answers more than 1048576 bytes");
}

TEST_F(BirdAnnouncerTest, IsUnknownWithoutBirdOrWithSomebodyElse) {
  EXPECT_EQ(announcer_.Report().state, State::kUnknown);
  EXPECT_THAT(announcer_.Report().evidence, HasSubstr("No such file"));
  EXPECT_EQ(ReportFrom([](const std::string&) { return ""; }, "220 smtp ready\n").state,
            State::kUnknown);
}

TEST_F(BirdAnnouncerTest, IsUnknownUntilTheServiceAddressesAreKnown) {
  announcer_.SetServiceAddresses({});
  const auto report = ReportFrom(Router([](const std::string&) { return "0000 \n"; }));
  EXPECT_EQ(report.state, State::kUnknown);
  EXPECT_EQ(report.sessions.size(), 2u);
}

using Wanted = apply::Announcer::Wanted;

TEST_F(BirdAnnouncerTest, ChangesNothingThatItWasNotGiven) {
  EXPECT_EQ(announcer_.Announce().code(), Code::kUnimplemented);
  EXPECT_EQ(announcer_.Want(Wanted::kWithdrawn, "why").status().code(), Code::kUnimplemented);
}

// BIRD's words as 2.0.12 has them. Protocols by name: up, or the message of one that is down.
class BirdWishTest : public BirdAnnouncerTest {
 protected:
  Result<std::string> Want(Wanted wanted) {
    FakeBird bird(directory_ / "bird.ctl", kGreeting, [this](const std::string& command) {
      said_.push_back(command);
      return Answer(command);
    });
    auto told = wishing_.Want(wanted, "HTTP/3 is broken");
    ::unlink((directory_ / "bird.ctl").c_str());
    return told;
  }
  std::string Answer(const std::string& command) {
    const std::string name = command.find("svc4") != std::string::npos ? "svc4" : "svc6";
    if (command.starts_with("show protocols all ")) {
      const std::string head =
          "2002-Name Proto Table State Since Info\n1002-" + name + " Static m ";
      if (up_.contains(name)) return head + "up 22:49:15 \n1006-  Channel ipv4\n0000 \n";
      return head + "down 22:49:15 \n1006-  Message:        " + message_[name] +
             "\n   Channel ipv4\n0000 \n";
    }
    if (command.starts_with("disable ")) {
      if (up_.erase(name) == 0) return "0008-" + name + ": already disabled\n0000 \n";
      message_[name] = command.substr(command.find('"') + 1);
      message_[name].pop_back();
      return "0009-" + name + ": disabled\n0000 \n";
    }
    if (command.starts_with("enable ")) {
      up_.insert(name);
      return "0011-" + name + ": enabled\n0000 \n";
    }
    return "9001 syntax error\n";
  }

  std::set<std::string> up_ = {"svc4", "svc6"};
  std::map<std::string, std::string> message_;
  std::vector<std::string> said_;
  BirdAnnouncer wishing_{{.socket = directory_ / "bird.ctl",
                          .deadline = Seconds(20),
                          .stop = {},
                          .may_disable = {"svc4", "svc6"}}};
};

TEST_F(BirdWishTest, DisablesWhatItMayAndEnablesItAgain) {
  ASSERT_TRUE(Want(Wanted::kWithdrawn).ok());
  EXPECT_TRUE(up_.empty());
  EXPECT_EQ(message_["svc6"], "withdrawn by lockstep");
  said_.clear();
  ASSERT_TRUE(Want(Wanted::kWithdrawn).ok());  // done already
  EXPECT_THAT(said_, ElementsAre("show protocols all svc4", "show protocols all svc6"));
  ASSERT_TRUE(Want(Wanted::kAnnounced).ok());
  EXPECT_THAT(up_, ElementsAre("svc4", "svc6"));
}

TEST_F(BirdWishTest, WhatSomebodyElseDisabledStaysDisabled) {
  up_.erase("svc6");
  message_["svc6"] = "maintenance";
  ASSERT_TRUE(Want(Wanted::kWithdrawn).ok());
  ASSERT_TRUE(Want(Wanted::kAnnounced).ok());
  EXPECT_THAT(up_, ElementsAre("svc4"));
}

TEST_F(BirdWishTest, AProtocolThatBirdDoesNotKnowIsAnError) {
  BirdAnnouncer stranger{{.socket = directory_ / "bird.ctl",
                          .deadline = Seconds(20),
                          .stop = {},
                          .may_disable = {"nosuch"}}};
  FakeBird bird(directory_ / "bird.ctl", kGreeting, [](const std::string&) {
    return "9001 syntax error, unexpected CF_SYM_UNDEFINED\n";
  });
  EXPECT_FALSE(stranger.Want(Wanted::kWithdrawn, "why").ok());
}

}  // namespace
}  // namespace lockstep::agent::drivers::bird

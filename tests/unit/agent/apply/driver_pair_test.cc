#include "agent/apply/driver_pair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lockstep::agent::apply {
namespace {

using reconcile::Desired;
using reconcile::QuicServer;
using ::testing::ElementsAre;

// Writes into a list that both share what it was told to serve.
class ToldDriver : public Driver {
 public:
  ToldDriver(std::string name, std::vector<std::string>* told)
      : name_(std::move(name)), told_(*told) {}
  std::string name() const override { return name_; }
  std::vector<std::string> Capabilities() override { return {name_ + "/1"}; }
  Status Check(const Desired&) override { return check; }
  Status Apply(const Desired& desired, const Desired*) override {
    const char* server = desired.quic_server == QuicServer::kQuicd   ? "quicd"
                         : desired.quic_server == QuicServer::kCaddy ? "caddy"
                                                                     : "none";
    told_.push_back(name_ + " " + server);
    return apply;
  }
  Status Ensure() override { return ensure; }
  std::vector<std::string> Inspect() override { return {name_ + " is tired"}; }

  Status check, apply, ensure;

 private:
  const std::string name_;
  std::vector<std::string>& told_;
};

Desired With(QuicServer server) {
  Desired out;
  out.quic_server = server;
  return out;
}

class DriverPairTest : public ::testing::Test {
 protected:
  std::vector<std::string> told_;
  ToldDriver web_{"web", &told_};
  ToldDriver quic_{"quic", &told_};
  DriverPair pair_{web_, quic_};
};

TEST_F(DriverPairTest, WhoeverGivesUpTheOthersPortIsToldFirst) {
  EXPECT_EQ(pair_.Apply(With(QuicServer::kQuicd), nullptr), Status::Ok());
  EXPECT_EQ(pair_.Apply(With(QuicServer::kCaddy), nullptr), Status::Ok());
  EXPECT_EQ(pair_.Apply(With(QuicServer::kNone), nullptr), Status::Ok());
  EXPECT_THAT(told_, ElementsAre("web quicd", "quic quicd", "quic caddy", "web caddy", "quic none",
                                 "web none"));
}

TEST_F(DriverPairTest, WhereTheSecondRefusesTheFirstGetsBackWhatItServed) {
  const Desired before = With(QuicServer::kCaddy);
  quic_.apply = InvalidArgument("lockstep-quicd refuses: no");
  EXPECT_EQ(pair_.Apply(With(QuicServer::kQuicd), &before),
            InvalidArgument("lockstep-quicd refuses: no"));
  EXPECT_THAT(told_, ElementsAre("web quicd", "quic quicd", "web caddy"));
}

TEST_F(DriverPairTest, WhereTheFirstRefusesTheSecondHearsNothing) {
  const Desired before = With(QuicServer::kQuicd);
  quic_.apply = Unavailable("silent");
  EXPECT_EQ(pair_.Apply(With(QuicServer::kCaddy), &before), Unavailable("silent"));
  EXPECT_THAT(told_, ElementsAre("quic caddy"));
}

TEST_F(DriverPairTest, WithoutABeforeTheFirstServesOn) {
  quic_.apply = Unavailable("not there");
  EXPECT_EQ(pair_.Apply(With(QuicServer::kQuicd), nullptr), Unavailable("not there"));
  EXPECT_THAT(told_, ElementsAre("web quicd", "quic quicd"));
}

TEST_F(DriverPairTest, SaysWhatBothSay) {
  EXPECT_THAT(pair_.Capabilities(), ElementsAre("web/1", "quic/1"));
  EXPECT_THAT(pair_.Inspect(), ElementsAre("web is tired", "quic is tired"));
  quic_.ensure = NotFound("lost");
  EXPECT_EQ(pair_.Ensure(), NotFound("lost"));
  quic_.check = Unavailable("not there");
  EXPECT_EQ(pair_.Check({}), Unavailable("not there"));
}

}  // namespace
}  // namespace lockstep::agent::apply

// A ban outlives the controller that made it.
#include <gtest/gtest.h>

#include "tests/fakes/fleet_rig.h"

namespace lockstep::controller::fleet {
namespace {

using fakes::FleetRig;
using fakes::Node;

// What a controller that starts on the rig's database makes of it.
struct Restarted {
  explicit Restarted(FleetRig& rig)
      : journal(rig.database, rig.state),
        fleet({{fakes::Ip(FleetRig::kService4)}, Seconds(10), "0.0.0"}, rig.database, rig.state,
              journal) {
    fleet.SetLink(&rig.link);
    const Status read = rig.database.RunNow([&](store::Stores& stores) -> Status {
      LS_ASSIGN_OR_RETURN(std::vector<model::Node> nodes, stores.nodes.List());
      fleet.Load(std::move(nodes), {}, {1, std::string(16, 'f')});
      return Status::Ok();
    });
    EXPECT_TRUE(read.ok()) << read;
  }
  Journal journal;
  Fleet fleet;
};

class BanTest : public ::testing::Test {
 protected:
  BanTest() {
    rig_.Enrol({"ams1", "fra1"});
    EXPECT_TRUE(rig_.Connect("ams1").ok());
    rig_.fleet.Ban(Node("ams1"), "stolen",
                   [](const Status& stored) { EXPECT_TRUE(stored.ok()) << stored; });
    rig_.state.RunAll();
  }
  FleetRig rig_;
};

TEST_F(BanTest, ARestartedControllerStillRefusesABannedNode) {
  Restarted after(rig_);
  EXPECT_TRUE(after.fleet.IsBanned(Node("ams1")));
  EXPECT_FALSE(after.fleet.IsBanned(Node("fra1")));
  EXPECT_EQ(after.fleet.OnHello(Node("ams1"), 1, rig_.HelloOf("ams1")).status(),
            PermissionDenied("node ams1 is banned"));
  EXPECT_TRUE(after.fleet.OnHello(Node("fra1"), 1, rig_.HelloOf("fra1")).ok());
  EXPECT_EQ(after.fleet.Find(Node("ams1"))->node.ban_reason, "stolen");
}

TEST_F(BanTest, ALiftedBanStaysLifted) {
  rig_.fleet.Unban(Node("ams1"), [](const Status& stored) { EXPECT_TRUE(stored.ok()) << stored; });
  rig_.state.RunAll();
  Restarted after(rig_);
  EXPECT_FALSE(after.fleet.IsBanned(Node("ams1")));
  EXPECT_TRUE(after.fleet.OnHello(Node("ams1"), 1, rig_.HelloOf("ams1")).ok());
}

}  // namespace
}  // namespace lockstep::controller::fleet

// alt-svc …: what it sends and prints.
#include <gmock/gmock.h>

#include "tests/unit/controller/cli/fake_admin.h"

namespace lockstep::controller::cli {
namespace {

using testing::HasSubstr;

class AltSvcCliTest : public CliTest {};

TEST_F(AltSvcCliTest, ShowsWhatIsPromisedByWhomAndUntilWhen) {
  v1::AltSvcSite& site = *admin.alt_svc.add_sites();
  site.set_site("www.example.test");
  site.set_value("clear");
  site.set_phase("clearing");
  site.set_switched_off(true);
  site.set_note("an operator has switched it off");
  v1::AltSvcNode& node = *site.add_nodes();
  node.set_node("ams1");
  node.add_values("h3=\":443\"; ma=300");
  node.add_values("");
  node.set_missing("ams1: is not connected and counts as announcing");
  v1::AltSvcHold& hold = *site.add_holds();
  hold.set_alternative("h3=\":443\"");
  hold.set_reason("no end: ams1 may still advertise it");
  v1::AltSvcLoss& loss = *admin.alt_svc.add_losses();
  loss.set_node("fra1");
  loss.set_reason("HTTP/3 is promised and broken here");
  const Ran ran = Run({"alt-svc", "show", "www.example.test"});
  EXPECT_EQ(admin.last_alt_svc.site(), "www.example.test");
  EXPECT_THAT(ran.out, HasSubstr("clearing, switched off"));
  EXPECT_THAT(ran.out, HasSubstr("h3=\":443\"; ma=300, then none"));
  EXPECT_THAT(ran.out, HasSubstr("✗ ams1: is not connected"));
  EXPECT_THAT(ran.out, HasSubstr("no end"));
  EXPECT_THAT(ran.out, HasSubstr("NODES THAT LOST HTTP/3"));
  EXPECT_THAT(Run({"alt-svc", "show", "-o", "json"}).out, HasSubstr("\"phase\": \"clearing\""));
}

TEST_F(AltSvcCliTest, ASwitchNamesASiteOrAllOfThem) {
  EXPECT_EQ(Run({"alt-svc", "off"}).code, 2);
  admin.alt_svc_switched.add_sites("www.example.test");
  admin.alt_svc_switched.set_generation(9);
  const Ran off = Run({"alt-svc", "off", "www.example.test"});
  EXPECT_EQ(off.code, 0);
  EXPECT_FALSE(admin.last_switch.on());
  EXPECT_THAT(off.err, HasSubstr("not promised any more: www.example.test"));
  EXPECT_THAT(off.err, HasSubstr("generation 9 carries it"));
  EXPECT_EQ(Run({"alt-svc", "on", "--all"}).code, 0);
  EXPECT_TRUE(admin.last_switch.on());
  EXPECT_TRUE(admin.last_switch.all());
}

}  // namespace
}  // namespace lockstep::controller::cli

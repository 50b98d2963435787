#include "agent/drivers/bird/reply.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "agent/drivers/bird/protocols.h"

namespace lockstep::agent::drivers::bird {
namespace {

// Seen on BIRD 2.0.12.
constexpr char kProtocols[] =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-device1    Device     ---        up     23:17:41.074  \n"
    " svc4       Static     master4    up     23:17:41.074  \n"
    " up4        BGP        ---        up     23:17:41.201  Established   \n"
    " silent     BGP        ---        start  2026-11-21 23:17:41  Active        Socket: "
    "Connection refused\n"
    "0000 \n";

std::optional<Reply> Parsed(std::string_view bytes) {
  const auto reply = ParseReply(bytes);
  EXPECT_TRUE(reply.ok()) << reply.status();
  return reply.ok() ? *reply : std::nullopt;
}

TEST(BirdReplyTest, ReadsAGreeting) {
  const auto reply = Parsed("0001 BIRD 2.0.12 ready.\n");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->code(), 1);
  EXPECT_EQ(reply->lines, (std::vector<Reply::Line>{{1, "BIRD 2.0.12 ready."}}));
}

TEST(BirdReplyTest, AContinuedLineHasTheCodeOfTheOneBefore) {
  const auto reply = Parsed("1007-Table master4:\n 203.0.113.10/32 blackhole\n0000 \n");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->lines,
            (std::vector<Reply::Line>{
                {1007, "Table master4:"}, {1007, "203.0.113.10/32 blackhole"}, {0, ""}}));
}

TEST(BirdReplyTest, IsAbsentUntilTheLastLineIsWhole) {
  const std::string whole = kProtocols;
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    EXPECT_FALSE(Parsed(std::string_view(whole).substr(0, cut))) << cut;
  }
  EXPECT_TRUE(Parsed(whole));
}

TEST(BirdReplyTest, RefusesWhatIsNoReply) {
  for (const char* text : {"hello\n", "12\n", "0001:x\n", " text\n", "\n", "00a1 x\n"}) {
    EXPECT_EQ(ParseReply(text).status().code(), Code::kDataLoss) << text;
  }
}

TEST(BirdReplyTest, SaysWhyACommandFailed) {
  EXPECT_EQ(Parsed("8007 Access denied\n")->ToStatus(), PermissionDenied("bird: Access denied"));
  EXPECT_EQ(Parsed("8001 Network not found\n")->ToStatus(),
            FailedPrecondition("bird: Network not found"));
  EXPECT_EQ(Parsed("9001 syntax error\n")->ToStatus(), InvalidArgument("bird: syntax error"));
  EXPECT_EQ(Parsed("0016 Access restricted\n")->ToStatus(), Status::Ok());
}

TEST(BirdProtocolsTest, ReadsTheRows) {
  const std::vector<Protocol> rows = ParseProtocols(*Parsed(kProtocols));
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].ToString(), "device1 Device up since 23:17:41.074");
  EXPECT_FALSE(rows[1].SpeaksToOthers());
  EXPECT_EQ(rows[2], (Protocol{"up4", "BGP", "---", "up", "23:17:41.201", "Established"}));
  EXPECT_TRUE(rows[2].SpeaksToOthers());
  EXPECT_EQ(rows[3].ToString(),
            "silent BGP start since 2026-11-21 23:17:41: Active        Socket: Connection refused");
}

TEST(BirdProtocolsTest, LeavesOutWhatIsNoRow) {
  EXPECT_TRUE(ParseProtocols(*Parsed("1002-\n a b\n a b c sideways e\n0000 \n")).empty());
}

TEST(BirdProtocolsTest, TakesOnlySymbolsIntoCommands) {
  EXPECT_TRUE(IsSymbol("up4_b"));
  for (const char* name : {"", "a b", "a\nb", "'x'", "a;b"}) EXPECT_FALSE(IsSymbol(name)) << name;
}

RC_GTEST_PROP(BirdReplyProperty, TakesAnyBytesAndAnyCut, (std::string noise)) {
  std::string text = kProtocols;
  text.insert(*rc::gen::inRange<size_t>(0, text.size()), noise);
  const auto reply = ParseReply(text);
  if (reply.ok() && *reply) {
    RC_ASSERT(!(*reply)->lines.empty());
    ParseProtocols(**reply);
  }
}

}  // namespace
}  // namespace lockstep::agent::drivers::bird

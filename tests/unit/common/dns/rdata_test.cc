#include "common/dns/rdata.h"

#include <gtest/gtest.h>

#include "common/dns/service_binding.h"

namespace lockstep::dns {
namespace {

using namespace std::string_literals;

TEST(RdataReaderTest, TakesFromTheFrontOrNothing) {
  RdataReader reader(
      "\x01\x02\x03"
      "ab");
  EXPECT_EQ(reader.TakeUint8(), 1);
  EXPECT_EQ(reader.TakeUint16(), 0x0203);
  EXPECT_EQ(reader.TakeBytes(3), std::nullopt);
  EXPECT_EQ(reader.TakeBytes(2), "ab");
  EXPECT_TRUE(reader.empty());
  EXPECT_EQ(reader.TakeUint8(), std::nullopt);
  EXPECT_EQ(reader.TakeUint16(), std::nullopt);
}

TEST(RdataReaderTest, TakesANameAndLeavesTheRest) {
  const std::string bytes = "\x03WwW\x04te.t\0rest"s;
  RdataReader reader(bytes);
  EXPECT_EQ(reader.TakeName(), "www.te\\046t");
  EXPECT_EQ(reader.rest(), "rest");
  EXPECT_EQ(RdataReader("\0"s).TakeName(), ".");
}

TEST(RdataReaderTest, RefusesNamesThatAreCutTooLongOrCompressed) {
  for (const std::string& bad : {""s, "\x03www"s, "\x03ww"s, "\xc0\x0c"s, "\x40"s}) {
    RdataReader reader(bad);
    EXPECT_EQ(reader.TakeName(), std::nullopt);
    EXPECT_EQ(reader.rest(), bad);
  }
  std::string longest;
  for (int i = 0; i < 127; ++i) longest += "\x01x"s;
  EXPECT_TRUE(RdataReader(longest + "\0"s).TakeName().has_value());
  EXPECT_FALSE(RdataReader(longest + "\x01x\0"s).TakeName().has_value());
}

TEST(ParseServiceBindingTest, RefusesWhatRfc9460Forbids) {
  const std::string head = "\0\x01\0"s;  // 1 .
  const std::string alpn = "\0\x01\0\x03\x02h3"s;
  EXPECT_TRUE(ParseServiceBinding(head + alpn).ok());
  for (const std::string& bad : {""s, "\0"s, "\0\x01"s, head + "\0"s, head + "\0\x01\0"s,
                                 head + "\0\x01\0\x05\x02h3"s,           // value cut
                                 head + alpn + alpn,                     // the same key twice
                                 head + "\0\x03\0\x02\x01\xbb"s + alpn,  // keys out of order
                                 head + "\0\x01\0\0"s,                   // empty alpn
                                 head + "\0\x01\0\x01\0"s,               // empty protocol
                                 head + "\0\x02\0\x01x"s,     // no-default-alpn with a value
                                 head + "\0\x03\0\x01\x01"s,  // port of one byte
                                 head + "\0\x04\0\x03\x01\x02\x03"s,         // IPv4 of three bytes
                                 head + "\0\x06\0\x04\x01\x02\x03\x04"s}) {  // IPv6 of four bytes
    EXPECT_EQ(ParseServiceBinding(bad).status().code(), Code::kDataLoss);
  }
}

TEST(ParseServiceBindingTest, KeepsParametersItDoesNotKnow) {
  const auto found = ParseServiceBinding("\0\x01\0\0\x05\0\x02zz\xff\0\0\0"s);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->parameters.at(5), "zz");
  EXPECT_EQ(found->parameters.at(0xff00), "");
}

TEST(ParseServiceBindingTest, AnAliasHasATargetOnly) {
  const auto found = ParseServiceBinding(
      "\0\0\x03"
      "cdn\x04test\0\xff\xff\xff"s);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->priority, 0);
  EXPECT_EQ(found->target, "cdn.test");
  EXPECT_TRUE(found->parameters.empty());
}

}  // namespace
}  // namespace lockstep::dns

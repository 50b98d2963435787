#include "common/dns/resolv_conf.h"

#include <gtest/gtest.h>

namespace lockstep::dns {
namespace {

std::string Servers(std::string_view text) {
  std::string out;
  for (const Endpoint& server : ParseResolvConf(text)) out += server.ToString() + " ";
  return out;
}

TEST(ResolvConfTest, TakesTheFirstThreeServers) {
  EXPECT_EQ(Servers("# nameserver 9.9.9.9\nsearch test\nnameserver 192.0.2.1\n"
                    "nameserver\t2001:db8::1 # two\noptions ndots:2\nnameserver 192.0.2.3\n"
                    "nameserver 192.0.2.4\n"),
            "192.0.2.1:53 [2001:db8::1]:53 192.0.2.3:53 ");
}

TEST(ResolvConfTest, LeavesOutWhatItCannotAsk) {
  EXPECT_EQ(Servers("nameserver fe80::1%eth0\nnameserver\nnameserver x\nnameserver 192.0.2.1"),
            "192.0.2.1:53 ");
}

TEST(ResolvConfTest, AsksThisMachineWhereThereIsNone) {
  EXPECT_EQ(Servers(""), "127.0.0.1:53 ");
  EXPECT_EQ(Servers("search test\n"), "127.0.0.1:53 ");
}

}  // namespace
}  // namespace lockstep::dns

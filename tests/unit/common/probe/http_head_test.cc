#include "common/probe/http_head.h"

#include <gtest/gtest.h>

namespace lockstep::probe {
namespace {

TEST(HttpHeadTest, ReadsStatusAndFields) {
  HttpHead head;
  EXPECT_TRUE(head.Take("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_TRUE(head.Take("Content-TYPE: \t text/plain \r\n"));
  EXPECT_TRUE(head.Take("no colon at all\r\n"));
  EXPECT_TRUE(head.Take(": no name\r\n"));
  EXPECT_TRUE(head.Take("\r\n"));
  EXPECT_EQ(head.status_code(), 404);
  ASSERT_EQ(head.fields().size(), 1u);
  EXPECT_EQ(head.fields().begin()->first, "content-type");
  EXPECT_EQ(head.fields().begin()->second, "text/plain");
}

TEST(HttpHeadTest, KnowsNoStatusInABrokenLine) {
  for (const char* line :
       {"HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 abc", "HTTP/1.1 20", "HTTP/1.1 -20"}) {
    HttpHead head;
    EXPECT_TRUE(head.Take(line));
    EXPECT_EQ(head.status_code(), 0) << line;
  }
}

TEST(HttpHeadTest, EndsEndlessInterimHeads) {
  HttpHead head;
  int lines = 0;
  while (lines < 100'000 && head.Take("HTTP/1.1 103 Early Hints\r\n")) ++lines;
  EXPECT_LT(lines, 4000);
}

}  // namespace
}  // namespace lockstep::probe

#include "common/snapshot/mark.h"

#include <gtest/gtest.h>

namespace lockstep::snapshot {
namespace {

SiteMark MarkOfBody(const std::string& body) {
  Snapshot snapshot;
  snapshot.Put({"site", "www"}, body);
  return MarkOf(*snapshot.Find({"site", "www"}));
}

// Agent and controller compute it apart from each other, one version apart: it never changes.
TEST(MarkTest, IsTheFirstHalfOfTheBodysDigest) {
  EXPECT_EQ(MarkOfBody("abc").str(), "ba7816bf8f01cfea414140de5dae2223");
}

TEST(MarkTest, TellsVersionsApart) { EXPECT_NE(MarkOfBody("one"), MarkOfBody("two")); }

TEST(MarkTest, IsOfOneFormOnly) {
  EXPECT_TRUE(SiteMarkTag::Check(std::string(32, 'f')).ok());
  for (const std::string& bad :
       {std::string(), std::string(31, 'f'), std::string(33, 'f'), std::string(32, 'F'),
        std::string(32, 'g'), std::string(31, 'f') + "/"}) {
    EXPECT_FALSE(SiteMarkTag::Check(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace lockstep::snapshot

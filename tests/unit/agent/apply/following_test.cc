// What is done about a wish of the controller's, what is tried again, and what is only told.
#include "agent/apply/following.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/apply/rig.h"

namespace lockstep::agent::apply {
namespace {

using agent::v1::AnnounceWish;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

AnnounceWish Wish(AnnounceWish::Wish what) {
  AnnounceWish out;
  out.set_wish(what);
  out.set_reason("HTTP/3 is broken here");
  return out;
}

// Answers as told.
class OneAnnouncer final : public Announcer {
 public:
  AnnounceReport Report() override { return {}; }
  Status Announce() override { return Status::Ok(); }
  Result<std::string> Want(Wanted, const std::string&) override {
    ++asked;
    return answer.ok() ? Result<std::string>("disabled service4") : answer;
  }
  Status answer;
  int asked = 0;
};

// One that cannot refuse QUIC at this moment.
class ReluctantDriver final : public fakes::FakeDriver {
 public:
  std::vector<std::string> WhyNotRefused() override { return {"it keeps UDP 443 until it ends"}; }
};

class FollowingTest : public ::testing::Test {
 protected:
  FollowTry Try(AnnounceWish::Wish what) {
    return Follow(Wish(what), &file_, &announcer_, rig_.driver, *rig_.applier);
  }
  ApplierRig rig_;
  const state::WishFile file_{rig_.directory.path()};
  OneAnnouncer announcer_;
};

TEST_F(FollowingTest, WhatIsToBeWithdrawnIsToldToWhoeverAnnounces) {
  const FollowTry tried = Try(AnnounceWish::WISH_WITHDRAWN);
  EXPECT_TRUE(tried.done);
  EXPECT_EQ(announcer_.asked, 1);
  EXPECT_THAT(tried.notes, Contains("disabled service4"));
}

TEST_F(FollowingTest, WithoutQuicAloneIsNobodysWithdrawal) {
  EXPECT_TRUE(Try(AnnounceWish::WISH_WITHOUT_QUIC).done);
  EXPECT_EQ(announcer_.asked, 0);
}

TEST_F(FollowingTest, AWithdrawalThatFailedIsTriedAgain) {
  announcer_.answer = Unavailable("bird does not answer");
  const FollowTry tried = Try(AnnounceWish::WISH_WITHDRAWN);
  EXPECT_FALSE(tried.done);
  EXPECT_THAT(tried.notes, Contains("not withdrawn: bird does not answer"));
}

TEST_F(FollowingTest, WhatCannotBeDoneHereAtAllIsToldAndNotTriedAgain) {
  announcer_.answer = Unimplemented("lockstep only reads");
  const FollowTry tried = Try(AnnounceWish::WISH_WITHDRAWN);
  EXPECT_TRUE(tried.done);
  EXPECT_THAT(tried.notes, Contains("not withdrawn: lockstep only reads"));
}

TEST_F(FollowingTest, AServerThatCannotRefuseYetIsAskedAgainWhileTheNodeIsToStayAway) {
  ReluctantDriver driver;
  const auto follow = [&](AnnounceWish::Wish what) {
    return Follow(Wish(what), &file_, &announcer_, driver, *rig_.applier);
  };
  EXPECT_FALSE(follow(AnnounceWish::WISH_WITHDRAWN).done);
  const FollowTry without_quic = follow(AnnounceWish::WISH_WITHOUT_QUIC);
  EXPECT_TRUE(without_quic.done) << "it announces either way";
  EXPECT_THAT(without_quic.notes, Contains(HasSubstr("QUIC is not refused: it keeps UDP 443")));
}

TEST_F(FollowingTest, TheWishIsForgottenOnceTheNodeIsBack) {
  ASSERT_EQ(file_.Put(Wish(AnnounceWish::WISH_ANNOUNCED)), Status::Ok());
  EXPECT_EQ(Return(Wish(AnnounceWish::WISH_ANNOUNCED), &file_, &announcer_), Status::Ok());
  EXPECT_FALSE(file_.Find().has_value());
}

TEST_F(FollowingTest, ANodeThatReturnsWithoutQuicRemembersIt) {
  ASSERT_EQ(file_.Put(Wish(AnnounceWish::WISH_WITHOUT_QUIC)), Status::Ok());
  EXPECT_EQ(Return(Wish(AnnounceWish::WISH_WITHOUT_QUIC), &file_, &announcer_), Status::Ok());
  EXPECT_TRUE(file_.Find().has_value());
}

TEST_F(FollowingTest, AReturnThatNobodyAnnouncesIsNone) {
  ASSERT_EQ(file_.Put(Wish(AnnounceWish::WISH_ANNOUNCED)), Status::Ok());
  announcer_.answer = Unavailable("bird does not answer");
  EXPECT_EQ(Return(Wish(AnnounceWish::WISH_ANNOUNCED), &file_, &announcer_),
            Unavailable("bird does not answer"));
  EXPECT_TRUE(file_.Find().has_value());
  announcer_.answer = Unimplemented("lockstep only reads");
  EXPECT_EQ(Return(Wish(AnnounceWish::WISH_ANNOUNCED), &file_, &announcer_), Status::Ok())
      << "an operator announces";
}

TEST_F(FollowingTest, ATryOfAnEarlierWishDecidesNothing) {
  Following following;
  following.Recall(Wish(AnnounceWish::WISH_WITHDRAWN));
  ASSERT_TRUE(following.Take(Wish(AnnounceWish::WISH_ANNOUNCED)));
  following.OnTried(Wish(AnnounceWish::WISH_WITHDRAWN), true, {"disabled service4"});
  EXPECT_TRUE(following.due());
  EXPECT_THAT(following.view().notes, IsEmpty());
}

TEST_F(FollowingTest, WhatIsNotDoneStaysDue) {
  Following following;
  following.Recall(Wish(AnnounceWish::WISH_WITHDRAWN));
  following.OnTried(Wish(AnnounceWish::WISH_WITHDRAWN), false, {"bird does not answer"});
  EXPECT_TRUE(following.due());
  following.OnTried(Wish(AnnounceWish::WISH_WITHDRAWN), true, {});
  EXPECT_FALSE(following.due());
}

}  // namespace
}  // namespace lockstep::agent::apply

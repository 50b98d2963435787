// Following: how far this node follows what the controller wants of its announcements, over
// restarts.
//
//   nothing → withdrawn    it wants the node withdrawn: announcements go, QUIC is refused
//   withdrawn → returning  it wants it back: QUIC is served, and everything is to be proved
//   returning → nothing    proved, and announced again
//
// Where too few others are left it wants the node back without QUIC: then it returns with QUIC
// refused, and goes on so until it is told otherwise.
#pragma once

#include <string>
#include <vector>

#include "agent/apply/applier.h"
#include "agent/apply/driver.h"
#include "agent/state/wish.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::agent::apply {

// For the controller and its operators.
struct FollowView {
  agent::v1::AnnounceState::Following phase = agent::v1::AnnounceState::FOLLOWING_UNSPECIFIED;
  std::vector<std::string> notes;  // what was done, and what cannot be

  bool withdrawn() const { return phase == agent::v1::AnnounceState::FOLLOWING_WITHDRAWN; }
  bool returning() const { return phase == agent::v1::AnnounceState::FOLLOWING_RETURNING; }
};

// Lives on the strand.
class Following {
 public:
  // What was wanted when the agent ended.
  void Recall(const agent::v1::AnnounceWish& wish) { Adopt(wish); }
  // False where nothing is to be done about it.
  bool Take(const agent::v1::AnnounceWish& wish);
  const FollowView& view() const { return view_; }
  const agent::v1::AnnounceWish& wish() const { return wish_; }

  // Whether to try (again) to do it.
  bool due() const { return due_; }
  // One try has ended, of the wish as it was then.
  void OnTried(const agent::v1::AnnounceWish& tried, bool done, std::vector<std::string> notes);
  // The node has proved that it is in step, and announces.
  void OnReturned();

 private:
  void Adopt(const agent::v1::AnnounceWish& wish);

  agent::v1::AnnounceWish wish_;
  FollowView view_;
  bool due_ = false;
};

// One try to do what is wanted, where it may block.
struct FollowTry {
  bool done = true;
  std::vector<std::string> notes;
};
FollowTry Follow(const agent::v1::AnnounceWish& wish, const state::WishFile* file,
                 Announcer* announcer, Driver& driver, Applier& applier);
// The end of a return: whoever announces is told.
Status Return(const agent::v1::AnnounceWish& wish, const state::WishFile* file,
              Announcer* announcer);

}  // namespace lockstep::agent::apply

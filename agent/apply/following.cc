#include "agent/apply/following.h"

#include <utility>

#include "common/log/log.h"

namespace lockstep::agent::apply {
namespace {

using agent::v1::AnnounceState;
using agent::v1::AnnounceWish;

// What cannot be done here at all is told, and not tried again.
void TellAnnouncer(const AnnounceWish& wish, Announcer* announcer, FollowTry* out) {
  if (announcer == nullptr) {
    out->notes.emplace_back(
        "nothing here announces for lockstep: withdraw the service addresses by hand");
    return;
  }
  const Result<std::string> told = announcer->Want(Announcer::Wanted::kWithdrawn, wish.reason());
  out->notes.push_back(told.ok() ? *told : "not withdrawn: " + told.status().message());
  out->done = out->done && (told.ok() || told.status().code() == Code::kUnimplemented);
}

}  // namespace

void Following::Adopt(const AnnounceWish& wish) {
  wish_ = wish;
  view_.phase = wish.wish() == AnnounceWish::WISH_WITHDRAWN ? AnnounceState::FOLLOWING_WITHDRAWN
                                                            : AnnounceState::FOLLOWING_RETURNING;
  view_.notes.clear();
  due_ = true;
}

bool Following::Take(const AnnounceWish& wish) {
  if (wish.wish() == AnnounceWish::WISH_UNSPECIFIED) return false;
  const bool away = view_.phase != AnnounceState::FOLLOWING_UNSPECIFIED;
  if (wish.wish() == (away ? wish_.wish() : AnnounceWish::WISH_ANNOUNCED)) return false;
  log::Warning("apply.wish",
               {{"wish", AnnounceWish::Wish_Name(wish.wish())}, {"reason", wish.reason()}});
  Adopt(wish);
  return true;
}

void Following::OnTried(const AnnounceWish& tried, bool done, std::vector<std::string> notes) {
  if (tried.wish() != wish_.wish()) return;  // another one has come meanwhile
  if (notes != view_.notes) {
    for (const std::string& note : notes) log::Info("apply.follow", {{"note", note}});
  }
  view_.notes = std::move(notes);
  due_ = !done;
}

void Following::OnReturned() {
  due_ = false;
  if (wish_.wish() == AnnounceWish::WISH_ANNOUNCED) {
    view_ = {};
  } else {
    view_.phase = AnnounceState::FOLLOWING_WITHOUT_QUIC;
  }
}

// Written down first: whatever happens, the agent knows after a restart what it was to do.
FollowTry Follow(const AnnounceWish& wish, const state::WishFile* file, Announcer* announcer,
                 Driver& driver, Applier& applier) {
  FollowTry out;
  const bool refuse = wish.wish() != AnnounceWish::WISH_ANNOUNCED;
  const bool withdraw = wish.wish() == AnnounceWish::WISH_WITHDRAWN;
  if (file != nullptr) {
    if (const Status kept = file->Put(wish); !kept.ok()) {
      out.done = false;
      out.notes.push_back("not remembered: " + kept.message());
    }
  }
  if (withdraw) TellAnnouncer(wish, announcer, &out);
  const std::string what = refuse ? "refused" : "served again";
  if (const Status applied = applier.RefuseQuic(refuse); !applied.ok()) {
    out.done = false;
    out.notes.push_back("QUIC is not " + what + ": " + applied.message());
    return out;
  }
  std::vector<std::string> open;
  if (refuse) open = driver.WhyNotRefused();
  if (open.empty()) out.notes.push_back("QUIC is " + what + " on the service addresses");
  for (std::string& why : open) {
    if (withdraw) out.done = false;  // it may yet become possible
    out.notes.push_back("QUIC is not refused: " + std::move(why));
  }
  return out;
}

Status Return(const AnnounceWish& wish, const state::WishFile* file, Announcer* announcer) {
  if (announcer != nullptr) {
    Status told = announcer->Want(Announcer::Wanted::kAnnounced, "").status();
    if (!told.ok() && told.code() != Code::kUnimplemented) return told;
  }
  const bool over = wish.wish() == AnnounceWish::WISH_ANNOUNCED;
  return file != nullptr && over ? file->Remove() : Status::Ok();
}

}  // namespace lockstep::agent::apply

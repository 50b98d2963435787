#include "agent/state/wish.h"

#include "common/fsutil/files.h"
#include "common/log/log.h"

namespace lockstep::agent::state {
namespace {

using agent::v1::AnnounceWish;

constexpr size_t kMaxBytes = size_t{16} << 10;

}  // namespace

std::optional<AnnounceWish> WishFile::Find() const {
  const Result<std::string> bytes = fsutil::ReadFile(path_, kMaxBytes);
  if (bytes.status().code() == Code::kNotFound) return std::nullopt;
  AnnounceWish wish;
  if (bytes.ok() && wish.ParseFromString(*bytes) && wish.wish() != AnnounceWish::WISH_UNSPECIFIED) {
    return wish;
  }
  log::Error("state.wish_unusable",
             {{"path", path_}, {"error", bytes.ok() ? DataLoss("is damaged") : bytes.status()}});
  return std::nullopt;
}

Status WishFile::Put(const AnnounceWish& wish) const {
  const std::string bytes = wish.SerializeAsString();
  const Result<std::string> now = fsutil::ReadFile(path_, kMaxBytes);
  if (now.ok() && *now == bytes) return Status::Ok();
  return fsutil::WriteAtomic(path_, bytes);
}

Status WishFile::Remove() const { return fsutil::RemoveFile(path_); }

}  // namespace lockstep::agent::state

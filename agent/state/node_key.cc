#include "agent/state/node_key.h"

#include "common/base/encoding.h"
#include "common/fsutil/files.h"

namespace lockstep::agent::state {
namespace {

constexpr size_t kKeyBytes = 32;

}  // namespace

Result<crypto::Secret> LoadOrMakeKey(const std::string& path) {
  crypto::Secret made(RandomBytes(kKeyBytes));
  const Status written = fsutil::WriteNew(path, made.Reveal());
  if (written.ok()) return made;
  if (written.code() != Code::kAlreadyExists) return written;
  LS_ASSIGN_OR_RETURN(std::string held, fsutil::ReadSecretFile(path));
  crypto::Secret key(std::move(held));
  if (key.size() != kKeyBytes) {
    return FailedPrecondition(path + " has " + std::to_string(key.size()) +
                              " octets, not 32; remove it and a new key is made");
  }
  return key;
}

}  // namespace lockstep::agent::state

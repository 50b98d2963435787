#include "common/snapshot/mark.h"

#include "common/base/encoding.h"

namespace lockstep::snapshot {
namespace {

constexpr size_t kMarkBytes = 16;

}  // namespace

SiteMark MarkOf(const Snapshot::Entry& site) {
  return *SiteMark::Parse(HexEncode(site.sha256.substr(0, kMarkBytes)));
}

}  // namespace lockstep::snapshot

// The mark of a site: what a server answers under kMarkPath to show which version of the site it
// serves.
#pragma once

#include "common/base/names.h"
#include "common/snapshot/snapshot.h"

namespace lockstep::snapshot {

// With the mark after it, on every host of the site: 200 and the mark as the body. Any other mark
// is a path of the site like all others.
inline constexpr char kMarkPath[] = "/.well-known/lockstep/site/";

// The first half of the digest of the resource's bytes, in hex: whoever has the same resource has
// the same mark, and no two versions of a site share one.
SiteMark MarkOf(const Snapshot::Entry& site);

}  // namespace lockstep::snapshot

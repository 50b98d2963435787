// The release, as `lockstep version` and every Welcome say it.
#pragma once

namespace lockstep::controller::app {

inline constexpr char kVersion[] = LOCKSTEP_VERSION;

}  // namespace lockstep::controller::app

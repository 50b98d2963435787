// What certbot's plugin writes to the hook program's standard input.
#pragma once

#include <string_view>

#include "common/status/status.h"
#include "lockstep/hook/v1/hook.pb.h"

namespace lockstep::controller::drivers::certbot {

// {"challenges": [{"host", "token", "key_authorization"}, ...]} into `request.challenges`.
// INVALID_ARGUMENT without the text itself: it holds key authorizations.
Status ReadChallenges(std::string_view json, hook::v1::PerformRequest* request);

}  // namespace lockstep::controller::drivers::certbot

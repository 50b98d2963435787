// The hook program: certbot's plugin in, the controller's hook socket out.
#pragma once

namespace lockstep::controller::drivers::certbot {

// `lockstep-certbot-hook perform|cleanup`. 0 only when the controller has said OK; else 1 (2 for a
// wrong use), with words for an operator on standard error.
int RunHook(int argc, char** argv);

}  // namespace lockstep::controller::drivers::certbot

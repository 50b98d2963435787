#include "agent/quicd/upstream/upstream.h"
namespace lockstep::agent::quicd::upstream {
Status CheckRequest(const RequestHead&) { return Status::Ok(); }
}  // namespace lockstep::agent::quicd::upstream

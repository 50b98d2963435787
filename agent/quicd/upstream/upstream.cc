#include "agent/quicd/upstream/upstream.h"

#include "agent/quicd/upstream/pool.h"

namespace lockstep::agent::quicd::upstream {

std::unique_ptr<Upstream> Upstream::Create(loop::Loop& loop, Settings settings) {
  return std::make_unique<Pool>(loop, std::move(settings));
}

}  // namespace lockstep::agent::quicd::upstream

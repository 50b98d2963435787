// Where sockets are read into. One block serves all connections in turn, until somebody keeps a
// slice of it: then it is theirs, and the next one begins. It comes back when they let go of it: a
// new one would have to be zeroed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "agent/quicd/upstream/upstream.h"

namespace lockstep::agent::quicd::upstream {

class Blocks {
 public:
  static constexpr size_t kBytes = 64 << 10;

  static constexpr size_t kMaxSpares = 16;

  // A block that nobody else holds, `begun` at its front and room for more behind it.
  std::span<uint8_t> Begin(std::span<const uint8_t> begun);
  // A place in the block that Begin gave last, of which `filled` bytes are in use. A little of it
  // is copied: a slow reader of crumbs must not pin whole blocks.
  Slice Keep(size_t offset, size_t size, size_t filled) const;

 private:
  using Bytes = std::vector<uint8_t>;
  using Spares = std::vector<std::unique_ptr<Bytes>>;

  std::shared_ptr<Bytes> Take(size_t size);

  // Outlived by those slices that are kept longer than the pool of connections.
  const std::shared_ptr<Spares> spares_ = std::make_shared<Spares>();
  std::shared_ptr<Bytes> block_;
};

}  // namespace lockstep::agent::quicd::upstream

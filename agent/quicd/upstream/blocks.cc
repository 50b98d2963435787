#include "agent/quicd/upstream/blocks.h"

#include <algorithm>

namespace lockstep::agent::quicd::upstream {
namespace {

constexpr size_t kRoom = 16 << 10;        // at least, behind what was begun
constexpr size_t kWorthKeepingShare = 4;  // a quarter of a block, and it is not copied

}  // namespace

std::span<uint8_t> Blocks::Begin(std::span<const uint8_t> begun) {
  const size_t needed = std::max(kBytes, begun.size() + kRoom);
  if (block_ == nullptr || block_.use_count() > 1 || block_->size() != needed) {
    block_ = Take(needed);
  }
  std::copy(begun.begin(), begun.end(), block_->begin());
  return *block_;
}

std::shared_ptr<Blocks::Bytes> Blocks::Take(size_t size) {
  std::unique_ptr<Bytes> taken;
  if (size == kBytes && !spares_->empty()) {
    taken = std::move(spares_->back());
    spares_->pop_back();
  } else {
    taken = std::make_unique<Bytes>(size);
  }
  return {taken.release(), [back = std::weak_ptr(spares_)](Bytes* bytes) {
            std::unique_ptr<Bytes> let_go(bytes);
            const std::shared_ptr<Spares> spares = back.lock();
            if (spares == nullptr || spares->size() == kMaxSpares || bytes->size() != kBytes)
              return;
            spares->push_back(std::move(let_go));
          }};
}

Slice Blocks::Keep(size_t offset, size_t size, size_t filled) const {
  if (filled >= block_->size() / kWorthKeepingShare) return {block_, offset, size};
  const auto begin = block_->begin() + static_cast<std::ptrdiff_t>(offset);
  return {std::make_shared<const std::vector<uint8_t>>(begin,
                                                       begin + static_cast<std::ptrdiff_t>(size)),
          0, size};
}

}  // namespace lockstep::agent::quicd::upstream

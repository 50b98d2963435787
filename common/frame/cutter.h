// Cutting a message of the session stream into pieces (proto/lockstep/agent/v1/session.proto).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/crypto/digest.h"

namespace lockstep::frame {

// The largest message on the wire, and the data in one piece of a larger one: what is left covers
// the piece's own fields, so that a message with a piece is no larger than kMaxWireBytes.
inline constexpr size_t kMaxWireBytes = size_t{48} * 1024;
inline constexpr size_t kPieceBytes = kMaxWireBytes - 256;

// True if a serialised message of `bytes` travels as it is.
constexpr bool FitsTheWire(size_t bytes) { return bytes <= kMaxWireBytes; }

// One piece: `header` and then `data` make a serialised message that carries a Chunk. Apart, so
// that `data` can be sent from where it lies.
struct Piece {
  std::string header;
  std::string_view data;
};

// Cuts one serialised message as the stream gets ready for it, hashing what it hands out: nothing
// is copied, and no time is spent on pieces that are never sent.
class Cutter {
 public:
  // `chunk_field` is the field of `chunk` in the envelope (AgentMessage::kChunkFieldNumber).
  // `whole`, not empty, must outlive the cutter. `transfer` counts from 1 per stream and direction.
  Cutter(int chunk_field, std::string_view whole, uint64_t transfer)
      : chunk_field_(chunk_field), rest_(whole), transfer_(transfer) {}

  bool done() const { return rest_.empty(); }
  // Not after done().
  Piece Next();

 private:
  int chunk_field_;
  std::string_view rest_;
  uint64_t transfer_;
  uint32_t index_ = 0;
  crypto::Sha256Stream hash_;
};

// One direction of one stream: counts its transfers.
template <typename Envelope>
class Splitter {
 public:
  // What to write, in order: the message itself if it fits the wire, else its pieces.
  std::vector<std::string> Split(std::string serialised) {
    std::vector<std::string> messages;
    if (FitsTheWire(serialised.size())) {
      messages.push_back(std::move(serialised));
      return messages;
    }
    Cutter cutter(Envelope::kChunkFieldNumber, serialised, ++transfers_);
    while (!cutter.done()) {
      Piece piece = cutter.Next();
      messages.push_back(std::move(piece.header.append(piece.data)));
    }
    return messages;
  }

 private:
  uint64_t transfers_ = 0;
};

}  // namespace lockstep::frame

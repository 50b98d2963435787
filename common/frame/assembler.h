// Putting the pieces of messages together, on the receiving side of a session stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/crypto/digest.h"
#include "common/status/status.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::frame {

// What a peer may make us hold.
struct Limits {
  size_t total_bytes = 64U << 20;  // of all unfinished transfers of the stream together
  size_t transfers = 4;            // unfinished at once
};

// The transfers of one direction of one stream. After an error the stream is broken: end it.
class Assembler {
 public:
  explicit Assembler(Limits limits = {}) : limits_(limits) {}

  // The whole serialised message if this piece was its last; nothing if more is to come.
  // INVALID_ARGUMENT for a piece out of order, RESOURCE_EXHAUSTED beyond a limit, DATA_LOSS if the
  // digest is not that of the data; the message names transfer and piece.
  Result<std::optional<std::string>> Take(const agent::v1::Chunk& chunk);

  size_t unfinished() const { return transfers_.size(); }
  size_t held_bytes() const { return held_bytes_; }

 private:
  struct Transfer {
    std::string data;
    uint32_t next_index = 0;
    crypto::Sha256Stream hash;
  };
  Result<Transfer*> FindOrStart(const agent::v1::Chunk& chunk);

  Limits limits_;
  std::map<uint64_t, Transfer> transfers_;
  uint64_t started_ = 0;  // the newest transfer's number
  size_t held_bytes_ = 0;
};

// What a stream delivers, as whole messages. `Envelope` is AgentMessage or ControllerMessage.
template <typename Envelope>
class Inbox {
 public:
  explicit Inbox(Limits limits = {}) : assembler_(limits) {}

  // Takes what was read; gives what it is or completes, or nothing while pieces are missing, and
  // for a kind of message that this version does not know. An error ends the stream
  // (Assembler::Take; INVALID_ARGUMENT for a transfer that holds no message or another piece).
  Result<std::optional<Envelope>> Take(Envelope message) {
    if (message.message_case() != Envelope::kChunk) return Known(std::move(message));
    LS_ASSIGN_OR_RETURN(const std::optional<std::string> whole, assembler_.Take(message.chunk()));
    if (!whole) return std::optional<Envelope>();
    Envelope assembled;
    if (!assembled.ParseFromString(*whole)) {
      return InvalidArgument("transfer " + std::to_string(message.chunk().transfer()) +
                             " holds no message");
    }
    if (assembled.message_case() == Envelope::kChunk) {
      return InvalidArgument("transfer " + std::to_string(message.chunk().transfer()) +
                             " holds a piece of another");
    }
    return Known(std::move(assembled));
  }

 private:
  static std::optional<Envelope> Known(Envelope message) {
    if (message.message_case() == Envelope::MESSAGE_NOT_SET) return std::nullopt;
    return message;
  }

  Assembler assembler_;
};

}  // namespace lockstep::frame

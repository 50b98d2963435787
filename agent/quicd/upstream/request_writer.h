// Pure: the bytes of one request in the order in which they go out, however they were handed in.
//
// Body bytes that arrive in crumbs are gathered: a chunk is framed when the socket has room for it,
// so that what is held is never much more than what was written.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/quicd/upstream/request_head.h"

namespace lockstep::agent::quicd::upstream {

class RequestWriter {
 public:
  RequestWriter(Framing framing, std::optional<uint64_t> content_length);

  // The head goes first; called again, before any body byte was sent, it starts anew.
  void Begin(std::string head);
  // False: the body is not what its head says, and must not go out. More than announced is as
  // dangerous as less: it would be read as the next request.
  [[nodiscard]] bool Append(std::span<const uint8_t> bytes);
  [[nodiscard]] bool Finish();

  static constexpr size_t kParts = 3;
  // What is to be sent next, for sendmsg. Only while `pending`.
  std::span<iovec> Gather(std::span<iovec, kParts> parts);
  // That many bytes of it were sent. Returns how many of them were of the body.
  size_t Advance(size_t sent);

  bool pending() const;   // there is something to send
  bool complete() const;  // all has been sent, the end included
  // The head is out, and of the body something is on its way.
  bool body_begun() const { return body_begun_; }

 private:
  void NextPiece();

  const Framing framing_;
  uint64_t left_;  // kLength: bytes that are still to be handed in

  std::string before_;          // the head, or a chunk's size
  std::vector<uint8_t> piece_;  // a part of the body, on its way
  std::string after_;           // what ends a chunk
  size_t sent_ = 0;             // of these three
  std::vector<uint8_t> queued_;
  bool finished_ = false;    // Finish was called
  bool end_framed_ = false;  // the last chunk is in before_, or was sent
  bool body_begun_ = false;
};

}  // namespace lockstep::agent::quicd::upstream

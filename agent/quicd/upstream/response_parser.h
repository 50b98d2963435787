// Pure: the bytes of one HTTP/1.1 response to what a listener is told (RFC 9112), by Boost.Beast.
//
// Bodies are not copied: they are told as places in the bytes that were given.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "agent/quicd/upstream/upstream.h"

namespace lockstep::agent::quicd::upstream {

class ResponseParser {
 public:
  struct Interim {
    ResponseHead head;
  };
  struct Body {
    size_t offset = 0;  // in the bytes given
    size_t size = 0;
  };
  struct End {
    std::vector<Header> trailers;
  };
  using Event = std::variant<Interim, ResponseHead, Body, End>;

  struct Problem {
    Failure failure;
    std::string why;
  };
  struct Step {
    size_t used = 0;  // the rest is to be given again, with more behind it
    std::optional<Problem> problem;
  };

  // `to_head`: the request's method was HEAD, its response has no body whatever it says.
  ResponseParser(bool to_head, size_t max_head_bytes);
  ~ResponseParser();

  // Appends what is new to `events`. Stops behind the end of the response.
  Step Parse(std::span<const uint8_t> bytes, std::vector<Event>* events);
  // The connection has ended: the end of the response, or too early.
  Step ParseEnd(std::vector<Event>* events);

  bool done() const { return done_; }
  // Of a response that is done: whether another may follow on its connection.
  bool keeps_connection() const { return keeps_connection_; }

 private:
  class Message;  // one head and what belongs to it

  void StartMessage();
  std::optional<Problem> Settle();

  const bool to_head_;
  const size_t max_head_bytes_;
  std::unique_ptr<Message> message_;
  int interims_ = 0;
  bool done_ = false;
  bool keeps_connection_ = false;
};

}  // namespace lockstep::agent::quicd::upstream

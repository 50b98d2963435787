// Arbitrary bytes as a response of Caddy's. However the socket cuts them, the same is told, and
// every place of a body lies within the bytes that were given.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "agent/quicd/upstream/response_parser.h"

namespace {

namespace upstream = lockstep::agent::quicd::upstream;
using upstream::ResponseParser;

void Require(bool holds) {
  if (!holds) __builtin_trap();
}

void Describe(const upstream::ResponseHead& head, std::string* told) {
  *told += std::to_string(head.status);
  for (const upstream::Header& header : head.headers) {
    Require(header.name != "connection" && header.name != "transfer-encoding");
    Require(header.value.find_first_of("\r\n") == std::string::npos);
    *told += " " + header.name + "=" + header.value;
  }
}

struct Told {
  std::string text;
  bool failed = false;
  bool done = false;
};

Told Parse(std::span<const uint8_t> wire, bool to_head, size_t step) {
  ResponseParser parser(to_head, 1024);
  std::vector<uint8_t> rest;
  Told told;
  while (!wire.empty() && !told.done && !told.failed) {
    const size_t size = std::min(step, wire.size());
    rest.insert(rest.end(), wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(size));
    wire = wire.subspan(size);
    std::vector<ResponseParser::Event> events;
    const ResponseParser::Step parsed = parser.Parse(rest, &events);
    Require(parsed.used <= rest.size());
    for (const ResponseParser::Event& event : events) {
      if (const auto* body = std::get_if<ResponseParser::Body>(&event)) {
        Require(body->offset + body->size <= parsed.used);
        told.text.append(reinterpret_cast<const char*>(rest.data()) + body->offset, body->size);
      } else if (const auto* head = std::get_if<upstream::ResponseHead>(&event)) {
        Require(head->status >= 200);
        Describe(*head, &told.text);
      } else if (const auto* interim = std::get_if<ResponseParser::Interim>(&event)) {
        Require(interim->head.status < 200);
        Describe(interim->head, &told.text);
      } else {
        for (const auto& trailer : std::get<ResponseParser::End>(event).trailers) {
          told.text += trailer.name + "=" + trailer.value;
        }
      }
    }
    told.failed = parsed.problem.has_value();
    told.done = parser.done();
    rest.erase(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(parsed.used));
  }
  std::vector<ResponseParser::Event> events;
  if (!told.failed) static_cast<void>(parser.ParseEnd(&events));
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const bool to_head = (data[0] & 1) != 0;
  const size_t step = 1 + data[1] % 32;
  const std::span<const uint8_t> wire(data + 2, size - 2);
  const Told whole = Parse(wire, to_head, wire.size());
  const Told cut = Parse(wire, to_head, step);
  // Limits are counted per line, so that only what was understood to its end must be the same.
  if (whole.done && cut.done) Require(whole.text == cut.text);
  return 0;
}

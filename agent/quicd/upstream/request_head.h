// Pure: an HTTP/3 request as the head of an HTTP/1.1 one (RFC 9114 §4.2-4.3, RFC 9112).
//
// What goes out is written from checked parts, never copied through: one Host, one framing field of
// our own making, and no byte that could end a line early. That is what keeps a request from being
// read as two.
#pragma once

#include <string>
#include <string_view>

#include "agent/quicd/upstream/upstream.h"

namespace lockstep::agent::quicd::upstream {

enum class Framing { kNone, kLength, kChunked };

// How the body of a checked request is delimited on the wire.
Framing FramingOf(const RequestHead& head);

// The bytes up to and including the empty line, for a request that passed CheckRequest. `key` must
// be a field value (IsFieldValue).
std::string RenderRequest(const RequestHead& head, std::string_view key);

// RFC 9110 §9.2.2: whether a request with this method may be sent twice.
bool IsIdempotent(std::string_view method);

// RFC 9110 §5.1 and §5.5; a name in lower case only, as HTTP/3 demands.
bool IsFieldName(std::string_view name);
bool IsFieldValue(std::string_view value);

}  // namespace lockstep::agent::quicd::upstream

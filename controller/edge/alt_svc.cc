#include "controller/edge/alt_svc.h"

namespace lockstep::controller::edge {
namespace {

// RFC 9110 §5.6.2. Everything else in a protocol id is percent-encoded, and "%" itself.
bool IsTokenCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string EncodeProtocol(std::string_view id) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : id) {
    if (IsTokenCharacter(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 0xf];
  }
  return out;
}

}  // namespace

Alternative SameHostHttp3() { return {"h3", "", 443}; }

std::string ToString(const Alternative& alternative) {
  return EncodeProtocol(alternative.protocol) + "=\"" + alternative.host + ":" +
         std::to_string(alternative.port) + "\"";
}

std::string RenderAltSvc(const AltSvc& alt_svc) {
  if (alt_svc.clear) return "clear";
  std::string out;
  for (const AltSvcEntry& entry : alt_svc.entries) {
    if (!out.empty()) out += ", ";
    out += ToString(entry.alternative) + "; ma=" + std::to_string(entry.max_age.count());
    if (entry.persist) out += "; persist=1";
  }
  return out;
}

AltSvc Promise(const std::vector<Alternative>& alternatives, Seconds max_age, bool persist) {
  AltSvc out;
  for (const Alternative& alternative : alternatives) {
    out.entries.push_back({alternative, max_age, persist});
  }
  return out;
}

std::string WhyNotPersistent(const Alternative& alternative, const OriginFacts& origin) {
  if (!alternative.host.empty()) {
    return ToString(alternative) +
           " names a place of its own, which may be far from where the "
           "client is after it has moved";
  }
  if (!origin.anycast) return "the origin is not the same place from every network";
  if (!origin.sole_operator) {
    return "another operator answers for the origin, too, and promises nothing of this";
  }
  return "";
}

}  // namespace lockstep::controller::edge

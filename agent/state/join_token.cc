#include "agent/state/join_token.h"

#include <algorithm>
#include <array>

#include "common/base/encoding.h"

namespace lockstep::agent::state {
namespace {

constexpr size_t kMaxTokenBytes = 512;
constexpr size_t kIdHexDigits = 16;
constexpr size_t kSecretBytes = 24;
constexpr size_t kPinBytes = 32;
constexpr std::string_view kSpace = " \t\r\n";

Status Malformed() {
  return InvalidArgument(
      "join token is malformed: give it exactly as `lockstep token create` printed it");
}

bool HasBytes(std::string_view base64url, size_t count) {
  const Result<std::string> bytes = Base64UrlDecode(base64url);
  return bytes.ok() && bytes->size() == count;
}

bool IsLowerHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

Result<JoinToken> JoinToken::Parse(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return InvalidArgument("join token is empty");
  text = text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
  if (text.size() > kMaxTokenBytes) return Malformed();

  std::array<std::string_view, 5> parts;
  for (size_t i = 0; i < parts.size(); ++i) {
    const size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (i + 1 == parts.size())) return Malformed();
    parts[i] = text.substr(0, dot);
    if (dot != std::string_view::npos) text.remove_prefix(dot + 1);
  }
  if (parts[0] != "ls1") return Malformed();
  Result<NodeName> node = NodeName::Parse(parts[1]);
  if (!node.ok()) return Malformed();
  if (parts[2].size() != kIdHexDigits || !IsLowerHex(parts[2])) return Malformed();
  if (!HasBytes(parts[3], kSecretBytes) || !HasBytes(parts[4], kPinBytes)) return Malformed();
  return JoinToken{*std::move(node), std::string(parts[2]), crypto::Secret::CopyOf(parts[3]),
                   std::string(parts[4])};
}

}  // namespace lockstep::agent::state

#include "controller/identity/join_token.h"

#include <algorithm>
#include <array>

#include "common/base/encoding.h"
#include "common/crypto/digest.h"

namespace lockstep::controller::identity {
namespace {

constexpr std::string_view kVersion = "ls1";
constexpr size_t kIdBytes = 8;
constexpr size_t kSecretBytes = 24;
constexpr size_t kPinBytes = crypto::kSha256Bytes;
constexpr size_t kMaxTextBytes = 256;

// Cuts `text` at its dots; absent unless there are exactly N parts.
template <size_t N>
std::optional<std::array<std::string_view, N>> SplitAtDots(std::string_view text) {
  std::array<std::string_view, N> parts;
  for (size_t i = 0; i < N; ++i) {
    const size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (i + 1 == N)) return std::nullopt;
    parts[i] = text.substr(0, dot);
    if (dot != std::string_view::npos) text.remove_prefix(dot + 1);
  }
  return parts;
}

bool IsBase64UrlOf(size_t bytes, std::string_view text) {
  Result<std::string> decoded = Base64UrlDecode(text);
  if (!decoded.ok()) return false;
  const bool right = decoded->size() == bytes;
  crypto::Wipe(*decoded);
  return right;
}

bool IsId(std::string_view text) {
  return text.size() == 2 * kIdBytes && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

Result<JoinToken> JoinToken::Parse(std::string_view text) {
  const auto refuse = [](std::string_view why) {
    return InvalidArgument("join token " + std::string(why) +
                           ": it looks like ls1.<node>.<id>.<secret>.<ca pin>, on one line");
  };
  if (text.size() > kMaxTextBytes) return refuse("is too long");
  const auto parts = SplitAtDots<5>(text);
  if (!parts) return refuse("does not have five parts");
  const auto& [version, node_text, id, secret, pin] = *parts;
  if (version != kVersion) return refuse("does not begin with ls1");
  const Result<NodeName> node = NodeName::Parse(node_text);
  if (!node.ok()) return refuse("names no node");
  if (!IsId(id)) return refuse("has a malformed id");
  if (!IsBase64UrlOf(kSecretBytes, secret)) return refuse("has a malformed secret");
  if (!IsBase64UrlOf(kPinBytes, pin)) return refuse("has a malformed pin");
  return JoinToken{.node = *node,
                   .id = std::string(id),
                   .secret = crypto::Secret::CopyOf(secret),
                   .ca_pin = std::string(pin)};
}

crypto::Secret JoinToken::Render() const {
  std::string text;
  text.reserve(kMaxTextBytes);  // so that no half of it is left in a smaller buffer
  text.append(kVersion).append(".").append(node.str()).append(".").append(id).append(".");
  text.append(secret.Reveal()).append(".").append(ca_pin);
  return crypto::Secret(std::move(text));
}

NewTokenResult NewToken(const NodeName& node, const PopName& pop, std::string_view ca_pin,
                        WallTime now, Micros lifetime) {
  std::string random = RandomBytes(kSecretBytes);
  crypto::Secret secret(Base64UrlEncode(random));
  crypto::Wipe(random);
  const std::string id = HexEncode(RandomBytes(kIdBytes));
  model::JoinToken record;
  record.id = id;
  record.node = node;
  record.pop = pop;
  record.secret_sha256 = crypto::Sha256(secret.Reveal());
  record.created_at = now;
  record.expires_at = now + lifetime;
  return {
      .token = {.node = node, .id = id, .secret = std::move(secret), .ca_pin = std::string(ca_pin)},
      .record = std::move(record)};
}

Redemption Redeem(const model::JoinToken* record, std::string_view secret,
                  std::string_view csr_spki_sha256, WallTime now) {
  const std::string presented = crypto::Sha256(secret);  // also for an id that is not there
  if (record == nullptr) return Redemption::kUnknown;
  if (!ConstantTimeEqual(presented, record->secret_sha256)) return Redemption::kWrong;
  if (record->revoked) return Redemption::kRevoked;
  if (now >= record->expires_at) return Redemption::kExpired;
  if (record->used_by_spki_sha256 && *record->used_by_spki_sha256 != csr_spki_sha256) {
    return Redemption::kAlreadyUsedByAnotherKey;
  }
  return Redemption::kIssue;
}

Status ToStatus(Redemption redemption) {
  switch (redemption) {
    case Redemption::kIssue:
      return Status::Ok();
    case Redemption::kAlreadyUsedByAnotherKey:
      return AlreadyExists("join token was used by another key: create a new one");
    case Redemption::kExpired:
      return Unauthenticated("join token has expired: create a new one");
    case Redemption::kRevoked:
      return Unauthenticated("join token was revoked");
    case Redemption::kUnknown:
    case Redemption::kWrong:
      break;  // one message: an id alone tells nothing
  }
  return Unauthenticated("join token is not one of this fleet");
}

}  // namespace lockstep::controller::identity

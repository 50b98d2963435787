#include "common/base/names.h"

#include <algorithm>

#include "common/base/encoding.h"
#include "common/base/hostname.h"

namespace lockstep {
namespace {

bool IsLabelCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Status CheckLabel(std::string_view what, std::string_view text) {
  const bool good = !text.empty() && text.size() <= 63 && text.front() != '-' &&
                    text.back() != '-' && std::all_of(text.begin(), text.end(), IsLabelCharacter);
  if (good) return Status::Ok();
  return InvalidArgument(std::string(what) + " " + Quoted(text) +
                         " must be 1-63 of a-z, 0-9 and '-', not starting or ending with '-'");
}

}  // namespace

Status NodeTag::Check(std::string_view text) { return CheckLabel("node name", text); }
Status PopTag::Check(std::string_view text) { return CheckLabel("pop", text); }

Status OrderTag::Check(std::string_view text) {
  if (text.size() == 18 && text.starts_with("o-") && IsHex(text.substr(2))) return Status::Ok();
  return InvalidArgument("order id " + Quoted(text) + " must be 'o-' and 16 hex digits");
}

Status ChallengeTokenTag::Check(std::string_view text) {
  const bool good =
      text.size() >= 16 && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
      });
  if (good) return Status::Ok();
  return InvalidArgument("challenge token " + Quoted(text) +
                         " must be 16-128 of A-Z, a-z, 0-9, '-' and '_'");
}

Status SiteMarkTag::Check(std::string_view text) {
  if (text.size() == 32 && IsHex(text)) return Status::Ok();
  return InvalidArgument("site mark " + Quoted(text) + " must be 32 of 0-9 and a-f");
}

OrderId NewOrderId() { return *OrderId::Parse("o-" + HexEncode(RandomBytes(8))); }

}  // namespace lockstep

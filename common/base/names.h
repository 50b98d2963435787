// Short names that Lockstep itself gives: nodes, pops, orders, marks of sites; and the ACME token
// of a challenge.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "common/status/status.h"

namespace lockstep {

// A checked string of its own type, so that a node is never passed where a site is meant.
// `Tag::Check(text)` says what the text must look like.
template <typename Tag>
class Name {
 public:
  Name() = default;
  static Result<Name> Parse(std::string_view text) {
    LS_RETURN_IF_ERROR(Tag::Check(text));
    return Name(std::string(text));
  }
  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  friend bool operator==(const Name&, const Name&) = default;
  friend auto operator<=>(const Name&, const Name&) = default;

 private:
  explicit Name(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// 1-63 of a-z 0-9 '-', starting and ending with a letter or digit (usable as a DNS label, a file
// name and an argv word alike).
struct NodeTag {
  static Status Check(std::string_view text);
};
struct PopTag {
  static Status Check(std::string_view text);
};
// "o-" and 16 hex digits, random.
struct OrderTag {
  static Status Check(std::string_view text);
};
// The ACME token of a challenge: 16-128 of A-Z a-z 0-9 '-' '_' (RFC 8555 §8.3 asks for base64url;
// the bounds are ours).
struct ChallengeTokenTag {
  static Status Check(std::string_view text);
};
// The mark of one version of a site, which says on the wire that this version is served: 32 hex
// digits, lower case.
struct SiteMarkTag {
  static Status Check(std::string_view text);
};

using NodeName = Name<NodeTag>;
using PopName = Name<PopTag>;
using OrderId = Name<OrderTag>;
using ChallengeToken = Name<ChallengeTokenTag>;
using SiteMark = Name<SiteMarkTag>;

OrderId NewOrderId();

}  // namespace lockstep

template <typename Tag>
struct std::hash<lockstep::Name<Tag>> {
  size_t operator()(const lockstep::Name<Tag>& name) const noexcept {
    return std::hash<std::string>()(name.str());
  }
};

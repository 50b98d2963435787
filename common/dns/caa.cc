#include "common/dns/caa.h"

#include <algorithm>
#include <array>
#include <optional>

#include "common/base/hostname.h"
#include "common/dns/rdata.h"

namespace lockstep::dns {
namespace {

constexpr uint8_t kCriticalFlag = 0x80;

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes the part before the next ';'.
std::string_view TakePart(std::string_view* text) {
  const size_t end = text->find(';');
  const std::string_view part = Trim(text->substr(0, end));
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  return part;
}

// The value of an `issue` property (RFC 8659 §4.2).
struct Issuer {
  std::string domain;                             // "" = nobody
  std::optional<std::string> validation_methods;  // RFC 8657 §4
};

// Unset if the value breaks the grammar; §4.2: such a property allows nobody.
std::optional<Issuer> ParseIssuer(std::string_view value) {
  Issuer out;
  out.domain = Lower(TakePart(&value));
  if (!std::all_of(out.domain.begin(), out.domain.end(),
                   [](char c) { return IsAlphanumeric(c) || c == '-' || c == '.'; })) {
    return std::nullopt;
  }
  while (!value.empty()) {
    const std::string_view parameter = TakePart(&value);
    if (parameter.empty()) continue;
    const size_t equals = parameter.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view tag = Trim(parameter.substr(0, equals));
    const std::string_view content = Trim(parameter.substr(equals + 1));
    const bool good =
        !tag.empty() && std::all_of(tag.begin(), tag.end(), IsAlphanumeric) &&
        std::all_of(content.begin(), content.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!good) return std::nullopt;
    if (Lower(tag) == "validationmethods") out.validation_methods = std::string(content);
  }
  return out;
}

bool AllowsHttp01(const Issuer& issuer) {
  if (!issuer.validation_methods) return true;
  std::string_view rest = *issuer.validation_methods;
  while (true) {
    const size_t comma = rest.find(',');
    if (Lower(rest.substr(0, comma)) == "http-01") return true;
    if (comma == std::string_view::npos) return false;
    rest.remove_prefix(comma + 1);
  }
}

// What a CA that does HTTP-01 understands. An unknown tag only matters with the critical flag.
bool IsKnownTag(std::string_view tag) {
  constexpr std::array<std::string_view, 4> kKnown = {"issue", "issuewild", "iodef", "issuemail"};
  return std::find(kKnown.begin(), kKnown.end(), tag) != kKnown.end();
}

}  // namespace

Result<CaaRecord> ParseCaa(std::string_view rdata) {
  RdataReader reader(rdata);
  const auto flags = reader.TakeUint8();
  const auto tag_length = reader.TakeUint8();
  const auto tag = tag_length ? reader.TakeBytes(*tag_length) : std::nullopt;
  if (!flags || !tag || tag->empty() || !std::all_of(tag->begin(), tag->end(), IsAlphanumeric)) {
    return DataLoss("malformed CAA record");
  }
  return CaaRecord{(*flags & kCriticalFlag) != 0, Lower(*tag), std::string(reader.rest())};
}

Status JudgeCaa(const CaaSet& set, std::string_view ca_domain) {
  const std::string ca = Lower(ca_domain);
  const std::string whose = "CAA records of " + set.owner;
  const CaaRecord* narrowed = nullptr;  // allows this CA, but not by HTTP-01
  bool restricted = false;
  bool allowed = false;
  for (const CaaRecord& record : set.records) {
    if (record.critical && !IsKnownTag(record.tag)) {
      return PermissionDenied(whose + " hold the critical property " + Quoted(record.tag) +
                              ", which no CA may ignore and ours does not know");
    }
    if (record.tag != "issue") continue;
    restricted = true;
    const std::optional<Issuer> issuer = ParseIssuer(record.value);
    if (!issuer || issuer->domain != ca || ca.empty()) continue;
    if (AllowsHttp01(*issuer)) {
      allowed = true;
    } else {
      narrowed = &record;
    }
  }
  if (!restricted || allowed) return Status::Ok();
  if (narrowed != nullptr) {
    return PermissionDenied(whose + " let " + ca +
                            " issue, but not by HTTP-01: " + Quoted(narrowed->value));
  }
  return PermissionDenied(whose + " do not let " + Quoted(ca) + " issue; add: " + set.owner +
                          ". CAA 0 issue " + Quoted(ca));
}

}  // namespace lockstep::dns

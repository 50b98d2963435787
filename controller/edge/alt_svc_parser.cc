// The reader of Alt-Svc values: RFC 7838 §3 with the lists and strings of RFC 9110 §5.6.
#include <algorithm>
#include <charconv>
#include <optional>

#include "common/base/hostname.h"
#include "common/base/ip.h"
#include "controller/edge/alt_svc.h"

namespace lockstep::controller::edge {
namespace {

constexpr size_t kMaxBytes = 8192;
constexpr size_t kMaxEntries = 64;
constexpr size_t kMaxProtocolBytes = 255;  // RFC 7301 §3.1
// RFC 9111 §1.2.2: what a recipient takes a larger number of seconds for.
constexpr int64_t kMostSeconds = int64_t{1} << 31;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsToken(char c) {
  return IsDigit(c) || IsLetter(c) ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::optional<unsigned> UpperHex(char c) {
  if (IsDigit(c)) return static_cast<unsigned>(c - '0');
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

// One form for one id: what need not be encoded must not be (RFC 7838 §3).
std::optional<std::string> DecodeProtocol(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const auto high = UpperHex(text[i + 1]);
    const auto low = UpperHex(text[i + 2]);
    if (!high || !low) return std::nullopt;
    const char c = static_cast<char>(*high << 4 | *low);
    if (IsToken(c) && c != '%') return std::nullopt;
    out += c;
    i += 2;
  }
  if (out.empty() || out.size() > kMaxProtocolBytes) return std::nullopt;
  return out;
}

std::optional<uint64_t> ParseNumber(std::string_view digits) {
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), IsDigit)) return std::nullopt;
  uint64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return parsed.ec == std::errc() ? value : UINT64_MAX;
}

// RFC 3986 §3.2.2 as far as a name of the DNS or an address literal goes.
bool IsUriHost(std::string_view host) {
  if (host.empty()) return true;
  if (host.front() == '[') {
    if (host.size() < 4 || host.back() != ']') return false;
    const std::string_view inside = host.substr(1, host.size() - 2);
    return inside.find(':') != std::string_view::npos && IpAddress::Parse(inside).ok();
  }
  return host.size() <= 253 && host.front() != '.' && host.find("..") == std::string_view::npos &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return IsDigit(c) || IsLetter(c) || c == '-' || c == '.' || c == '_';
         });
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

class Parser {
 public:
  explicit Parser(std::string_view value) : rest_(value), whole_(value.size()) {}

  Result<AltSvc> Parse() {
    if (whole_ > kMaxBytes) return InvalidArgument("longer than 8192 bytes");
    AltSvc out;
    for (;;) {
      SkipSpace();
      LS_RETURN_IF_ERROR(TakeElement(&out));
      SkipSpace();
      if (rest_.empty()) return out;
      if (!Take(',')) return Wrong("a comma or the end is expected");
      if (out.entries.size() >= kMaxEntries) return Wrong("more than 64 entries");
    }
  }

 private:
  Status TakeElement(AltSvc* out) {
    const std::string_view token = TakeToken();
    if (token.empty()) return Wrong("a protocol or \"clear\" is expected");
    if (!rest_.empty() && rest_.front() == '=') return TakeEntry(token, out);
    if (token != "clear" || out->clear) return Wrong("\"=\" is expected after a protocol");
    out->clear = true;
    return {};
  }

  Status TakeEntry(std::string_view token, AltSvc* out) {
    auto protocol = DecodeProtocol(token);
    if (!protocol) return Wrong("protocol " + Quoted(token) + " is not encoded as RFC 7838 asks");
    Take('=');
    const auto authority = TakeQuoted();
    if (!authority) return Wrong("an authority in double quotes is expected");
    AltSvcEntry entry;
    entry.alternative.protocol = std::move(*protocol);
    LS_RETURN_IF_ERROR(ReadAuthority(*authority, &entry.alternative));
    LS_RETURN_IF_ERROR(TakeParameters(&entry));
    out->entries.push_back(std::move(entry));
    return {};
  }

  Status ReadAuthority(std::string_view authority, Alternative* out) {
    const size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos) return Wrong("authority without a port");
    const auto port = ParseNumber(authority.substr(colon + 1));
    if (!port || *port == 0 || *port > 65535) return Wrong("the port is not one of 1 to 65535");
    if (!IsUriHost(authority.substr(0, colon))) {
      return Wrong("authority " + Quoted(authority) + " names no host");
    }
    out->host = Lower(authority.substr(0, colon));
    out->port = static_cast<uint16_t>(*port);
    return {};
  }

  Status TakeParameters(AltSvcEntry* entry) {
    std::vector<std::string> seen;
    for (;;) {
      const std::string_view before = rest_;
      SkipSpace();
      if (!Take(';')) {
        rest_ = before;
        return {};
      }
      SkipSpace();
      const std::string name = Lower(TakeToken());
      if (name.empty() || !Take('=')) return Wrong("name=value is expected after a semicolon");
      const auto value = TakeValue();
      if (!value) return Wrong("parameter " + name + " has no value");
      if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
        return Wrong("parameter " + name + " stands twice");
      }
      seen.push_back(name);
      LS_RETURN_IF_ERROR(ReadParameter(name, *value, entry));
    }
  }

  Status ReadParameter(const std::string& name, std::string_view value, AltSvcEntry* entry) {
    if (name == "ma") {
      const auto seconds = ParseNumber(value);
      if (!seconds) return Wrong("ma is not a number of seconds");
      entry->max_age =
          Seconds(static_cast<int64_t>(std::min(*seconds, static_cast<uint64_t>(kMostSeconds))));
    } else if (name == "persist") {
      // Any other value means nothing to a client (§3.1).
      entry->persist = value == "1";
    }
    return {};
  }

  std::optional<std::string> TakeValue() {
    if (!rest_.empty() && rest_.front() == '"') return TakeQuoted();
    const std::string_view token = TakeToken();
    if (token.empty()) return std::nullopt;
    return std::string(token);
  }

  std::optional<std::string> TakeQuoted() {
    if (!Take('"')) return std::nullopt;
    std::string out;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return out;
      if (c == '\\') {
        if (rest_.empty()) return std::nullopt;
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      const bool text = c == '\t' || static_cast<unsigned char>(c) >= 0x20;
      if (!text || c == 0x7f) return std::nullopt;
      out += c;
    }
    return std::nullopt;
  }

  std::string_view TakeToken() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), IsToken);
    const std::string_view token = rest_.substr(0, static_cast<size_t>(end - rest_.begin()));
    rest_.remove_prefix(token.size());
    return token;
  }

  void SkipSpace() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'))
      rest_.remove_prefix(1);
  }

  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  Status Wrong(const std::string& what) const {
    return InvalidArgument("byte " + std::to_string(whole_ - rest_.size()) + ": " + what);
  }

  std::string_view rest_;
  const size_t whole_;
};

}  // namespace

Result<AltSvc> ParseAltSvc(std::string_view value) { return Parser(value).Parse(); }

}  // namespace lockstep::controller::edge

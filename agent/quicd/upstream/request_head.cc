#include "agent/quicd/upstream/request_head.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace lockstep::agent::quicd::upstream {
namespace {

constexpr std::string_view kUppercase = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr size_t kUsualBytes = 1024;       // of a request's head
constexpr size_t kMaxAuthority = 255 + 6;  // a name and ":65535"

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsSpace(char c) { return c == ' ' || c == '\t'; }
bool IsVisible(char c) { return c > ' ' && c < '\x7f'; }
// A table, since every character of every field name is looked at, both ways.
constexpr auto kTokenChars = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  for (const char c : kUppercase) table[static_cast<unsigned char>(c)] = true;
  return table;
}();
bool IsTokenChar(char c) { return kTokenChars[static_cast<unsigned char>(c)]; }
bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar);
}

bool IsHostNameChar(char c) { return IsAlpha(c) || IsDigit(c) || c == '.' || c == '-' || c == '_'; }
bool IsIpv6Char(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

bool IsPort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

// host [":" port], without userinfo, percent-encoding or an empty part.
bool IsAuthority(std::string_view text) {
  if (text.empty() || text.size() > kMaxAuthority) return false;
  const bool bracketed = text.front() == '[';
  const size_t end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == std::string_view::npos) return false;
  const std::string_view host = text.substr(bracketed ? 1 : 0, bracketed ? end - 1 : end);
  if (host.empty() ||
      !std::all_of(host.begin(), host.end(), bracketed ? IsIpv6Char : IsHostNameChar)) {
    return false;
  }
  const std::string_view rest = text.substr(bracketed ? end + 1 : end);
  return rest.empty() || (rest.front() == ':' && IsPort(rest.substr(1)));
}

// Origin form, or "*" of OPTIONS.
bool IsPath(std::string_view method, std::string_view path) {
  if (path == "*") return method == "OPTIONS";
  return path.starts_with('/') && path.find('#') == std::string_view::npos &&
         std::all_of(path.begin(), path.end(), IsVisible);
}

// Digits alone: from_chars would take a sign.
std::optional<uint64_t> ParseLength(std::string_view text) {
  uint64_t length = 0;
  if (text.empty() || !std::all_of(text.begin(), text.end(), IsDigit)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc()) return std::nullopt;
  return length;
}

// RFC 9114 §4.2: about a connection that is not ours to speak of.
bool IsOfConnection(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {
      "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// What we say ourselves, or what ends here. CGI-like servers read "_" as "-", so that both
// spellings are one name to us.
bool IsWithheld(std::string_view spelled) {
  std::string name(spelled);
  std::replace(name.begin(), name.end(), '_', '-');
  return name == "forwarded" || name.starts_with("x-forwarded-") || name.starts_with("lockstep-") ||
         name == "host" || name == "content-length" || name == "te" || name == "trailer" ||
         IsOfConnection(name);
}

Status Malformed(std::string what) { return InvalidArgument("request: " + std::move(what)); }

// Names and values in an error are the client's: only the name, and only once it is a token.
Status CheckField(const Header& header) {
  if (!IsFieldName(header.name)) return Malformed("a field name is no lower-case token");
  if (!IsFieldValue(header.value)) {
    return Malformed("field " + header.name + " has a value with bytes that no value may have");
  }
  if (IsOfConnection(header.name) || (header.name == "te" && header.value != "trailers")) {
    return Malformed("field " + header.name + " is about a connection");
  }
  return Status::Ok();
}

Status CheckFields(const RequestHead& head) {
  size_t hosts = 0;
  size_t lengths = 0;
  for (const Header& header : head.headers) {
    LS_RETURN_IF_ERROR(CheckField(header));
    if (header.name == "host" && (++hosts > 1 || header.value != head.authority)) {
      return Malformed("host and :authority differ");
    }
    if (header.name != "content-length") continue;
    const std::optional<uint64_t> length = ParseLength(header.value);
    if (++lengths > 1 || !length || length != head.content_length) {
      return Malformed("content-length is not one number");
    }
  }
  return Status::Ok();
}

void Add(std::string* out, std::string_view name, std::string_view value) {
  out->append(name).append(": ").append(value).append("\r\n");
}

// RFC 9114 §4.2.1: what HTTP/3 may split is one field to HTTP/1.1.
std::string JoinCookies(const RequestHead& head) {
  std::string joined;
  for (const Header& header : head.headers) {
    if (header.name != "cookie") continue;
    if (!joined.empty()) joined += "; ";
    joined += header.value;
  }
  return joined;
}

void AddFraming(const RequestHead& head, std::string* out) {
  const bool usually_has_one =
      head.method == "POST" || head.method == "PUT" || head.method == "PATCH";
  switch (FramingOf(head)) {
    case Framing::kLength:
      return Add(out, "Content-Length", std::to_string(*head.content_length));
    case Framing::kChunked:
      return Add(out, "Transfer-Encoding", "chunked");
    case Framing::kNone:
      // RFC 9110 §8.6: said where a body could be expected.
      if (usually_has_one || head.content_length) Add(out, "Content-Length", "0");
  }
}

}  // namespace

bool IsFieldName(std::string_view name) {
  return IsToken(name) && name.find_first_of(kUppercase) == std::string_view::npos;
}

bool IsFieldValue(std::string_view value) {
  if (value.empty()) return true;
  if (IsSpace(value.front()) || IsSpace(value.back())) return false;
  return std::all_of(value.begin(), value.end(), [](char c) {
    return IsVisible(c) || IsSpace(c) || static_cast<unsigned char>(c) >= 0x80;
  });
}

Status CheckRequest(const RequestHead& head) {
  if (!IsToken(head.method)) return Malformed(":method is no token");
  std::string method = head.method;
  std::transform(method.begin(), method.end(), method.begin(), [](char c) {
    return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  });
  if (method == "CONNECT") return Malformed("CONNECT is not served");
  // An origin would answer it with our own fields, Lockstep-Key among them.
  if (method == "TRACE") return Malformed("TRACE is not served");
  if (head.scheme != "https") return Malformed(":scheme is not https");
  if (!IsAuthority(head.authority)) return Malformed(":authority is no host and port");
  if (!IsPath(head.method, head.path)) return Malformed(":path is no origin form");
  LS_RETURN_IF_ERROR(CheckFields(head));
  if (!head.has_body && head.content_length.value_or(0) != 0) {
    return Malformed("content-length without a body");
  }
  return Status::Ok();
}

Framing FramingOf(const RequestHead& head) {
  if (!head.has_body) return Framing::kNone;
  return head.content_length ? Framing::kLength : Framing::kChunked;
}

std::string RenderRequest(const RequestHead& head, std::string_view key) {
  std::string out;
  out.reserve(kUsualBytes);
  out.append(head.method).append(" ").append(head.path).append(" HTTP/1.1\r\n");
  Add(&out, "Host", head.authority);
  for (const Header& header : head.headers) {
    if (header.name != "cookie" && !IsWithheld(header.name)) Add(&out, header.name, header.value);
  }
  if (const std::string cookies = JoinCookies(head); !cookies.empty()) Add(&out, "cookie", cookies);
  Add(&out, "X-Forwarded-For", head.client_address);
  Add(&out, "X-Forwarded-Proto", "https");
  Add(&out, "X-Forwarded-Host", head.authority);
  Add(&out, "Lockstep-Protocol", "HTTP/3.0");
  Add(&out, "Lockstep-Key", key);
  AddFraming(head, &out);
  return out.append("\r\n");
}

bool IsIdempotent(std::string_view method) {
  constexpr std::array<std::string_view, 5> kMethods = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

}  // namespace lockstep::agent::quicd::upstream

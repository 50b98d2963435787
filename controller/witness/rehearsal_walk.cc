#include "controller/witness/rehearsal_walk.h"

#include <algorithm>
#include <charconv>

namespace lockstep::controller::witness {
namespace {

constexpr int kMaxRedirects = 10;  // Let's Encrypt's own limit
constexpr Micros kGetDeadline = Seconds(5);

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// A CA ignores trailing whitespace (RFC 8555 §8.3).
std::string_view WithoutTrailingSpace(std::string_view body) {
  const size_t last = body.find_last_not_of(" \t\r\n");
  return last == std::string_view::npos ? std::string_view() : body.substr(0, last + 1);
}

Result<uint16_t> ParsePort(std::string_view text, std::string_view location) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (whole && (port == 80 || port == 443)) return port;
  return FailedPrecondition("redirects to " + Quoted(location) +
                            ", and a CA follows only to ports 80 and 443");
}

// "host[:port]" and what follows it.
Result<Target> ParseAuthority(probe::HttpScheme scheme, std::string_view rest,
                              std::string_view location) {
  Target out;
  out.scheme = scheme;
  out.port = scheme == probe::HttpScheme::kHttp ? 80 : 443;
  const size_t slash = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, slash);
  std::string_view path = rest.substr(slash);
  path = path.substr(0, path.find('#'));
  out.path = path.starts_with('/') ? std::string(path) : "/" + std::string(path);
  if (authority.find('@') != std::string_view::npos) {
    return FailedPrecondition("redirects to " + Quoted(location) + ", which holds a user name");
  }
  const size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && authority.find(']') == std::string_view::npos) {
    LS_ASSIGN_OR_RETURN(out.port, ParsePort(authority.substr(colon + 1), location));
    authority = authority.substr(0, colon);
  }
  auto host = Hostname::Parse(authority);
  if (!host.ok()) {
    return FailedPrecondition("redirects to " + Quoted(location) + ": " + host.status().message());
  }
  out.host = *host;
  return out;
}

// Takes "." and ".." out of a path without its query (RFC 3986 §5.2.4).
std::string WithoutDotSegments(std::string_view path) {
  std::vector<std::string_view> kept;
  bool ends_in_slash = false;
  for (size_t at = 1; at <= path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, slash - at);
    ends_in_slash = segment.empty() || segment == "." || segment == "..";
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (segment != "." && !(segment.empty() && slash == path.size())) {
      kept.push_back(segment);
    }
    at = slash + 1;
  }
  std::string out;
  for (const std::string_view segment : kept) out.append("/").append(segment);
  return ends_in_slash || kept.empty() ? out + "/" : out;
}

// A reference without a scheme or a host, against the path where it was read (RFC 3986 §5.2.2).
std::string MergedPath(std::string_view base, std::string_view reference) {
  base = base.substr(0, base.find('?'));
  const size_t query = std::min(reference.find('?'), reference.size());
  const std::string_view path = reference.substr(0, query);
  if (path.empty()) return std::string(base).append(reference.substr(query));
  std::string merged(path);
  if (!path.starts_with('/')) merged.insert(0, base.substr(0, base.rfind('/') + 1));
  return WithoutDotSegments(merged).append(reference.substr(query));
}

}  // namespace

std::string Target::ToString() const {
  return std::string(scheme == probe::HttpScheme::kHttp ? "http://" : "https://") + host.ascii() +
         ":" + std::to_string(port) + path;
}

Result<Target> ResolveLocation(const Target& base, std::string_view location) {
  const auto starts_with = [&](std::string_view prefix) {
    return location.size() >= prefix.size() &&
           std::equal(prefix.begin(), prefix.end(), location.begin(), [](char a, char b) {
             return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
           });
  };
  if (starts_with("http://")) {
    return ParseAuthority(probe::HttpScheme::kHttp, location.substr(7), location);
  }
  if (starts_with("https://")) {
    return ParseAuthority(probe::HttpScheme::kHttps, location.substr(8), location);
  }
  if (location.starts_with("//")) {
    return ParseAuthority(base.scheme, location.substr(2), location);
  }
  if (!location.starts_with('/') &&
      (location.empty() || location.find(':') < location.find_first_of("/?#"))) {
    return FailedPrecondition("redirects to " + Quoted(location) + ", which a CA does not follow");
  }
  Target out = base;
  out.path = MergedPath(base.path, location.substr(0, location.find('#')));
  return out;
}

Status RehearsalWalk::CheckIsOurs(const Hostname& host, const IpAddress& address) const {
  const auto& ours = options_.service_addresses;
  if (std::find(ours.begin(), ours.end(), address) != ours.end()) return Status::Ok();
  std::string what = address.ToString();
  if (address.IsLinkLocal()) what += ", a link-local address";
  if (address.IsLoopback()) what += ", a loopback address";
  return FailedPrecondition(host.Display() + " points to " + what +
                            ", which is no service address of this fleet; correct its DNS records");
}

Result<std::vector<IpAddress>> RehearsalWalk::Resolve(const Hostname& host) const {
  LS_ASSIGN_OR_RETURN(const dns::Authority authority, resolver_.AskAuthoritative(host, stop_));
  const auto addresses = authority.AllAddresses();
  if (addresses.empty()) {
    const Status failure = authority.FirstFailure();
    return failure.ok() ? NotFound(host.Display() + " has no address; publish A and AAAA records")
                        : failure;
  }
  for (const IpAddress& address : addresses) LS_RETURN_IF_ERROR(CheckIsOurs(host, address));
  return addresses;
}

probe::HttpObservation RehearsalWalk::Get(const Target& target, const IpAddress& address) const {
  probe::HttpRequest request;
  const bool plain = target.port == 80;
  request.route.target = {address, plain ? options_.http_port : options_.https_port};
  const Micros left = deadline_ - Clock::System().Mono();
  request.route.deadline = std::clamp(left, Micros(1), kGetDeadline);
  request.scheme = target.scheme;
  request.host = target.host;
  request.path = target.path;
  request.headers = {{"User-Agent", "lockstep-rehearsal"}, {"Accept", "*/*"}};
  request.max_body_bytes = 4096;
  return probe::HttpGet(request, stop_);
}

Status RehearsalWalk::Explain(const Target& target, const IpAddress& address,
                              const probe::HttpObservation& seen) const {
  const std::string where = target.host.Display() + " on " + address.ToString();
  if (!seen.connected) {
    return FailedPrecondition(where + ": port " + std::to_string(target.port) +
                              " does not answer: " + seen.error);
  }
  if (seen.status_code == 0) return FailedPrecondition(where + ": no HTTP answer: " + seen.error);
  if (seen.status_code != 200) {
    return FailedPrecondition(where + ": answered " + std::to_string(seen.status_code) +
                              ", not 200; some other server or node answers there");
  }
  return FailedPrecondition(where + ": answered with other bytes (" +
                            Quoted(std::string_view(seen.body).substr(0, 40)) +
                            "); some other server answers there");
}

Status RehearsalWalk::Fetch(const model::Challenge& challenge, const IpAddress& first) const {
  Target target{probe::HttpScheme::kHttp, challenge.host, 80,
                "/.well-known/acme-challenge/" + challenge.token.str()};
  IpAddress address = first;
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    const probe::HttpObservation seen = Get(target, address);
    const auto location = seen.FindHeader("location");
    if (!IsRedirect(seen.status_code) || !location) {
      if (seen.status_code == 200 &&
          WithoutTrailingSpace(seen.body) == challenge.key_authorization) {
        return Status::Ok();
      }
      return Explain(target, address, seen);
    }
    auto next = ResolveLocation(target, *location);
    if (!next.ok()) return next.status().Prefixed(challenge.host.Display());
    if (next->host != target.host) {
      LS_ASSIGN_OR_RETURN(const auto addresses, Resolve(next->host));
      address = addresses.front();
    }
    target = std::move(*next);
  }
  return FailedPrecondition(challenge.host.Display() + ": more than 10 redirects, the last to " +
                            target.ToString());
}

}  // namespace lockstep::controller::witness

#include "agent/drivers/caddy/admin_client.h"

#include <curl/curl.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "common/base/hostname.h"

namespace lockstep::agent::drivers::caddy {
namespace {

constexpr size_t kMaxErrorText = 400;

struct CurlDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct Sink {
  std::string bytes;
  size_t cap = 0;
  bool overflowed = false;
};

// curl's callback: taking fewer bytes than offered ends the transfer.
size_t Take(char* data, size_t size, size_t count, void* user) {
  auto* sink = static_cast<Sink*>(user);
  const size_t length = size * count;
  if (length > sink->cap - sink->bytes.size()) {
    sink->overflowed = true;
    return 0;
  }
  sink->bytes.append(data, length);
  return length;
}

bool StartCurl() {
  static const bool started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return started;
}

}  // namespace

AdminClient AdminClient::OverUnixSocket(std::string path, AdminLimits limits) {
  return AdminClient(std::move(path), "http://caddy", limits);
}

AdminClient AdminClient::OverTcp(const Endpoint& endpoint, AdminLimits limits) {
  return AdminClient("", "http://" + endpoint.ToString(), limits);
}

Result<AdminClient::Answer> AdminClient::Ask(const char* method, std::string_view path,
                                             std::string_view body, bool must_reload) const {
  std::unique_ptr<CURL, CurlDeleter> curl(StartCurl() ? curl_easy_init() : nullptr);
  if (curl == nullptr) return ResourceExhausted("cannot start an HTTP client for caddy");
  Sink sink{"", limits_.max_answer_bytes};
  const std::string url = origin_ + std::string(path);
  // On the unix socket Caddy allows the empty Host alone. "Expect:" keeps curl from waiting a
  // second for a "100 Continue" before it sends a large config.
  std::unique_ptr<curl_slist, CurlDeleter> headers(
      curl_slist_append(nullptr, "Content-Type: application/json"));
  curl_slist_append(headers.get(), "Expect:");
  // Else a config that Caddy takes for the one it runs is not loaded, whatever became of that.
  if (must_reload) curl_slist_append(headers.get(), "Cache-Control: must-revalidate");
  if (!socket_.empty()) curl_slist_append(headers.get(), "Host;");
  if (!socket_.empty()) curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method);
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(limits_.connect.count()));
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(limits_.call.count()));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Take);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &sink);
  if (!body.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  }
  const CURLcode code = curl_easy_perform(curl.get());
  if (sink.overflowed) {
    return ResourceExhausted("caddy answers more than " + std::to_string(sink.cap) + " bytes");
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return DeadlineExceeded("caddy at " + Place() + " does not answer within " +
                            FormatDuration(limits_.call));
  }
  if (code != CURLE_OK) {
    return Unavailable("caddy at " + Place() + " cannot be reached: " + curl_easy_strerror(code));
  }
  Answer answer{0, std::move(sink.bytes)};
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

Status AdminClient::Load(std::string_view json) {
  LS_ASSIGN_OR_RETURN(const Answer answer, Ask("POST", "/load", json));
  if (answer.status == 200) return Status::Ok();
  return InvalidArgument("caddy refuses the config: " + ErrorText(answer.body));
}

Result<std::string> AdminClient::GetConfig(std::string_view path) {
  // Caddy tells the config's own root from a path by the final slash.
  LS_ASSIGN_OR_RETURN(Answer answer,
                      Ask("GET", "/config" + (path.empty() ? "/" : std::string(path)), ""));
  if (answer.status == 200) {
    while (answer.body.ends_with('\n')) answer.body.pop_back();
    return std::move(answer.body);
  }
  // "invalid traversal path": a part of the way is not there.
  if (answer.status == 400) return std::string("null");
  return InvalidArgument("caddy does not show its config: " + ErrorText(answer.body));
}

Status AdminClient::SetConfig(std::string_view path, std::string_view json) {
  LS_ASSIGN_OR_RETURN(const Answer answer, Ask("POST", "/config" + std::string(path), json, true));
  if (answer.status == 200) return Status::Ok();
  return InvalidArgument("caddy refuses the change: " + ErrorText(answer.body));
}

std::string ErrorText(std::string_view body) {
  std::string text(body.substr(0, 64 * 1024));
  const auto parsed = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_object() && parsed.contains("error") && parsed["error"].is_string()) {
    text = parsed["error"].get<std::string>();
  }
  std::string out;
  for (const char c : text) {
    if (out.size() >= kMaxErrorText) return out + "...";
    const char shown = c >= ' ' && c <= '~' ? c : ' ';
    if (shown != ' ' || (!out.empty() && out.back() != ' ')) out += shown;
  }
  while (out.ends_with(' ')) out.pop_back();
  return out.empty() ? "no reason given" : out;
}

}  // namespace lockstep::agent::drivers::caddy

#include "agent/drivers/caddy/admin_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/base/clock.h"
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

// curl_easy_perform, but for a stop: after it the call has `last` to end. (curl's own way, its
// progress callback, would hear of the stop a second late.)
class Performance {
 public:
  explicit Performance(CURL* call) : call_(call), multi_(curl_multi_init()) {
    if (multi_ != nullptr) curl_multi_add_handle(multi_, call_);
  }
  Performance(const Performance&) = delete;
  Performance& operator=(const Performance&) = delete;
  ~Performance() {
    if (multi_ == nullptr) return;
    curl_multi_remove_handle(multi_, call_);
    curl_multi_cleanup(multi_);
  }

  CURLcode Run(const std::stop_token& stop, Millis last) {
    if (multi_ == nullptr) return CURLE_OUT_OF_MEMORY;
    const std::stop_callback wake(stop, [this] { curl_multi_wakeup(multi_); });
    std::optional<MonoTime> end;
    for (int running = 1;;) {
      if (curl_multi_perform(multi_, &running) != CURLM_OK) return CURLE_FAILED_INIT;
      if (running == 0) return ResultOf();
      const MonoTime now = Clock::System().Mono();
      if (!end && stop.stop_requested()) end = now + last;
      if (end && now >= *end) return CURLE_ABORTED_BY_CALLBACK;
      const Millis left = end ? std::chrono::ceil<Millis>(*end - now) : kLongestSleep;
      curl_multi_poll(multi_, nullptr, 0, static_cast<int>(left.count()), nullptr);
    }
  }

 private:
  static constexpr Millis kLongestSleep{1000};  // curl wakes earlier for its own deadlines

  CURLcode ResultOf() {
    int left = 0;
    const CURLMsg* message = curl_multi_info_read(multi_, &left);
    return message != nullptr && message->msg == CURLMSG_DONE ? message->data.result
                                                              : CURLE_FAILED_INIT;
  }

  CURL* call_;
  CURLM* multi_;
};

}  // namespace

AdminClient AdminClient::OverUnixSocket(std::string path, AdminLimits limits,
                                        std::stop_token stop) {
  return AdminClient(std::move(path), "http://caddy", limits, std::move(stop));
}

AdminClient AdminClient::OverTcp(const Endpoint& endpoint, AdminLimits limits,
                                 std::stop_token stop) {
  return AdminClient("", "http://" + endpoint.ToString(), limits, std::move(stop));
}

Result<AdminClient::Answer> AdminClient::Ask(const char* method, std::string_view path,
                                             std::string_view body, bool must_reload) {
  if (given_up_) return Silent();
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
  const CURLcode code =
      Performance(curl.get()).Run(stop_, body.empty() ? limits_.last_question : limits_.last_load);
  if (code == CURLE_ABORTED_BY_CALLBACK) {
    given_up_ = true;
    return Silent();
  }
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

Status AdminClient::Silent() const {
  return Cancelled("caddy at " + Place() + " was silent when the agent stopped");
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

Status AdminClient::Stop() {
  LS_ASSIGN_OR_RETURN(const Answer answer, Ask("POST", "/stop", ""));
  if (answer.status == 200) return Status::Ok();
  return InvalidArgument("caddy refuses to stop: " + ErrorText(answer.body));
}

std::string ErrorText(std::string_view body) {
  std::string text(body.substr(0, size_t{64} * 1024));
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

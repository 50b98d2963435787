// HttpGet: libcurl speaks HTTP/1.1 (and TLS) over a connection that we have made, so that it never
// looks a name up, takes a proxy or reuses anything.
#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "common/net/limit.h"
#include "common/net/socket.h"
#include "common/probe/http_head.h"
#include "common/probe/probe.h"

namespace lockstep::probe {
namespace {

template <auto Free>
struct CurlDeleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using EasyPtr = std::unique_ptr<CURL, CurlDeleter<curl_easy_cleanup>>;
using MultiPtr = std::unique_ptr<CURLM, CurlDeleter<curl_multi_cleanup>>;
using ListPtr = std::unique_ptr<curl_slist, CurlDeleter<curl_slist_free_all>>;

bool IsFieldText(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

// RFC 9110 §5.6.2.
bool IsFieldName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

// A request that could smuggle a second one is refused before anything is sent.
Status Check(const HttpRequest& request) {
  if (request.host.ascii().empty()) return InvalidArgument("the request names no host");
  if (!request.path.starts_with('/') || !IsFieldText(request.path) ||
      request.path.find_first_of(" #") != std::string::npos) {
    return InvalidArgument("path " + Quoted(request.path) +
                           " must start with '/' and hold no space, '#' or control character");
  }
  for (const auto& [name, value] : request.headers) {
    if (!IsFieldName(name) || curl_strequal(name.c_str(), "host") != 0 || !IsFieldText(value)) {
      return InvalidArgument("header " + Quoted(name) + " cannot be sent");
    }
  }
  return Status::Ok();
}

// One exchange. Owns all that libcurl points to while it runs.
class Transfer {
 public:
  Transfer(const HttpRequest& request, Fd socket, HttpObservation* seen)
      : request_(request), socket_(std::move(socket)), seen_(seen) {}

  Status Run(const net::Limit& limit, const std::stop_token& stop) {
    static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    LS_CHECK(initialised == CURLE_OK);
    easy_.reset(curl_easy_init());
    multi_.reset(curl_multi_init());
    if (!easy_ || !multi_ || !FillLists())
      return ResourceExhausted("no memory for an HTTP request");
    if (const CURLcode code = SetOptions(); code != CURLE_OK) return Failure(code);
    curl_multi_add_handle(multi_.get(), easy_.get());
    Status status = Loop(limit, stop);
    curl_multi_remove_handle(multi_.get(), easy_.get());
    seen_->status_code = head_.status_code();
    seen_->headers = head_.fields();
    return status;
  }

 private:
  bool FillLists() {
    const auto add = [](ListPtr* list, const std::string& text) {
      curl_slist* longer = curl_slist_append(list->get(), text.c_str());
      if (longer == nullptr) return false;
      (void)list->release();  // now part of `longer`
      list->reset(longer);
      return true;
    };
    const Endpoint& target = request_.route.target;
    // "::" = whatever host and port the URL names: no name is ever looked up.
    bool good =
        add(&connect_to_, "::" + target.address.ToUrlHost() + ":" + std::to_string(target.port));
    // libcurl would add the port; a proof asks as a client of the site does, on the usual one.
    good = good && add(&headers_, "Host: " + request_.host.ascii());
    for (const auto& [name, value] : request_.headers) {
      // "Name;" is how libcurl is told to send a header with an empty value.
      std::string line = name;
      line.append(value.empty() ? ";" : ": ").append(value);
      good = good && add(&headers_, line);
    }
    return good;
  }

  CURLcode SetOptions() {
    CURLcode code = CURLE_OK;
    const auto set = [&](CURLoption option, auto value) {
      if (code == CURLE_OK) code = curl_easy_setopt(easy_.get(), option, value);
    };
    const char* scheme = request_.scheme == HttpScheme::kHttps ? "https" : "http";
    const std::string url = std::string(scheme) + "://" + request_.host.ascii() + ":" +
                            std::to_string(request_.route.target.port) + request_.path;
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, error_text_.data());
    set(CURLOPT_PROTOCOLS_STR, scheme);
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_CONNECT_TO, connect_to_.get());
    set(CURLOPT_PROXY, "");  // keeps the environment's proxies away
    set(CURLOPT_OPENSOCKETFUNCTION, &OnOpenSocket);
    set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
    set(CURLOPT_SOCKOPTFUNCTION, &OnSocketOptions);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_HTTP09_ALLOWED, 0L);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_FORBID_REUSE, 1L);
    // Without these two libcurl reads all of the system's CAs for each request, to verify nothing.
    set(CURLOPT_CAINFO, static_cast<char*>(nullptr));
    set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
    set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    set(CURLOPT_USERAGENT, "lockstep-probe");  // unless the headers name another
    set(CURLOPT_HTTPHEADER, headers_.get());
    set(CURLOPT_HEADERFUNCTION, &OnHeader);
    set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    set(CURLOPT_WRITEFUNCTION, &OnBody);
    set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    return code;
  }

  Status Loop(const net::Limit& limit, const std::stop_token& stop) {
    CURLM* const multi = multi_.get();
    const std::stop_callback wake(stop, [multi] { curl_multi_wakeup(multi); });
    int running = 1;
    while (true) {
      LS_RETURN_IF_ERROR(limit.Check());
      if (curl_multi_perform(multi, &running) != CURLM_OK) return Internal("libcurl gave up");
      if (running == 0) break;
      const auto left = std::chrono::ceil<Millis>(limit.Left());
      curl_multi_poll(multi, nullptr, 0, static_cast<int>(left.count()), nullptr);
    }
    int queued = 0;
    const CURLMsg* message = curl_multi_info_read(multi, &queued);
    if (message == nullptr || message->msg != CURLMSG_DONE) return Internal("libcurl gave up");
    const CURLcode code = message->data.result;
    return code == CURLE_OK || seen_->truncated ? Status::Ok() : Failure(code);
  }

  Status Failure(CURLcode code) const {
    if (head_too_large_) {
      return ResourceExhausted("the head of the answer has more than " +
                               std::to_string(HttpHead::kMaxBytes / 1024) + " KiB or " +
                               std::to_string(HttpHead::kMaxFields) + " fields");
    }
    return Unavailable(error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(code));
  }

  // libcurl owns the descriptor from here on; a second one is never asked for.
  static curl_socket_t OnOpenSocket(void* user, curlsocktype, curl_sockaddr*) {
    const int fd = static_cast<Transfer*>(user)->socket_.Release();
    return fd >= 0 ? fd : CURL_SOCKET_BAD;
  }
  static int OnSocketOptions(void*, curl_socket_t, curlsocktype) {
    return CURL_SOCKOPT_ALREADY_CONNECTED;
  }
  static size_t OnHeader(char* data, size_t, size_t size, void* user) {
    auto* self = static_cast<Transfer*>(user);
    self->head_too_large_ = !self->head_.Take({data, size});
    return self->head_too_large_ ? 0 : size;
  }
  static size_t OnBody(char* data, size_t, size_t size, void* user) {
    auto* self = static_cast<Transfer*>(user);
    const size_t room = self->request_.max_body_bytes - self->seen_->body.size();
    self->seen_->body.append(data, std::min(size, room));
    self->seen_->truncated = size > room;
    return self->seen_->truncated ? 0 : size;  // short of `size` ends the transfer
  }

  const HttpRequest& request_;
  Fd socket_;
  HttpObservation* const seen_;
  HttpHead head_;
  bool head_too_large_ = false;
  ListPtr connect_to_;
  ListPtr headers_;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  EasyPtr easy_;  // these two last: gone before what they point to
  MultiPtr multi_;
};

}  // namespace

HttpObservation HttpGet(const HttpRequest& request, std::stop_token stop) {
  const net::Limit limit(request.route.deadline, stop);
  const MonoTime begin = limit.Now();
  HttpObservation seen;
  seen.remote = request.route.target;
  const auto exchange = [&]() -> Status {
    LS_RETURN_IF_ERROR(Check(request));
    LS_ASSIGN_OR_RETURN(Fd socket,
                        net::ConnectTcp(request.route.target, request.route.source, limit));
    seen.connected = true;
    return Transfer(request, std::move(socket), &seen)
        .Run(limit, stop)
        .Prefixed("GET from " + request.route.target.ToString());
  };
  seen.error = exchange().message();
  seen.elapsed = limit.Now() - begin;
  return seen;
}

}  // namespace lockstep::probe

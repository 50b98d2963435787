#include "agent/quicd/upstream/response_parser.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <string_view>
#include <utility>

#include "agent/quicd/upstream/request_head.h"

namespace lockstep::agent::quicd::upstream {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using BeastText = boost::beast::string_view;

constexpr int kMaxInterims = 32;
constexpr int kSwitchingProtocols = 101;
constexpr int kNoContent = 204;
constexpr size_t kUsualFields = 12;
constexpr size_t kLastChunk = std::string_view("0\r\n\r\n").size();

std::string_view View(BeastText text) { return {text.data(), text.size()}; }

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  return out;
}

bool IsOneOf(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// RFC 9110 §7.6.1; and content-length, which is said anew from what was understood.
bool IsOfHop(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {
      "connection", "keep-alive", "proxy-connection", "transfer-encoding",
      "upgrade",    "te",         "content-length",   "proxy-authentication-info"};
  return IsOneOf(kNames, name);
}

// RFC 9110 §6.5.1: framing, routing, authentication and how to read the content come first or
// never.
bool IsNoTrailer(std::string_view name) {
  constexpr std::array<std::string_view, 12> kNames = {
      "authorization", "cache-control",    "content-encoding",
      "content-range", "content-type",     "cookie",
      "host",          "location",         "set-cookie",
      "trailer",       "www-authenticate", "proxy-authenticate"};
  return IsOfHop(name) || IsOneOf(kNames, name);
}

Failure FailureOf(const error_code& error) {
  if (error == http::error::header_limit) return Failure::kTooLarge;
  if (error == http::error::partial_message || error == http::error::end_of_stream) {
    return Failure::kBroken;
  }
  return Failure::kMalformed;
}

std::optional<ResponseParser::Problem> ProblemOf(const error_code& error) {
  return ResponseParser::Problem{FailureOf(error), "response: " + error.message()};
}

}  // namespace

class ResponseParser::Message final : public http::basic_parser<false> {
 public:
  Message(bool to_head, size_t max_head_bytes) : head_bytes_left_(max_head_bytes) {
    const size_t limit = std::min<size_t>(max_head_bytes, UINT32_MAX);
    header_limit(static_cast<std::uint32_t>(limit));
    body_limit(boost::none);
    eager(true);
    skip(to_head);
  }

  // Where the places of bodies are counted from, and where all goes.
  void Aim(const uint8_t* base, std::vector<Event>* events) {
    base_ = base;
    events_ = events;
  }
  // The next byte is the first of a chunk's size, or of the line end before it.
  bool at_chunk() { return is_header_done() && chunked() && chunk_left_ == 0; }
  bool interim() const { return code_ < 200; }

 private:
  void on_request_impl(http::verb, BeastText, BeastText, int, error_code&) override {}

  void on_response_impl(int code, BeastText, int, error_code& error) override {
    if (code < 100 || code == kSwitchingProtocols) error = http::error::bad_status;
    code_ = code;
    head_.status = code;
  }

  void on_field_impl(http::field, BeastText name, BeastText value, error_code& error) override {
    const size_t size = name.size() + value.size();
    if (size > head_bytes_left_) {
      error = http::error::header_limit;
      return;
    }
    head_bytes_left_ -= size;
    Header header{Lower(View(name)), std::string(View(value))};
    if (!IsFieldName(header.name) || !IsFieldValue(header.value)) {
      error = http::error::bad_value;
    } else if (header.name == "transfer-encoding" && Lower(header.value) != "chunked") {
      error = http::error::bad_transfer_encoding;  // we decode no other, and must not pass it on
    } else {
      NoteConnection(header);
      if (fields_.empty()) fields_.reserve(kUsualFields);
      fields_.push_back(std::move(header));
    }
  }

  // What `connection` names ends here, too.
  void NoteConnection(const Header& header) {
    if (header.name != "connection") return;
    for (const BeastText named : http::token_list(header.value)) {
      connection_names_.push_back(Lower(View(named)));
    }
  }

  bool IsDropped(const Header& header) const {
    return std::find(connection_names_.begin(), connection_names_.end(), header.name) !=
           connection_names_.end();
  }

  void on_header_impl(error_code& error) override {
    error = {};
    std::erase_if(fields_, [this](const Header& header) {
      return IsOfHop(header.name) || IsDropped(header);
    });
    head_.headers = std::exchange(fields_, {});
    if (const auto length = content_length(); length && !interim() && code_ != kNoContent) {
      head_.content_length = *length;
      head_.headers.push_back({"content-length", std::to_string(*length)});
    }
    if (interim()) {
      events_->push_back(Interim{head_});
    } else {
      events_->push_back(std::move(head_));
    }
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code& error) override {
    error = {};
  }

  std::size_t on_body_impl(BeastText body, error_code& error) override {
    error = {};
    if (!body.empty()) {
      const auto* begin = reinterpret_cast<const uint8_t*>(body.data());
      events_->push_back(Body{static_cast<size_t>(begin - base_), body.size()});
    }
    return body.size();
  }

  void on_chunk_header_impl(std::uint64_t size, BeastText, error_code& error) override {
    error = {};
    chunk_left_ = size;
  }

  std::size_t on_chunk_body_impl(std::uint64_t, BeastText body, error_code& error) override {
    chunk_left_ -= body.size();
    return on_body_impl(body, error);
  }

  void on_finish_impl(error_code& error) override {
    error = {};
    if (interim()) return;
    End end;
    for (Header& header : fields_) {
      if (!IsNoTrailer(header.name) && !IsDropped(header)) {
        end.trailers.push_back(std::move(header));
      }
    }
    events_->push_back(std::move(end));
  }

  const uint8_t* base_ = nullptr;
  std::vector<Event>* events_ = nullptr;
  size_t head_bytes_left_;
  std::uint64_t chunk_left_ = 0;
  int code_ = 0;
  ResponseHead head_;
  std::vector<Header> fields_;  // of the head; after it, of the trailers
  std::vector<std::string> connection_names_;
};

ResponseParser::ResponseParser(bool to_head, size_t max_head_bytes)
    : to_head_(to_head), max_head_bytes_(max_head_bytes) {
  StartMessage();
}

ResponseParser::~ResponseParser() = default;

void ResponseParser::StartMessage() {
  message_ = std::make_unique<Message>(to_head_, max_head_bytes_);
}

ResponseParser::Step ResponseParser::Parse(std::span<const uint8_t> bytes,
                                           std::vector<Event>* events) {
  Step step;
  while (!done_ && step.used < bytes.size()) {
    // The library asserts as much, and no chunked body ends with less.
    if (message_->at_chunk() && bytes.size() - step.used < kLastChunk) break;
    message_->Aim(bytes.data(), events);
    error_code error;
    step.used += message_->put({bytes.data() + step.used, bytes.size() - step.used}, error);
    if (error == http::error::need_more) break;
    step.problem = error ? ProblemOf(error) : Settle();
    if (step.problem) return step;
  }
  // A line that does not end: of chunk sizes and trailers the library holds any amount.
  if (!done_ && bytes.size() - step.used > max_head_bytes_) {
    step.problem = Problem{Failure::kTooLarge, "response: a head or a line is too long"};
  }
  return step;
}

ResponseParser::Step ResponseParser::ParseEnd(std::vector<Event>* events) {
  Step step;
  if (done_) return step;
  error_code error = http::error::end_of_stream;
  if (message_->got_some()) {
    message_->Aim(nullptr, events);
    message_->put_eof(error);
  }
  step.problem = error ? ProblemOf(error) : Settle();
  return step;
}

// After an interim response another one begins.
std::optional<ResponseParser::Problem> ResponseParser::Settle() {
  if (!message_->is_done()) return std::nullopt;
  if (!message_->interim()) {
    done_ = true;
    keeps_connection_ = message_->keep_alive();
    return std::nullopt;
  }
  if (++interims_ > kMaxInterims) {
    return Problem{Failure::kMalformed, "response: too many interim ones"};
  }
  StartMessage();
  return std::nullopt;
}

}  // namespace lockstep::agent::quicd::upstream

// AdminClient: Caddy's admin API over its unix socket, or where a socket was lost over TCP.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "agent/drivers/caddy/admin.h"
#include "common/base/clock.h"
#include "common/base/ip.h"

namespace lockstep::agent::drivers::caddy {

struct AdminLimits {
  Millis connect{1000};
  // Of a whole call. A load with 1,000 certificates takes 0.2 s.
  Millis call{20'000};
  size_t max_answer_bytes = size_t{64} << 20;
  // Of a call, once we are to stop. A load that is half done is worth waiting for: between two of
  // them Caddy serves no HTTP/3.
  Millis last_question{150};
  Millis last_load{2000};
};

// Once `stop` is requested a Caddy that answers is still heard, so that an apply ends as it should;
// one that is silent is given up: CANCELLED, for the call and for all after it.
class AdminClient : public Admin {
 public:
  static AdminClient OverUnixSocket(std::string path, AdminLimits limits = {},
                                    std::stop_token stop = {});
  // Unauthenticated: nothing secret may be sent there.
  static AdminClient OverTcp(const Endpoint& endpoint, AdminLimits limits = {},
                             std::stop_token stop = {});

  Status Load(std::string_view json) override;
  Result<std::string> GetConfig(std::string_view path) override;
  Status SetConfig(std::string_view path, std::string_view json) override;
  Status Stop() override;

 private:
  struct Answer {
    long status = 0;
    std::string body;
  };
  AdminClient(std::string socket, std::string origin, AdminLimits limits, std::stop_token stop)
      : socket_(std::move(socket)),
        origin_(std::move(origin)),
        limits_(limits),
        stop_(std::move(stop)) {}
  Result<Answer> Ask(const char* method, std::string_view path, std::string_view body,
                     bool must_reload = false);
  Status Silent() const;
  std::string Place() const { return socket_.empty() ? origin_ : socket_; }

  std::string socket_;  // empty: TCP
  std::string origin_;  // "http://127.0.0.1:2019"
  AdminLimits limits_;
  std::stop_token stop_;
  bool given_up_ = false;  // silent when we were to stop
};

// What Caddy says in the body of an error, for people: the text of {"error": …}, else the body, in
// one line of at most 400 printable characters.
std::string ErrorText(std::string_view body);

}  // namespace lockstep::agent::drivers::caddy

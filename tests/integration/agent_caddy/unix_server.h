// An HTTP server on a unix socket, for what stands in for the miss responder and for Caddy itself.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/base/fd.h"

namespace lockstep::agent::drivers::caddy {

// Answers each connection with what `answer` makes of the request (head and body), then closes it.
// An empty answer is silence until the server goes.
class UnixServer {
 public:
  using AnswerTo = std::function<std::string(const std::string& request)>;
  UnixServer(const std::string& path, AnswerTo answer);
  UnixServer(const UnixServer&) = delete;
  UnixServer& operator=(const UnixServer&) = delete;
  ~UnixServer();
  std::vector<std::string> requests() const;

 private:
  void Run();

  const AnswerTo answer_;
  Fd listener_;
  Fd stop_read_;
  Fd stop_write_;
  std::vector<Fd> silent_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;  // guarded by mutex_
  std::thread thread_;
};

// "HTTP/1.1 <status> X" with a body and its length.
std::string HttpText(int status, const std::string& body, const std::string& headers = "");

}  // namespace lockstep::agent::drivers::caddy

// Servers on 127.0.0.1 for tests, each on a thread that ends with the object.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/base/fd.h"
#include "common/base/ip.h"

namespace lockstep::fakes {

// Accepts connections one after the other and hands each to `serve`.
class TcpServer {
 public:
  using Serve = std::function<void(int fd)>;
  explicit TcpServer(Serve serve);
  ~TcpServer();
  Endpoint endpoint() const { return endpoint_; }

 private:
  void Run();

  Serve serve_;
  Fd listener_;
  Fd stop_read_;
  Fd stop_write_;
  Endpoint endpoint_;
  std::thread thread_;
};

// A TCP server that reads up to an empty line, answers `answer` verbatim, and closes.
class HttpServer {
 public:
  explicit HttpServer(std::string answer);
  Endpoint endpoint() const { return server_.endpoint(); }
  // The head of the last request.
  std::string last_request() const;

 private:
  void Serve(int fd);

  const std::string answer_;
  mutable std::mutex mu_;
  std::string last_request_;  // guarded by mu_
  TcpServer server_;          // last: its thread uses the rest
};

// A port of SOCK_STREAM or SOCK_DGRAM that refuses ("port unreachable" over UDP), and that nobody
// else gets as long as the test program runs.
Endpoint RefusedEndpoint(int type);

// A port of 127.0.0.1 whose TCP and UDP are free, on ::1 too, for a server that cannot take port 0.
// No other test program is given it before this one ends: Caddy's listeners share a port in silence
// with whoever else has it (SO_REUSEPORT).
Endpoint FreeEndpoint();

// A listener whose queue is full: a connection attempt is never answered.
class TcpBlackHole {
 public:
  TcpBlackHole();
  Endpoint endpoint() const { return endpoint_; }

 private:
  Fd listener_;
  std::vector<Fd> fillers_;
  Endpoint endpoint_;
};

// A UDP socket that answers every datagram with `answer`, or with nothing if it is empty.
class UdpServer {
 public:
  explicit UdpServer(std::string answer);
  ~UdpServer();
  Endpoint endpoint() const { return endpoint_; }

 private:
  void Run();

  const std::string answer_;
  Fd socket_;
  Fd stop_read_;
  Fd stop_write_;
  Endpoint endpoint_;
  std::thread thread_;
};

// Reads until `fd` shows an empty line, end or error.
std::string ReadHead(int fd);
void WriteAll(int fd, std::string_view bytes);
// Closes with a RST instead of a FIN.
void Reset(int fd);

}  // namespace lockstep::fakes

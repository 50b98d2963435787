// A TCP server on loopback whose every connection follows a script of the test, on a thread of its
// own.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "common/base/fd.h"
#include "common/base/ip.h"

namespace lockstep::agent::quicd::upstream {

// One connection, seen from the server. Waits 10 s at most for anything.
class Conversation {
 public:
  Conversation(Fd socket, int number) : socket_(std::move(socket)), number_(number) {}

  int number() const { return number_; }  // of the server's connections, from 0
  // Up to and including the empty line; "" when the client has gone.
  std::string ReadHead();
  std::string ReadBytes(size_t count);
  // False when the client has gone.
  bool Write(std::string_view bytes);
  // Reads on until the client has gone.
  void WaitForEnd();
  void Close() { socket_.Reset(); }
  int fd() const { return socket_.get(); }

 private:
  bool ReadMore();

  Fd socket_;
  const int number_;
  std::string read_;
};

class ScriptedServer {
 public:
  using Script = std::function<void(Conversation&)>;
  explicit ScriptedServer(Script script);
  ~ScriptedServer();

  uint16_t port() const { return endpoint_.port; }
  int accepted() const { return accepted_; }
  int most_at_once() const { return most_at_once_; }
  // Waits until all conversations so far are over.
  void Join();

 private:
  void Run();
  void Converse(Conversation conversation);

  const Script script_;
  Fd listener_;
  Fd stop_;  // an eventfd
  Endpoint endpoint_;
  std::atomic<int> accepted_{0};
  std::atomic<int> at_once_{0};
  std::atomic<int> most_at_once_{0};
  std::mutex mutex_;
  std::list<std::thread> conversations_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace lockstep::agent::quicd::upstream

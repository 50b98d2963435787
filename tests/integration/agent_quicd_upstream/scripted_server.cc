#include "tests/integration/agent_quicd_upstream/scripted_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/net/socket.h"

namespace lockstep::agent::quicd::upstream {

bool Conversation::ReadMore() {
  std::array<char, 64 << 10> bytes;
  const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
  if (count <= 0) return false;
  read_.append(bytes.data(), static_cast<size_t>(count));
  return true;
}

std::string Conversation::ReadHead() {
  size_t end = 0;
  while ((end = read_.find("\r\n\r\n")) == std::string::npos) {
    if (!ReadMore()) return "";
  }
  std::string head = read_.substr(0, end + 4);
  read_.erase(0, end + 4);
  return head;
}

std::string Conversation::ReadBytes(size_t count) {
  while (read_.size() < count && ReadMore()) {
  }
  std::string bytes = read_.substr(0, count);
  read_.erase(0, bytes.size());
  return bytes;
}

bool Conversation::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void Conversation::WaitForEnd() {
  while (ReadMore()) read_.clear();
}

ScriptedServer::ScriptedServer(Script script) : script_(std::move(script)) {
  listener_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  stop_.Reset(::eventfd(0, EFD_CLOEXEC));
  sockaddr_storage address;
  const socklen_t length = Endpoint::Parse("127.0.0.1:0")->ToSockaddr(&address);
  LS_CHECK(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  LS_CHECK(::listen(listener_.get(), 64) == 0);
  endpoint_ = *net::LocalEndpoint(listener_);
  thread_ = std::thread([this] { Run(); });
}

ScriptedServer::~ScriptedServer() {
  LS_CHECK(::eventfd_write(stop_.get(), 1) == 0);
  thread_.join();
  Join();
}

void ScriptedServer::Join() {
  std::list<std::thread> conversations;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    conversations.swap(conversations_);
  }
  for (std::thread& conversation : conversations) conversation.join();
}

void ScriptedServer::Run() {
  std::array<pollfd, 2> waits = {pollfd{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  while (true) {
    LS_CHECK(::poll(waits.data(), waits.size(), -1) > 0);
    if (waits[1].revents != 0) return;
    Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const timeval patience{10, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    const int now = ++at_once_;
    most_at_once_ = std::max<int>(most_at_once_, now);
    const std::lock_guard<std::mutex> lock(mutex_);
    conversations_.emplace_back(
        [this, conversation = Conversation(std::move(socket), accepted_++)]() mutable {
          Converse(std::move(conversation));
        });
  }
}

void ScriptedServer::Converse(Conversation conversation) {
  script_(conversation);
  --at_once_;  // before the client can see the end of it
  conversation.Close();
}

}  // namespace lockstep::agent::quicd::upstream

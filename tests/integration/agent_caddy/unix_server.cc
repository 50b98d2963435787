#include "tests/integration/agent_caddy/unix_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "common/status/status.h"

namespace lockstep::agent::drivers::caddy {
namespace {

// The head, and as much body as its Content-Length says.
std::string ReadRequest(int fd) {
  std::string out;
  char buffer[65536];
  size_t wanted = std::string::npos;
  while (out.size() < wanted) {
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    out.append(buffer, static_cast<size_t>(got));
    const size_t end = out.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    const size_t length = out.find("Content-Length: ");
    wanted = end + 4 + (length < end ? std::stoul(out.substr(length + 16)) : 0);
  }
  return out;
}

}  // namespace

UnixServer::UnixServer(const std::string& path, AnswerTo answer)
    : answer_(std::move(answer)), listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  int ends[2];
  LS_CHECK(::pipe(ends) == 0);
  stop_read_.Reset(ends[0]);
  stop_write_.Reset(ends[1]);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  LS_CHECK(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  ::unlink(path.c_str());
  LS_CHECK(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  LS_CHECK(::listen(listener_.get(), 16) == 0);
  thread_ = std::thread([this] { Run(); });
}

UnixServer::~UnixServer() {
  stop_write_.Reset();
  thread_.join();
}

std::vector<std::string> UnixServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void UnixServer::Run() {
  while (true) {
    pollfd waits[] = {{listener_.get(), POLLIN, 0}, {stop_read_.get(), POLLIN, 0}};
    ::poll(waits, 2, -1);
    if (waits[1].revents != 0) return;
    Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::string request = ReadRequest(connection.get());
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const std::string answer = answer_(request);
    size_t sent = 0;
    while (sent < answer.size()) {
      const ssize_t wrote =
          ::send(connection.get(), answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
      if (wrote <= 0) break;
      sent += static_cast<size_t>(wrote);
    }
    if (answer.empty()) silent_.push_back(std::move(connection));
  }
}

std::string HttpText(int status, const std::string& body, const std::string& headers) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n" +
         headers + "\r\n" + body;
}

}  // namespace lockstep::agent::drivers::caddy

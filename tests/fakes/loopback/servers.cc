#include "tests/fakes/loopback/servers.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <mutex>
#include <random>

#include "common/net/socket.h"
#include "common/status/status.h"

namespace lockstep::fakes {
namespace {

Fd BoundSocket(int type, Endpoint* out) {
  Fd socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  sockaddr_storage address;
  const socklen_t length = Endpoint::Parse("127.0.0.1:0")->ToSockaddr(&address);
  LS_CHECK(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  *out = *net::LocalEndpoint(socket);
  return socket;
}

// Below the range that the kernel gives away by itself.
constexpr unsigned kFirstPort = 20'000;
constexpr unsigned kPorts = 12'000;

bool IsFree(uint16_t port) {
  for (const char* address : {"127.0.0.1", "::1"}) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
      sockaddr_storage storage;
      const socklen_t size = Endpoint{*IpAddress::Parse(address), port}.ToSockaddr(&storage);
      const Fd fd(::socket(storage.ss_family, type | SOCK_CLOEXEC, 0));
      if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) return false;
    }
  }
  return true;
}

// Invalid: another test program, or this one, has the port.
Fd Claim(uint16_t port) {
  const auto folder = std::filesystem::temp_directory_path() / "lockstep-test-ports";
  std::filesystem::create_directories(folder);
  Fd file(::open((folder / std::to_string(port)).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                 0600));
  LS_CHECK(file.valid());
  return ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 ? std::move(file) : Fd();
}

void MakePipe(Fd* read_end, Fd* write_end) {
  int fds[2];
  LS_CHECK(::pipe2(fds, O_CLOEXEC) == 0);
  read_end->Reset(fds[0]);
  write_end->Reset(fds[1]);
}

// False when asked to stop.
bool WaitReadable(int fd, int stop) {
  pollfd waits[2] = {{fd, POLLIN, 0}, {stop, POLLIN, 0}};
  LS_CHECK(::poll(waits, 2, -1) > 0);
  return waits[1].revents == 0;
}

}  // namespace

TcpServer::TcpServer(Serve serve) : serve_(std::move(serve)) {
  listener_ = BoundSocket(SOCK_STREAM, &endpoint_);
  LS_CHECK(::listen(listener_.get(), 64) == 0);
  MakePipe(&stop_read_, &stop_write_);
  thread_ = std::thread([this] { Run(); });
}

TcpServer::~TcpServer() {
  stop_write_.Reset();
  thread_.join();
}

void TcpServer::Run() {
  // OpenSSL writes without MSG_NOSIGNAL; the signal would hit this thread, which only pretends.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  while (WaitReadable(listener_.get(), stop_read_.get())) {
    const Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.valid()) continue;
    // A client that hangs must not hang the test.
    const timeval patience{5, 0};
    ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    serve_(connection.get());
  }
}

HttpServer::HttpServer(std::string answer)
    : answer_(std::move(answer)), server_([this](int fd) { Serve(fd); }) {}

void HttpServer::Serve(int fd) {
  const std::string request = ReadHead(fd);
  {
    const std::lock_guard lock(mu_);
    last_request_ = request;
  }
  WriteAll(fd, answer_);
}

std::string HttpServer::last_request() const {
  const std::lock_guard lock(mu_);
  return last_request_;
}

Endpoint RefusedEndpoint(int type) {
  static std::mutex mu;
  static std::vector<Fd> held;  // guarded by mu
  Endpoint out;
  // TCP: bound, but not listening. UDP: connected to somebody else, so that only their datagrams
  // find a socket.
  Fd socket = BoundSocket(type, &out);
  if (type == SOCK_DGRAM) {
    sockaddr_storage other;
    const socklen_t length = Endpoint::Parse("127.0.0.1:1")->ToSockaddr(&other);
    LS_CHECK(::connect(socket.get(), reinterpret_cast<sockaddr*>(&other), length) == 0);
  }
  const std::lock_guard lock(mu);
  held.push_back(std::move(socket));
  return out;
}

Endpoint FreeEndpoint() {
  static std::mutex mu;
  static std::vector<Fd> claims;  // guarded by mu
  std::random_device random;
  const std::lock_guard lock(mu);
  while (true) {
    const auto port = static_cast<uint16_t>(kFirstPort + random() % kPorts);
    Fd claim = Claim(port);
    if (!claim.valid() || !IsFree(port)) continue;
    claims.push_back(std::move(claim));
    return {*IpAddress::Parse("127.0.0.1"), port};
  }
}

TcpBlackHole::TcpBlackHole() {
  listener_ = BoundSocket(SOCK_STREAM, &endpoint_);
  LS_CHECK(::listen(listener_.get(), 0) == 0);
  sockaddr_storage address;
  const socklen_t length = endpoint_.ToSockaddr(&address);
  for (int i = 0; i < 4; ++i) {
    fillers_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    (void)::connect(fillers_.back().get(), reinterpret_cast<sockaddr*>(&address), length);
  }
}

UdpServer::UdpServer(std::string answer) : answer_(std::move(answer)) {
  socket_ = BoundSocket(SOCK_DGRAM, &endpoint_);
  MakePipe(&stop_read_, &stop_write_);
  thread_ = std::thread([this] { Run(); });
}

UdpServer::~UdpServer() {
  stop_write_.Reset();
  thread_.join();
}

void UdpServer::Run() {
  while (WaitReadable(socket_.get(), stop_read_.get())) {
    char buffer[2048];
    sockaddr_storage from;
    socklen_t length = sizeof from;
    auto* address = reinterpret_cast<sockaddr*>(&from);
    if (::recvfrom(socket_.get(), buffer, sizeof buffer, 0, address, &length) < 0) continue;
    if (!answer_.empty()) {
      ::sendto(socket_.get(), answer_.data(), answer_.size(), 0, address, length);
    }
  }
}

std::string ReadHead(int fd) {
  std::string out;
  char buffer[4096];
  while (out.find("\r\n\r\n") == std::string::npos) {
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    out.append(buffer, static_cast<size_t>(n));
  }
  return out;
}

void WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void Reset(int fd) {
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace lockstep::fakes

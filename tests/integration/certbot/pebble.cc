#include "tests/integration/certbot/pebble.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include "common/base/fd.h"
#include "common/base/ip.h"
#include "common/crypto/issue.h"
#include "tests/fakes/loopback/servers.h"

namespace lockstep::controller::drivers::certbot {
namespace {

bool Answers(uint16_t port) {
  const Endpoint endpoint{*IpAddress::Parse("127.0.0.1"), port};
  sockaddr_storage storage;
  const socklen_t size = endpoint.ToSockaddr(&storage);
  const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0;
}

uint16_t FreePort() { return fakes::FreeEndpoint().port; }

void AwaitListener(uint16_t port) {
  const auto deadline = std::chrono::steady_clock::now() + Seconds(10);
  while (!Answers(port) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(Millis(10));
  }
  LS_CHECK(Answers(port));
}

}  // namespace

ChallengeServer::ChallengeServer() : server_([this](int fd) { Serve(fd); }) {}

void ChallengeServer::Put(const std::vector<model::Challenge>& challenges) {
  const std::lock_guard lock(mutex_);
  for (const auto& challenge : challenges) {
    files_[challenge.token.str()] = challenge.key_authorization;
  }
}

void ChallengeServer::Clear() {
  const std::lock_guard lock(mutex_);
  files_.clear();
}

size_t ChallengeServer::hits() const {
  const std::lock_guard lock(mutex_);
  return hits_;
}

void ChallengeServer::Serve(int fd) {
  std::string request;
  char buffer[2048];
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t bytes = ::read(fd, buffer, sizeof buffer);
    if (bytes <= 0) return;
    request.append(buffer, static_cast<size_t>(bytes));
  }
  constexpr std::string_view kPrefix = "GET /.well-known/acme-challenge/";
  std::string body;
  {
    const std::lock_guard lock(mutex_);
    ++hits_;
    if (request.starts_with(kPrefix)) {
      const std::string token =
          request.substr(kPrefix.size(), request.find(' ', kPrefix.size()) - kPrefix.size());
      const auto found = files_.find(token);
      if (found != files_.end()) body = found->second;
    }
  }
  const std::string answer =
      "HTTP/1.1 " + std::string(body.empty() ? "404 Not Found" : "200 OK") +
      "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  [[maybe_unused]] const ssize_t sent = ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
}

Pebble::Pebble(uint16_t challenge_port) : port_(FreePort()) {
  WriteServerCertificate();
  const uint16_t management = FreePort();
  const uint16_t dns = FreePort();
  const uint16_t dns_management = FreePort();
  const auto local = [](uint16_t port) { return "127.0.0.1:" + std::to_string(port); };
  std::ofstream(home_ / "pebble.json")
      << R"({"pebble":{"listenAddress":")" << local(port_) << R"(","managementListenAddress":")"
      << local(management) << R"(","certificate":")" << home_ / "wfe.pem"
      << R"(","privateKey":")" << home_ / "wfe.key"
      << R"(","httpPort":)" << challenge_port
      << R"(,"tlsPort":1,"ocspResponderURL":"","externalAccountBindingRequired":false,)"
      << R"("domainBlocklist":["blocked.example"],"certificateValidityPeriod":7776000}})";
  pids_.push_back(Spawn({"/usr/bin/pebble-challtestsrv", "-management", local(dns_management),
                         "-dns01", local(dns), "-http01", "", "-https01", "", "-tlsalpn01", "",
                         "-defaultIPv6", "", "-defaultIPv4", "127.0.0.1"},
                        home_ / "dns.log"));
  AwaitListener(dns_management);
  pids_.push_back(Spawn(
      {"/usr/bin/pebble", "-config", home_ / "pebble.json", "-dnsserver", local(dns), "-strict"},
      home_ / "pebble.log"));
  AwaitListener(port_);
}

Pebble::~Pebble() { Stop(); }

void Pebble::Stop() {
  for (const pid_t pid : pids_) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  pids_.clear();
}

std::string Pebble::directory_url() const {
  return "https://localhost:" + std::to_string(port_) + "/dir";
}

size_t Pebble::CountInLog(const std::string& text) const {
  std::ifstream in(home_ / "pebble.log");
  const std::string log{std::istreambuf_iterator<char>(in), {}};
  size_t count = 0;
  for (size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++count;
  return count;
}

void Pebble::WriteServerCertificate() {
  const WallTime now = Clock::System().Now();
  const crypto::PrivateKey ca_key = crypto::PrivateKey::GenerateP256();
  const auto ca =
      crypto::SelfSignedCa(ca_key, "Pebble's server", std::chrono::hours(24), now - Seconds(60));
  const crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
  crypto::LeafProfile profile;
  profile.common_name = "localhost";
  profile.dns_names = {"localhost"};
  profile.server_auth = true;
  profile.not_before = now - Seconds(60);
  profile.lifetime = std::chrono::hours(20);
  const auto leaf = crypto::IssueCertificate(*ca, ca_key, key.Public(), profile);
  std::ofstream(home_ / "ca.pem") << ca->Pem();
  std::ofstream(home_ / "wfe.pem") << leaf->Pem();
  std::ofstream(home_ / "wfe.key") << key.ToPem().Reveal();
}

pid_t Pebble::Spawn(const std::vector<std::string>& argv, const std::string& log) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  // No invented failures: badNonce twice in a row ends a run, and each wait is a random one.
  std::vector<std::string> settings = {"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0",
                                       "PEBBLE_AUTHZREUSE=0"};
  std::vector<char*> environment;
  for (std::string& setting : settings) environment.push_back(setting.data());
  environment.push_back(nullptr);
  pid_t pid = -1;
  LS_CHECK(::posix_spawn(&pid, words[0], &actions, nullptr, words.data(), environment.data()) == 0);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

}  // namespace lockstep::controller::drivers::certbot

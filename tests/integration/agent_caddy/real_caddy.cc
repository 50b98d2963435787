#include "tests/integration/agent_caddy/real_caddy.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>

#include "common/base/fd.h"
#include "common/crypto/issue.h"
#include "tests/fakes/loopback/servers.h"

namespace lockstep::agent::drivers::caddy {
namespace {

uint16_t FreePort() { return fakes::FreeEndpoint().port; }

size_t AppendBody(char* data, size_t size, size_t count, void* user) {
  static_cast<std::string*>(user)->append(data, size * count);
  return size * count;
}

size_t AppendHeader(char* data, size_t size, size_t count, void* user) {
  auto* answer = static_cast<WebAnswer*>(user);
  std::string line(data, size * count);
  while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
  const size_t colon = line.find(": ");
  if (line.starts_with("HTTP/")) {
    answer->version = line.substr(0, line.find(' '));
    answer->headers.clear();
  } else if (colon != std::string::npos) {
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), ::tolower);
    answer->headers.emplace(name, line.substr(colon + 2));
  }
  return size * count;
}

}  // namespace

RealCaddy::RealCaddy() : http_port_(FreePort()), https_port_(FreePort()) { Start(); }

RealCaddy::~RealCaddy() { Kill(); }

void RealCaddy::Start() {
  const CaddyOptions options = Options();
  std::ofstream(home_ / "caddy.json") << R"({"admin":)" << RenderAdmin(options.render) << "}";
  ::unlink(options.render.admin_socket.c_str());
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, (home_ / "log").c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  const std::string config = home_ / "caddy.json";
  const std::string home = "HOME=" + home_.path();
  const char* argv[] = {"caddy", "run", "--config", config.c_str(), nullptr};
  const char* environment[] = {home.c_str(), nullptr};
  LS_CHECK(::posix_spawn(&pid_, options.program.c_str(), &actions, nullptr,
                         const_cast<char**>(argv), const_cast<char**>(environment)) == 0);
  posix_spawn_file_actions_destroy(&actions);
  AdminClient admin = AdminClient::OverUnixSocket(options.render.admin_socket);
  for (int i = 0; i < 500 && !admin.GetConfig("").ok(); ++i) ::usleep(10'000);
  LS_CHECK(admin.GetConfig("").ok());
}

void RealCaddy::Kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

CaddyOptions RealCaddy::Options() const {
  CaddyOptions options;
  options.render.admin_socket = home_ / "admin.sock";
  options.render.challenge_directory = home_ / "challenges";
  options.render.miss_socket = home_ / "miss.sock";
  options.render.http_port = http_port_;
  options.render.https_port = https_port_;
  options.copies_directory = home_ / "copies";
  return options;
}

std::string RealCaddy::Log() const {
  std::ostringstream out;
  out << std::ifstream(home_ / "log").rdbuf();
  return out.str();
}

TestCa::TestCa()
    : key_(crypto::PrivateKey::GenerateP256()),
      root_(*crypto::SelfSignedCa(key_, "test", std::chrono::hours(24), Clock::System().Now())) {}

reconcile::Certificate TestCa::Issue(const std::string& name, uint64_t revision,
                                     const std::vector<std::string>& hosts) {
  const crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
  crypto::LeafProfile profile;
  profile.common_name = name;
  profile.dns_names = hosts;
  profile.server_auth = true;
  profile.not_before = Clock::System().Now();
  profile.lifetime = std::chrono::hours(1) + Seconds(revision);
  const crypto::Certificate leaf = *crypto::IssueCertificate(root_, key_, key.Public(), profile);
  reconcile::Certificate out;
  out.name = name;
  out.revision = revision;
  for (const std::string& host : hosts) out.hosts.push_back(*Hostname::Parse(host));
  out.chain_pem = leaf.Pem() + root_.Pem();
  out.key_pem = key.ToPem().Reveal();
  out.leaf_sha256 = leaf.FingerprintSha256Hex();
  out.not_after = leaf.NotAfter();
  return out;
}

reconcile::Desired LoopbackDesired() {
  reconcile::Desired out;
  out.node = *NodeName::Parse("fra1");
  out.pop = *PopName::Parse("fra");
  out.service_addresses = {*IpAddress::Parse("127.0.0.1")};
  out.node_addresses = {*IpAddress::Parse("::1")};
  return out;
}

reconcile::Site PresetSite(const std::string& host, const std::string& body, bool secure) {
  reconcile::Site site{host, {*Hostname::Parse(host)}, {}, reconcile::Preset{200, "", body}};
  if (secure) site.secure_hosts = site.hosts;
  return site;
}

std::string WebAnswer::Header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

WebAnswer Ask(const WebRequest& request) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 curl_easy_cleanup);
  const std::string port = std::to_string(request.port);
  const std::string url =
      (request.tls ? "https://" : "http://") + request.host + ":" + port + request.path;
  curl_slist* resolve =
      curl_slist_append(nullptr, (request.host + ":" + port + ":" + request.address).c_str());
  const std::string& host = request.host_header.empty() ? request.host : request.host_header;
  curl_slist* headers = curl_slist_append(nullptr, ("Host: " + host).c_str());
  WebAnswer answer;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_RESOLVE, resolve);
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYHOST, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, 5000L);
  curl_easy_setopt(curl.get(), CURLOPT_HTTP_VERSION,
                   request.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
  if (request.method == "HEAD") {
    curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
  } else {
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, AppendBody);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, AppendHeader);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &answer);
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) answer.error = curl_easy_strerror(code);
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<int>(status);
  curl_slist_free_all(resolve);
  curl_slist_free_all(headers);
  return answer;
}

}  // namespace lockstep::agent::drivers::caddy

#include "tests/integration/agent_quicd/rig.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <sstream>

#include "common/exec/run.h"

namespace lockstep::agent::quicd {
namespace {

std::string Pem(const std::function<int(BIO*)>& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  LS_CHECK(write(bio) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<size_t>(size));
  BIO_free(bio);
  return out;
}

crypto::Secret Repeated(char letter, size_t size) {
  return crypto::Secret(std::string(size, letter));
}

std::string ReadFile(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

}  // namespace

Pair Pair::Make(const std::vector<std::string>& names) {
  const fakes::TestCertificate made = fakes::TestCertificate::Make(names);
  return {Pem([&](BIO* bio) { return PEM_write_bio_X509(bio, made.certificate.get()); }),
          Pem([&](BIO* bio) {
            return PEM_write_bio_PKCS8PrivateKey(bio, made.key.get(), nullptr, nullptr, 0, nullptr,
                                                 nullptr);
          }),
          made.Fingerprint()};
}

server::Site MakeSite(std::vector<std::string> hosts, const Pair& pair) {
  server::Site site;
  for (const std::string& host : hosts) site.hosts.push_back(Hostname::Parse(host).value());
  site.chain_pem = pair.chain_pem;
  site.key_pem = crypto::Secret::CopyOf(pair.key_pem);
  return site;
}

server::Settings MakeSettings(std::string_view node, uint16_t port, const Pair& pair) {
  server::Settings settings;
  settings.version = "1";
  settings.service_addresses = {IpAddress::Parse("127.0.0.1").value(),
                                IpAddress::Parse("::1").value()};
  settings.port = port;
  settings.server_id = node;
  settings.cid_keys.push_back({0, Repeated('c', cid::kKeyBytes)});
  settings.reset_key = crypto::Secret("reset key of " + std::string(node) + std::string(32, '.'));
  settings.token_keys.push_back(Repeated('t', cid::kMinSecretBytes));
  settings.ticket_keys.current = Repeated('k', server::kTicketKeyBytes);
  settings.sites.push_back(MakeSite({kName}, pair));
  settings.upstream.address = "127.0.0.1";
  settings.upstream.port = 8080;
  return settings;
}

Rig::Rig() : loop_(loop::Loop::Create().value()) {
  server_ = std::make_unique<server::Server>(*loop_, [log = log_](loop::Loop& loop, const auto&) {
    return std::make_unique<FakeUpstream>(loop, log);
  });
  thread_ = std::thread([this] { loop_->Run(); });
}

Rig::~Rig() {
  OnLoop([this] { server_.reset(); });
  loop_->Stop();
  thread_.join();
}

void Rig::OnLoop(const std::function<void()>& work) {
  std::promise<void> done;
  loop_->Post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

Status Rig::Configure(server::Settings settings) {
  Status status;
  OnLoop([&] { status = server_->Configure(std::move(settings)); });
  return status;
}

server::Counters Rig::counters() {
  server::Counters copy;
  OnLoop([&] { copy = server_->seen(); });
  return copy;
}

server::Server::State Rig::state() {
  server::Server::State copy;
  OnLoop([&] { copy = server_->state(); });
  return copy;
}

bool Rig::Eventually(const std::function<bool(const server::Counters&)>& holds) {
  const MonoTime end = Clock::System().Mono() + Seconds(5);
  while (!holds(counters())) {
    if (Clock::System().Mono() > end) return false;
    std::this_thread::sleep_for(Millis(2));
  }
  return true;
}

uint16_t FreePort() { return fakes::FreeEndpoint().port; }

probe::QuicObservation Look(std::string_view host, uint16_t port, std::string_view name) {
  probe::QuicRequest request;
  request.route.target = {IpAddress::Parse(host).value(), port};
  if (!name.empty()) request.sni = Hostname::Parse(name).value();
  return probe::QuicHandshake(request);
}

// gtlsclient sends the name that it resolves: a hosts file of its own, in a mount namespace.
Asked Ask(std::string_view address, uint16_t port, std::string_view path,
          const std::vector<std::string>& options) {
  const fakes::TempDirectory folder;
  std::ofstream(folder / "hosts") << address << " " << kName << "\n";
  std::ofstream(folder / "run") << "mount --bind " << folder / "hosts"
                                << " /etc/hosts && exec \"$@\"\n";
  exec::Command command;
  command.argv = {"/usr/bin/unshare",
                  "--user",
                  "--map-root-user",
                  "--mount",
                  "/bin/sh",
                  folder / "run",
                  "/usr/bin/gtlsclient",
                  "--download=" + folder.path(),
                  "--exit-on-all-streams-close",
                  "--disable-early-data",
                  "--no-quic-dump",
                  "--no-http-dump"};
  command.argv.insert(command.argv.end(), options.begin(), options.end());
  command.argv.emplace_back(kName);
  command.argv.push_back(std::to_string(port));
  command.argv.push_back("https://" + std::string(kName) + std::string(path));
  command.environment = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}};
  command.deadline = Seconds(30);
  const Result<exec::Finished> finished = exec::Run(command);
  Asked asked;
  if (!finished.ok()) {
    asked.output = finished.status().ToString();
    return asked;
  }
  asked.ok = finished->Succeeded();
  asked.output = finished->out.text + finished->err.text;
  const std::string file(path.substr(path.rfind('/') + 1));
  asked.body = ReadFile(folder / (file.empty() ? "index.html" : file));
  return asked;
}

}  // namespace lockstep::agent::quicd

// The probes against a real Caddy on loopback: what it serves over TCP and over QUIC.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/probe/probe.h"
#include "tests/fakes/loopback/tls_server.h"

namespace lockstep::probe {
namespace {

using fakes::TestCertificate;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kCaddy = "/usr/bin/caddy";

// A Caddy with one certificate on a free port of 127.0.0.1, in a directory of its own.
class Caddy {
 public:
  explicit Caddy(const TestCertificate& certificate) {
    char name[] = "/tmp/lockstep-probe-XXXXXX";
    LS_CHECK(::mkdtemp(name) != nullptr);
    folder_ = name;
    endpoint_ = fakes::FreeEndpoint();
    WritePem(certificate);
    std::ofstream(folder_ / "caddy.json") << Config();
    Start();
    AwaitListening();
  }
  ~Caddy() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }
  Endpoint endpoint() const { return endpoint_; }
  std::string Log() const {
    std::ostringstream out;
    out << std::ifstream(folder_ / "log").rdbuf();
    return out.str();
  }

 private:
  void WritePem(const TestCertificate& certificate) const {
    FILE* cert = std::fopen((folder_ / "cert.pem").c_str(), "w");
    LS_CHECK(PEM_write_X509(cert, certificate.certificate.get()) == 1);
    std::fclose(cert);
    FILE* key = std::fopen((folder_ / "key.pem").c_str(), "w");
    LS_CHECK(PEM_write_PKCS8PrivateKey(key, certificate.key.get(), nullptr, nullptr, 0, nullptr,
                                       nullptr) == 1);
    std::fclose(key);
  }

  std::string Config() const {
    const std::string listen = endpoint_.ToString();
    const std::string port = std::to_string(endpoint_.port);
    return R"({"admin":{"disabled":true},"apps":{"http":{"https_port":)" + port +
           R"(,"servers":{"s":{"listen":[")" + listen +
           R"("],"protocols":["h1","h2","h3"],"automatic_https":{"disable":true},
           "tls_connection_policies":[{"match":{"sni":["www.example.test"]}}],
           "routes":[{"handle":[{"handler":"static_response","body":"hello"}]}]}}},
           "tls":{"certificates":{"load_files":[{"certificate":")" +
           (folder_ / "cert.pem").string() + R"(","key":")" + (folder_ / "key.pem").string() +
           R"("}]}}}})";
  }

  void Start() {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, (folder_ / "log").c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    const std::string config = (folder_ / "caddy.json").string();
    const std::string home = "HOME=" + folder_.string();
    const char* argv[] = {"caddy", "run", "--config", config.c_str(), nullptr};
    const char* environment[] = {home.c_str(), nullptr};
    LS_CHECK(::posix_spawn(&pid_, kCaddy, &actions, nullptr, const_cast<char**>(argv),
                           const_cast<char**>(environment)) == 0);
    posix_spawn_file_actions_destroy(&actions);
  }

  void AwaitListening() const {
    HttpRequest request;
    request.route.target = endpoint_;
    request.host = *Hostname::Parse("www.example.test");
    request.scheme = HttpScheme::kHttps;
    const MonoTime end = Clock::System().Mono() + Seconds(10);
    while (Clock::System().Mono() < end) {
      if (HttpGet(request).status_code == 200) return;
      ::usleep(20'000);
    }
    ADD_FAILURE() << "caddy did not start: " << Log();
  }

  std::filesystem::path folder_;
  Endpoint endpoint_;
  pid_t pid_ = -1;
};

class ProbeCaddyTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    certificate_ = std::make_unique<TestCertificate>(TestCertificate::Make({"www.example.test"}));
    caddy_ = std::make_unique<Caddy>(*certificate_);
  }
  static void TearDownTestSuite() {
    caddy_.reset();
    certificate_.reset();
  }

  static QuicRequest Request() {
    QuicRequest out;
    out.route.target = caddy_->endpoint();
    out.sni = *Hostname::Parse("www.example.test");
    return out;
  }

  static std::unique_ptr<TestCertificate> certificate_;
  static std::unique_ptr<Caddy> caddy_;
};

std::unique_ptr<TestCertificate> ProbeCaddyTest::certificate_;
std::unique_ptr<Caddy> ProbeCaddyTest::caddy_;

TEST_F(ProbeCaddyTest, QuicShowsTheLeafAndTheTransportParameters) {
  const QuicObservation seen = QuicHandshake(Request());
  EXPECT_EQ(seen.error, "");
  ASSERT_TRUE(seen.handshake);
  EXPECT_EQ(seen.certificate.leaf_sha256, certificate_->Fingerprint());
  EXPECT_EQ(seen.certificate.serial, "04d2");
  EXPECT_THAT(seen.certificate.dns_names, ElementsAre("www.example.test"));
  EXPECT_EQ(seen.alpn, "h3");
  EXPECT_EQ(seen.version, "QUICv1");
  ASSERT_TRUE(seen.transport_parameters.has_value());
  // What Caddy 2.6.2 cannot be configured to do otherwise.
  const TransportParameters& parameters = *seen.transport_parameters;
  EXPECT_TRUE(parameters.disable_active_migration);
  EXPECT_EQ(parameters.max_idle_timeout, Seconds(30));
  EXPECT_EQ(parameters.active_connection_id_limit, 4u);
  EXPECT_TRUE(parameters.stateless_reset_token);
  EXPECT_EQ(parameters.scid_length, 4u);
  EXPECT_FALSE(parameters.preferred_address.has_value());
  EXPECT_GT(parameters.initial_max_data, 0u);
}

TEST_F(ProbeCaddyTest, QuicNamesTheAlertForAnUnknownName) {
  QuicRequest request = Request();
  request.sni = *Hostname::Parse("other.example.test");
  const QuicObservation seen = QuicHandshake(request);
  EXPECT_FALSE(seen.handshake);
  EXPECT_THAT(seen.error, HasSubstr("the server closed the connection: "));
  EXPECT_THAT(seen.error, HasSubstr("TLS alert 80"));  // internal_error
  EXPECT_EQ(seen.certificate.leaf_sha256, "");
  EXPECT_LT(seen.elapsed, Seconds(2));
}

TEST_F(ProbeCaddyTest, QuicNamesTheAlertForAProtocolTheServerDoesNotSpeak) {
  QuicRequest request = Request();
  request.alpn = {"smtp"};
  const QuicObservation seen = QuicHandshake(request);
  EXPECT_FALSE(seen.handshake);
  EXPECT_THAT(seen.error, HasSubstr("TLS alert 120"));  // no_application_protocol
}

TEST_F(ProbeCaddyTest, QuicComesFromTheSourceAddress) {
  QuicRequest request = Request();
  request.route.source = *IpAddress::Parse("127.0.0.9");
  EXPECT_EQ(QuicHandshake(request).error, "");
}

TEST_F(ProbeCaddyTest, TlsAndQuicShowTheSameLeaf) {
  TlsRequest request;
  request.route.target = caddy_->endpoint();
  request.sni = *Hostname::Parse("www.example.test");
  const TlsObservation tls = TlsHandshake(request);
  EXPECT_EQ(tls.error, "");
  EXPECT_EQ(tls.alpn, "h2");
  EXPECT_EQ(tls.certificate.leaf_sha256, QuicHandshake(Request()).certificate.leaf_sha256);
}

TEST_F(ProbeCaddyTest, HttpsShowsTheAltSvcThatCaddySends) {
  HttpRequest request;
  request.route.target = caddy_->endpoint();
  request.host = *Hostname::Parse("www.example.test");
  request.scheme = HttpScheme::kHttps;
  const HttpObservation seen = HttpGet(request);
  EXPECT_EQ(seen.error, "");
  EXPECT_EQ(seen.body, "hello");
  EXPECT_THAT(seen.FindHeader("alt-svc").value_or(""), HasSubstr("h3="));
}

TEST_F(ProbeCaddyTest, ManyQuicHandshakesSideBySide) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < 10; ++round) EXPECT_EQ(QuicHandshake(Request()).error, "");
    });
  }
}

}  // namespace
}  // namespace lockstep::probe

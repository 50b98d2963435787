// The issuer over a stand-in for certbot: a shell script of the test's own.
#include "controller/drivers/certbot/certbot_issuer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>

#include "common/crypto/issue.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::controller::drivers::certbot {
namespace {

namespace fs = std::filesystem;
using certs::IssueRequest;
using certs::IssueResult;
using testing::HasSubstr;
using testing::Not;

constexpr char kSecret[] = "the-secret-of-the-order";

// `$CONFIG` and `$LOGS` are set from the arguments before `issue` runs.
constexpr char kScript[] = R"sh(#!/bin/sh
verb=$1; here=HERE
echo "$@" > $here/$verb.argv.$$
env > $here/$verb.env.$$
while [ $# -gt 0 ]; do
  case $1 in --config-dir) CONFIG=$2 ;; --logs-dir) LOGS=$2 ;; esac
  shift
done
if [ $verb = register ]; then
  account=$CONFIG/accounts/ca.example/dir/aa
  mkdir -p $account
  echo '{"kty":"EC","crv":"P-256","x":"eA","y":"eQ"}' > $account/private_key.json
  echo '{}' > $account/regr.json
  echo '{}' > $account/meta.json
  exit 0
fi
ISSUE
)sh";

std::string Contents(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

class CertbotIssuerTest : public testing::Test {
 protected:
  CertbotIssuerTest() {
    options_.certbot = temp_ / "certbot.sh";
    options_.plugin_directory = "/usr/share/lockstep/certbot";
    options_.hook_program = "/usr/libexec/lockstep/lockstep-certbot-hook";
    options_.hook_socket = "/run/lockstep/hook/hook.sock";
    options_.directory = temp_ / "state";
    options_.server = "https://ca.example/dir";
    options_.email = "ops@example.test";
    PrepareLineage("a.example");
  }
  // What the stand-in does instead of issuing; $here/a.example is a lineage's live directory.
  void OnIssue(const std::string& commands) {
    std::string script = kScript;
    script.replace(script.find("HERE"), 4, temp_.path());
    script.replace(script.find("ISSUE"), 5, commands);
    std::ofstream(options_.certbot) << script;
    fs::permissions(options_.certbot, fs::perms::owner_all);
  }
  void PrepareLineage(const std::string& name) {
    const WallTime now = Clock::System().Now();
    const crypto::PrivateKey ca_key = crypto::PrivateKey::GenerateP256();
    const auto ca = crypto::SelfSignedCa(ca_key, "CA", std::chrono::hours(9), now - Seconds(60));
    const crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
    crypto::LeafProfile profile;
    profile.common_name = "leaf";
    profile.dns_names = {name};
    profile.server_auth = true;
    profile.not_before = now - Seconds(60);
    profile.lifetime = std::chrono::hours(8);
    const auto leaf = crypto::IssueCertificate(*ca, ca_key, key.Public(), profile).value();
    fs::create_directories(temp_ / name);
    std::ofstream(temp_ / (name + "/fullchain.pem")) << leaf.Pem() << ca->Pem();
    std::ofstream(temp_ / (name + "/privkey.pem")) << key.ToPem().Reveal();
    leaf_sha256_ = leaf.FingerprintSha256Hex();
  }
  static constexpr char kIssueWell[] = "mkdir -p $CONFIG/live; cp -r $here/a.example $CONFIG/live/";

  static IssueRequest Request(const std::string& lineage = "a.example") {
    IssueRequest request;
    request.order = NewOrderId();
    request.lineage = lineage;
    request.hosts = {Hostname::Parse("a.example").value()};
    request.secret = kSecret;
    request.deadline = Seconds(20);
    return request;
  }
  static std::future<IssueResult> Start(CertbotIssuer& issuer, IssueRequest request) {
    auto promise = std::make_shared<std::promise<IssueResult>>();
    auto future = promise->get_future();
    issuer.Start(std::move(request),
                 [promise](IssueResult result) { promise->set_value(std::move(result)); });
    return future;
  }
  IssueResult Issue(IssueRequest request = Request()) {
    CertbotIssuer issuer(options_);
    return Start(issuer, std::move(request)).get();
  }
  // All that the stand-in was given, in this kind of file.
  std::string Given(const std::string& prefix) {
    std::string all;
    for (const auto& entry : fs::directory_iterator(temp_.path())) {
      if (entry.path().filename().string().starts_with(prefix)) all += Contents(entry.path());
    }
    return all;
  }
  size_t CountRuns(const std::string& verb) {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(temp_.path())) {
      count += entry.path().filename().string().starts_with(verb + ".argv.") ? 1 : 0;
    }
    return count;
  }
  void WaitFor(const std::string& file) {
    while (!fs::exists(temp_ / file)) std::this_thread::yield();
  }

  fakes::TempDirectory temp_;
  CertbotOptions options_;
  std::string leaf_sha256_;
};

TEST_F(CertbotIssuerTest, WhatCertbotLeftIsReadAndChecked) {
  OnIssue(kIssueWell);
  const IssueResult result = Issue();
  ASSERT_TRUE(result.status.ok()) << result.status;
  EXPECT_THAT(result.chain_pem, HasSubstr("BEGIN CERTIFICATE"));
  EXPECT_THAT(result.key_pem, HasSubstr("PRIVATE KEY"));
}

TEST_F(CertbotIssuerTest, TheArgumentsAreTheDocumentedOnes) {
  OnIssue(kIssueWell);
  ASSERT_TRUE(Issue().status.ok());
  EXPECT_EQ(
      Given("certonly.argv"),
      "certonly --non-interactive --agree-tos --no-eff-email --server https://ca.example/dir "
      "--config-dir " +
          (temp_ / "state/a.example/config") + " --work-dir " + (temp_ / "state/a.example/work") +
          " --logs-dir " + (temp_ / "state/a.example/logs") +
          " --max-log-backups 0 --email ops@example.test --authenticator lockstep --account aa "
          "--cert-name a.example --key-type ecdsa --elliptic-curve secp256r1 --force-renewal "
          "--renew-with-new-domains --no-random-sleep-on-renew --no-directory-hooks --domain "
          "a.example\n");
}

TEST_F(CertbotIssuerTest, TheSecretTravelsInADescriptorAlone) {
  OnIssue(std::string("cat <&3 > $here/fd; ") + kIssueWell);
  ASSERT_TRUE(Issue().status.ok());
  EXPECT_EQ(Contents(temp_ / "fd"), kSecret);
  const std::string environment = Given("certonly.env");
  EXPECT_THAT(environment, HasSubstr("LOCKSTEP_SECRET_FD=3"));
  EXPECT_THAT(environment, HasSubstr("LOCKSTEP_ORDER=o-"));
  EXPECT_THAT(environment, HasSubstr("PYTHONPATH=/usr/share/lockstep/certbot"));
  EXPECT_THAT(environment, HasSubstr("TMPDIR=" + (temp_ / "state/a.example/work/tmp") + "\n"));
  EXPECT_THAT(environment, Not(HasSubstr(kSecret)));
  EXPECT_THAT(Given("certonly.argv"), Not(HasSubstr(kSecret)));
  // Nothing of ours is passed on.
  EXPECT_THAT(environment, Not(HasSubstr("GTEST")));
  EXPECT_THAT(environment, Not(HasSubstr("USER=")));
}

TEST_F(CertbotIssuerTest, ExitCodeZeroWithoutACertificateIsAFailure) {
  OnIssue("exit 0");
  const IssueResult result = Issue();
  EXPECT_EQ(result.status.code(), Code::kNotFound);
  EXPECT_THAT(result.status.message(), HasSubstr("certbot says that it succeeded: "));
}

TEST_F(CertbotIssuerTest, TheOldCertificateIsNotTakenForANewOne) {
  OnIssue(kIssueWell);
  IssueRequest request = Request();
  request.current_leaf_sha256 = leaf_sha256_;
  const IssueResult result = Issue(request);
  EXPECT_EQ(result.status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(result.status.message(), HasSubstr("is the old one"));
}

TEST_F(CertbotIssuerTest, ACertificateForOtherNamesIsRefused) {
  OnIssue(kIssueWell);
  IssueRequest request = Request();
  request.hosts.push_back(Hostname::Parse("b.example").value());
  EXPECT_EQ(Issue(request).status.code(), Code::kFailedPrecondition);
}

TEST_F(CertbotIssuerTest, TheLogOfThisRunAloneExplainsAFailure) {
  OnIssue(
      "echo 'x:Exiting abnormally:\nacme.messages.Error: urn:ietf:params:acme:error:caa :: t "
      ":: forbidden' > $LOGS/letsencrypt.log; exit 1");
  IssueResult result = Issue();
  EXPECT_EQ(result.status.message(), "the name's CAA records forbid this CA");
  EXPECT_EQ(result.ca_error, "caa: forbidden");

  OnIssue("echo 'the disk is full' >&2; exit 1");
  result = Issue();
  EXPECT_EQ(result.status.message(), "certbot: the disk is full");
  EXPECT_EQ(result.ca_error, "");
}

TEST_F(CertbotIssuerTest, ACancelledOrderEndsWithItsProcesses) {
  OnIssue("echo $$ > $here/pid.tmp; mv $here/pid.tmp $here/pid; sleep 1000");
  CertbotIssuer issuer(options_);
  const IssueRequest request = Request();
  auto result = Start(issuer, request);
  WaitFor("pid");
  issuer.Cancel(request.order);
  EXPECT_EQ(result.get().status.ToString(), "CANCELLED: the order was cancelled");
  EXPECT_FALSE(fs::exists("/proc/" + std::to_string(std::stoi(Contents(temp_ / "pid")))));
  issuer.Cancel(request.order);  // no effect
}

TEST_F(CertbotIssuerTest, ARunThatOutlivesItsDeadlineIsEnded) {
  OnIssue("sleep 1000");
  IssueRequest request = Request();
  request.deadline = Millis(400);
  const Status status = Issue(request).status;
  EXPECT_EQ(status.code(), Code::kDeadlineExceeded);
  EXPECT_THAT(status.message(), HasSubstr("certbot did not end in time"));
}

TEST_F(CertbotIssuerTest, OneAccountIsRegisteredHoweverManyOrdersWait) {
  OnIssue(
      "mkdir -p $CONFIG/live/$(basename $(dirname $CONFIG)); cp $here/a.example/* "
      "$CONFIG/live/$(basename $(dirname $CONFIG))/");
  CertbotIssuer issuer(options_);
  std::vector<std::future<IssueResult>> results;
  for (const char* lineage : {"a.example", "b.example", "c.example", "d.example"}) {
    results.push_back(Start(issuer, Request(lineage)));
  }
  for (auto& result : results) {
    const IssueResult got = result.get();
    EXPECT_TRUE(got.status.ok()) << got.status;
  }
  EXPECT_EQ(CountRuns("register"), 1U);
  EXPECT_EQ(CountRuns("certonly"), 4U);
  EXPECT_EQ(issuer.EnsureAccount()->size(), 43U);
  EXPECT_EQ(CountRuns("register"), 1U);
}

TEST_F(CertbotIssuerTest, ALineageHasOneOrderAtATime) {
  OnIssue("touch $here/running; sleep 1000");
  CertbotIssuer issuer(options_);
  const IssueRequest first = Request();
  auto running = Start(issuer, first);
  WaitFor("running");
  EXPECT_EQ(Start(issuer, Request()).get().status.ToString(),
            "ABORTED: another order of certificate a.example is under way");
  issuer.Cancel(first.order);
  EXPECT_EQ(running.get().status.code(), Code::kCancelled);
}

TEST_F(CertbotIssuerTest, AWaitingOrderIsCancelledAtOnceAndAllWhenTheIssuerGoes) {
  OnIssue("touch $here/running; sleep 1000");
  options_.parallel = 1;
  std::future<IssueResult> running;
  std::future<IssueResult> waiting;
  {
    CertbotIssuer issuer(options_);
    running = Start(issuer, Request("a.example"));
    WaitFor("running");
    const IssueRequest second = Request("b.example");
    auto cancelled = Start(issuer, second);
    issuer.Cancel(second.order);
    EXPECT_EQ(cancelled.get().status.code(), Code::kCancelled);
    waiting = Start(issuer, Request("c.example"));
  }
  EXPECT_EQ(running.get().status.code(), Code::kCancelled);
  EXPECT_EQ(waiting.get().status.code(), Code::kCancelled);
}

TEST_F(CertbotIssuerTest, LineagesThatAreNoHostNamesAreRefused) {
  OnIssue(kIssueWell);
  for (const char* lineage :
       {"", "..", "../a", "-x.example", "accounts", "A.example", "a/b.c", "*.example"}) {
    EXPECT_EQ(Issue(Request(lineage)).status.code(), Code::kInvalidArgument) << lineage;
  }
  IssueRequest request = Request();
  request.secret = "";
  EXPECT_EQ(Issue(request).status.code(), Code::kInvalidArgument);
}

TEST_F(CertbotIssuerTest, AMissingCertbotIsSaid) {
  const Status status = Issue().status;
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr("certbot.sh"));
}

}  // namespace
}  // namespace lockstep::controller::drivers::certbot

// What the stand-in of the unit tests cannot show: that certbot itself behaves so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>

#include "common/base/encoding.h"
#include "common/crypto/certificate.h"
#include "common/task/strand.h"
#include "controller/drivers/certbot/certbot_issuer.h"
#include "controller/hookapi/hook_server.h"
#include "tests/integration/certbot/pebble.h"

namespace lockstep::controller::drivers::certbot {
namespace {

namespace fs = std::filesystem;
using certs::IssueRequest;
using certs::IssueResult;
using testing::HasSubstr;

std::string Contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Processes whose environment holds `text`, and what `file` of each holds.
std::map<pid_t, std::string> ProcessesWith(const std::string& text, const std::string& file) {
  std::map<pid_t, std::string> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (Contents(entry.path() / "environ").find(text) == std::string::npos) continue;
    found.emplace(std::stoi(name), Contents(entry.path() / file));
  }
  return found;
}

// The controller's side of the hook socket.
class Barrier : public hookapi::HookEvents {
 public:
  explicit Barrier(ChallengeServer& web) : web_(web) {}
  void Perform(const OrderId& order, crypto::Secret secret,
               std::vector<model::Challenge> challenges, Done done) override {
    secrets.push_back(std::string(secret.Reveal()));
    performed.push_back(challenges);
    if (while_waiting) while_waiting(order);
    if (!verdict.ok() || hold) return Hold(std::move(done));
    web_.Put(challenges);
    done(Status::Ok());
  }
  void Cleanup(const OrderId&, crypto::Secret, Done done) override {
    ++cleanups;
    web_.Clear();
    done(Status::Ok());
  }

  Status verdict;
  bool hold = false;
  std::function<void(const OrderId&)> while_waiting;
  std::vector<std::string> secrets;
  std::vector<std::vector<model::Challenge>> performed;
  std::vector<Done> held;
  std::atomic<int> cleanups = 0;

 private:
  void Hold(Done done) {
    if (hold) {
      held.push_back(std::move(done));
    } else {
      done(verdict);
    }
  }
  ChallengeServer& web_;
};

class CertbotPebbleTest : public testing::Test {
 protected:
  CertbotPebbleTest() {
    identity::Access access{.own_uid = ::geteuid(),
                            .operator_uids = {},
                            .operator_gids = {},
                            .hook_uids = {::geteuid()},
                            .is_banned = {}};
    access.is_banned = [](const NodeName&) { return false; };
    hook_ = hookapi::HookServer::Start(temp_ / "hook/hook.sock", access, barrier_, strand_).value();
    options_.plugin_directory = LOCKSTEP_PLUGIN_DIRECTORY;
    options_.hook_program = LOCKSTEP_HOOK_PROGRAM;
    options_.hook_socket = temp_ / "hook/hook.sock";
    options_.directory = temp_ / "certbot";
    options_.server = pebble_.directory_url();
    options_.ca_bundle = pebble_.ca_bundle();
    issuer_ = std::make_unique<CertbotIssuer>(options_);
  }
  ~CertbotPebbleTest() override {
    issuer_.reset();
    strand_.RunAndWait([this] { barrier_.held.clear(); });  // whoever lets go has answered
    hook_.reset();
  }

  static IssueRequest Request(const std::vector<std::string>& names) {
    IssueRequest request;
    request.order = NewOrderId();
    request.lineage = names.front();
    for (const std::string& name : names) request.hosts.push_back(*Hostname::Parse(name));
    request.secret = "secret-" + HexEncode(RandomBytes(16));
    request.deadline = Seconds(60);
    return request;
  }
  std::future<IssueResult> Start(IssueRequest request) {
    auto promise = std::make_shared<std::promise<IssueResult>>();
    auto future = promise->get_future();
    issuer_->Start(std::move(request),
                   [promise](IssueResult result) { promise->set_value(std::move(result)); });
    return future;
  }
  IssueResult Issue(IssueRequest request) { return Start(std::move(request)).get(); }
  static std::string LeafOf(const IssueResult& result) {
    const auto chain = crypto::ParseChain(result.chain_pem);
    return chain.ok() ? chain->front().FingerprintSha256Hex() : "";
  }
  size_t Validations() const { return pebble_.CountInLog("Attempting to validate w/ HTTP"); }

  fakes::TempDirectory temp_;
  ChallengeServer web_;
  Pebble pebble_{web_.port()};
  Barrier barrier_{web_};
  task::Strand strand_{"state"};
  std::unique_ptr<hookapi::HookServer> hook_;
  CertbotOptions options_;
  std::unique_ptr<CertbotIssuer> issuer_;
};

TEST_F(CertbotPebbleTest, AllChallengesComeInOneCallAndTheCertificateIsChecked) {
  const auto request = Request({"a.test", "b.test", "xn--bcher-kva.test"});
  const IssueResult result = Issue(request);
  ASSERT_TRUE(result.status.ok()) << result.status << " " << result.ca_error;
  ASSERT_EQ(barrier_.performed.size(), 1U);
  ASSERT_EQ(barrier_.performed[0].size(), 3U);
  EXPECT_EQ(barrier_.secrets, std::vector{request.secret});
  const std::string thumbprint = issuer_->EnsureAccount().value();
  for (const auto& challenge : barrier_.performed[0]) {
    EXPECT_EQ(challenge.key_authorization, challenge.token.str() + "." + thumbprint);
  }
  EXPECT_EQ(crypto::ParseChain(result.chain_pem)->front().DnsNames().size(), 3U);
  EXPECT_EQ(barrier_.cleanups, 1);

  // Again, over other names: another leaf of the same lineage and account.
  auto again = Request({"a.test", "c.test"});
  again.current_leaf_sha256 = LeafOf(result);
  const IssueResult second = Issue(again);
  ASSERT_TRUE(second.status.ok()) << second.status << " " << second.ca_error;
  EXPECT_NE(LeafOf(second), LeafOf(result));
  EXPECT_EQ(pebble_.CountInLog("accounts in memory"), 1U);
}

TEST_F(CertbotPebbleTest, TheSecretIsInNoArgumentEnvironmentOrFile) {
  const auto request = Request({"a.test"});
  std::map<pid_t, std::string> arguments;
  std::map<pid_t, std::string> environments;
  barrier_.while_waiting = [&](const OrderId& order) {
    arguments = ProcessesWith("LOCKSTEP_ORDER=" + order.str(), "cmdline");
    environments = ProcessesWith("LOCKSTEP_ORDER=" + order.str(), "environ");
  };
  ASSERT_TRUE(Issue(request).status.ok());
  EXPECT_GE(arguments.size(), 2U);  // certbot and the hook program
  for (const auto& [pid, text] : arguments) EXPECT_EQ(text.find(request.secret), std::string::npos);
  for (const auto& [pid, text] : environments) {
    EXPECT_EQ(text.find(request.secret), std::string::npos);
  }
  for (const auto& entry : fs::recursive_directory_iterator(options_.directory)) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(Contents(entry.path()).find(request.secret), std::string::npos) << entry.path();
  }
}

TEST_F(CertbotPebbleTest, ARefusedBarrierEndsTheOrderBeforeTheCaLooks) {
  barrier_.verdict = FailedPrecondition("fra1: challenge for a.test not proved on 203.0.113.10");
  const IssueResult result = Issue(Request({"a.test", "b.test"}));
  EXPECT_EQ(result.status, barrier_.verdict);
  EXPECT_EQ(Validations(), 0U);
  EXPECT_EQ(web_.hits(), 0U);
  barrier_.verdict = Status::Ok();
  EXPECT_TRUE(Issue(Request({"a.test", "b.test"})).status.ok());
  EXPECT_GE(web_.hits(), 2U);
}

TEST_F(CertbotPebbleTest, ADeadControllerFailsClosed) {
  hook_->Stop();
  const IssueResult result = Issue(Request({"a.test"}));
  EXPECT_FALSE(result.status.ok());
  EXPECT_THAT(result.status.message(), HasSubstr("the controller does not answer on"));
  EXPECT_EQ(web_.hits(), 0U);
}

TEST_F(CertbotPebbleTest, AKilledHookProgramFailsClosed) {
  barrier_.hold = true;
  barrier_.while_waiting = [](const OrderId& order) {
    for (const auto& [pid, name] : ProcessesWith("LOCKSTEP_ORDER=" + order.str(), "comm")) {
      if (name.starts_with("lockstep-certbo")) ::kill(pid, SIGKILL);
    }
  };
  const IssueResult result = Issue(Request({"a.test"}));
  EXPECT_EQ(result.status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(result.status.message(), HasSubstr("was killed by signal 9"));
  EXPECT_EQ(web_.hits(), 0U);
}

TEST_F(CertbotPebbleTest, ACancelledOrderLeavesNoProcessAndTheNextOnePasses) {
  barrier_.hold = true;
  const auto request = Request({"a.test"});
  barrier_.while_waiting = [&](const OrderId& order) { issuer_->Cancel(order); };
  const IssueResult result = Issue(request);
  EXPECT_EQ(result.status.code(), Code::kCancelled);
  EXPECT_TRUE(ProcessesWith("LOCKSTEP_ORDER=" + request.order.str(), "comm").empty());
  EXPECT_EQ(web_.hits(), 0U);
  barrier_.hold = false;
  barrier_.while_waiting = nullptr;
  EXPECT_TRUE(Issue(Request({"a.test"})).status.ok());
}

TEST_F(CertbotPebbleTest, OrdersRunSideBySideOnOneAccount) {
  std::vector<std::future<IssueResult>> results;
  for (int i = 0; i < 4; ++i)
    results.push_back(Start(Request({"s" + std::to_string(i) + ".test"})));
  for (auto& result : results) {
    const IssueResult got = result.get();
    EXPECT_TRUE(got.status.ok()) << got.status << " " << got.ca_error;
  }
  EXPECT_EQ(pebble_.CountInLog("accounts in memory"), 1U);
}

TEST_F(CertbotPebbleTest, ALineageThatAKilledRunLeftHalfWrittenIsMadeAnew) {
  ASSERT_TRUE(Issue(Request({"a.test"})).status.ok());
  const std::string config = options_.directory + "/a.test/config";
  std::ofstream(config + "/renewal/a.test.conf", std::ios::trunc).flush();
  EXPECT_TRUE(Issue(Request({"a.test"})).status.ok());
  fs::remove(config + "/archive/a.test/privkey1.pem");
  const IssueResult result = Issue(Request({"a.test"}));
  EXPECT_TRUE(result.status.ok()) << result.status;
}

TEST_F(CertbotPebbleTest, WhatTheCaSaysIsToldThoughCertbotHidesIt) {
  const IssueResult refused = Issue(Request({"blocked.example"}));
  EXPECT_EQ(refused.status.ToString(), "FAILED_PRECONDITION: the CA does not issue for the name");
  EXPECT_THAT(refused.ca_error, HasSubstr("forbidden by policy: \"blocked.example\""));

  pebble_.Stop();
  const IssueResult away = Issue(Request({"a.test"}));
  EXPECT_EQ(away.status.code(), Code::kUnavailable);
  EXPECT_THAT(away.status.message(), HasSubstr("the CA cannot be reached"));
}

}  // namespace
}  // namespace lockstep::controller::drivers::certbot

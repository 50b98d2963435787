// The hook socket: what certbot's helper gets to hear.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "common/rpc/settings.h"
#include "common/task/strand.h"
#include "controller/hookapi/hook_server.h"

namespace lockstep::controller::hookapi {
namespace {

class FakeEvents final : public HookEvents {
 public:
  void Perform(const OrderId&, crypto::Secret secret, std::vector<model::Challenge> challenges,
               Done done) override {
    if (secret.Reveal() != "the secret") return done(PermissionDenied("the secret is wrong"));
    performed += challenges.size();
    if (drop) return;  // and with it `done`
    done(FailedPrecondition("fra1: challenge for www.example.test not proved"));
  }
  void Cleanup(const OrderId&, crypto::Secret, Done done) override { done(Status::Ok()); }
  size_t performed = 0;
  bool drop = false;
};

class HookDoorTest : public ::testing::Test {
 protected:
  HookDoorTest() : strand_("state") {
    char pattern[] = "/tmp/lockstep-hook-XXXXXX";
    directory_ = ::mkdtemp(pattern);
    identity::Access access{.own_uid = ::geteuid(), .hook_uids = {::geteuid()}};
    access.is_banned = [](const NodeName&) { return false; };
    auto started = HookServer::Start(directory_ + "/hook/hook.sock", access, events_, strand_);
    EXPECT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    request_.set_order("o-0123456789abcdef");
    request_.set_secret("the secret");
    auto& challenge = *request_.add_challenges();
    challenge.set_host("www.example.test");
    challenge.set_token("token-of-sixteen-or-more");
    challenge.set_key_authorization("token-of-sixteen-or-more." + std::string(43, 't'));
  }
  ~HookDoorTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }
  grpc::Status Perform() {
    auto client = hook::v1::HookService::NewStub(grpc::CreateCustomChannel(
        "unix:" + directory_ + "/hook/hook.sock", grpc::InsecureChannelCredentials(),
        rpc::LocalChannelArguments()));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + Seconds(5));
    hook::v1::PerformResponse response;
    return client->Perform(&context, request_, &response);
  }

  std::string directory_;
  task::Strand strand_;
  FakeEvents events_;
  std::unique_ptr<HookServer> server_;
  hook::v1::PerformRequest request_;
};

TEST_F(HookDoorTest, TheDomainsWordsReachTheHelper) {
  const grpc::Status status = Perform();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "fra1: challenge for www.example.test not proved");
  EXPECT_EQ(events_.performed, 1U);
}

TEST_F(HookDoorTest, AWrongSecretIsRefused) {
  request_.set_secret("another");
  EXPECT_EQ(Perform().error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(HookDoorTest, BadInputDoesNotReachTheDomain) {
  request_.mutable_challenges(0)->set_host("bad host");
  EXPECT_EQ(Perform().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request_.set_order("o-1");
  EXPECT_EQ(Perform().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(events_.performed, 0U);
}

TEST_F(HookDoorTest, AnAnswerThatNobodyGivesIsANo) {
  events_.drop = true;
  const grpc::Status status = Perform();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.error_message(), "the controller is stopping");
}

TEST_F(HookDoorTest, AStoppedStrandMeansNo) {
  strand_.Stop();
  EXPECT_EQ(Perform().error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace lockstep::controller::hookapi

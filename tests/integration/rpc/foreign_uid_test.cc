// The hook socket of a controller that runs as another user: whoever we are, we get nowhere.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "common/rpc/settings.h"
#include "common/task/strand.h"
#include "controller/hookapi/hook_server.h"

namespace lockstep::controller::hookapi {
namespace {

class Untouched final : public HookEvents {
 public:
  void Perform(const OrderId&, crypto::Secret, std::vector<model::Challenge>, Done done) override {
    ++asked;
    done(Status::Ok());
  }
  void Cleanup(const OrderId&, crypto::Secret, Done done) override {
    ++asked;
    done(Status::Ok());
  }
  int asked = 0;
};

TEST(ForeignUidTest, TheHookSocketRefusesItAndTheLogSaysWhoItWas) {
  char pattern[] = "/tmp/lockstep-hook-XXXXXX";
  const std::string directory = ::mkdtemp(pattern);
  const std::string path = directory + "/hook/hook.sock";
  identity::Access access{.own_uid = ::geteuid() + 1, .hook_uids = {::geteuid() + 2}};
  access.is_banned = [](const NodeName&) { return false; };
  Untouched events;
  task::Strand strand("state");
  auto server = HookServer::Start(path, access, events, strand);
  ASSERT_TRUE(server.ok()) << server.status();

  hook::v1::PerformRequest request;
  request.set_order("o-0123456789abcdef");
  request.set_secret("the secret");
  hook::v1::PerformResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + Seconds(5));
  const auto client = hook::v1::HookService::NewStub(grpc::CreateCustomChannel(
      "unix:" + path, grpc::InsecureChannelCredentials(), rpc::LocalChannelArguments()));
  testing::internal::CaptureStderr();
  EXPECT_EQ(client->Perform(&context, request, &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  server->reset();
  const std::string log = testing::internal::GetCapturedStderr();
  const std::string uid = std::to_string(::geteuid());
  EXPECT_NE(log.find("warn  rpc.refused door=hook uid=" + uid), std::string::npos) << log;
  EXPECT_NE(log.find("error=\"PERMISSION_DENIED: this call is for certbot's helper under the "
                     "controller's user, not for local uid " +
                     uid + "\""),
            std::string::npos)
      << log;
  EXPECT_EQ(events.asked, 0);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace lockstep::controller::hookapi

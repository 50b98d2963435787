// Who may call what, tried over the wire: deny by default.
#include "controller/identity/access.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/impl/codegen/client_unary_call.h>

#include <fstream>

#include "lockstep/admin/v1/admin.pb.h"
#include "lockstep/hook/v1/hook.pb.h"
#include "tests/integration/session/rig.h"

namespace lockstep::controller::session {
namespace {

using ::testing::HasSubstr;

std::vector<const google::protobuf::MethodDescriptor*> AllMethods() {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  // admin.proto has services alone: naming its table is what links it in.
  static const auto* const admin_proto = &descriptor_table_lockstep_2fadmin_2fv1_2fadmin_2eproto;
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  for (const auto* file :
       {agent::v1::EnrollRequest::descriptor()->file(), pool->FindFileByName(admin_proto->filename),
        hook::v1::PerformRequest::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        methods.push_back(file->service(s)->method(m));
      }
    }
  }
  return methods;
}

std::string PathOf(const google::protobuf::MethodDescriptor& method) {
  return "/" + method.service()->full_name() + "/" + method.name();
}

// Calls a method with an empty request, whatever its kind.
Status Call(grpc::Channel& channel, const std::string& path) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + Seconds(5));
  const grpc::internal::RpcMethod method(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
  const grpc::ByteBuffer empty(nullptr, 0);
  grpc::ByteBuffer answer;
  const grpc::Status status = grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
      &channel, method, &context, empty, &answer);
  return {static_cast<Code>(status.error_code()), status.error_message()};
}

TEST(AccessTest, EveryRpcHasAnEntryInTheTable) {
  const auto methods = AllMethods();
  EXPECT_GE(methods.size(), 32U);
  for (const auto* method : methods) {
    EXPECT_TRUE(identity::RoleOf(PathOf(*method))) << PathOf(*method);
  }
}

// The agent listener serves two services' worth of methods; a stranger gets none of them.
class StrangerTest : public ::testing::Test {
 protected:
  StrangerTest() { rig.Serve(); }
  void ExpectRefusedEverywhere(const std::shared_ptr<grpc::Channel>& channel) {
    for (const auto* method : AllMethods()) {
      const Status status = Call(*channel, PathOf(*method));
      EXPECT_FALSE(status.ok()) << PathOf(*method);
      EXPECT_EQ(status.code(), Code::kUnavailable) << PathOf(*method) << " " << status;
    }
    EXPECT_TRUE(rig.events.heard().empty());
    EXPECT_EQ(rig.challenges.asked, 0);
  }
  Rig rig;
};

TEST_F(StrangerTest, NodesAreNotToldWhichMethodsThereAre) {
  const Status status = Call(*rig.Connect(rig.MakeNode("fra1")),
                             "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
  EXPECT_EQ(status.code(), Code::kUnimplemented) << status;
}

TEST_F(StrangerTest, ACertificateOfAnotherCaGetsNowhere) {
  std::filesystem::create_directory(rig.directory + "/other");
  const auto other =
      identity::FleetCa::Create(rig.directory + "/other", "test", Clock::System().Now());
  ASSERT_TRUE(other.ok());
  ExpectRefusedEverywhere(rig.Connect(rig.MakeNode("fra1", &*other)));
}

TEST_F(StrangerTest, AnExpiredCertificateGetsNowhere) {
  const WallTime then = Clock::System().Now() - std::chrono::hours(24 * 31);
  ExpectRefusedEverywhere(rig.Connect(rig.MakeNode("fra1", nullptr, then)));
}

TEST_F(StrangerTest, AServersCertificateGetsNowhereAsAClient) {
  ExpectRefusedEverywhere(rig.Connect({.key = rig.server_identity->KeyPath(),
                                       .certificate = rig.server_identity->CertificatePath()}));
}

TEST_F(StrangerTest, WithoutACertificateOneGetsNowhere) {
  std::ifstream file(rig.directory + "/ca/ca.pem");
  const std::string ca_pem((std::istreambuf_iterator<char>(file)), {});
  const auto credentials = rpc::EnrollmentClientCredentials(ca_pem);
  ASSERT_TRUE(credentials.ok());
  ExpectRefusedEverywhere(grpc::CreateCustomChannel(rig.server->agents().ToString(), *credentials,
                                                    rpc::AgentChannelArguments()));
}

TEST_F(StrangerTest, PlainTextGetsNowhere) {
  ExpectRefusedEverywhere(grpc::CreateCustomChannel(rig.server->agents().ToString(),
                                                    grpc::InsecureChannelCredentials(),
                                                    rpc::AgentChannelArguments()));
}

TEST(AccessTest, ANodeMayCallWhatIsForNodesAndNothingElse) {
  Rig rig;
  rig.Serve();
  const auto channel = rig.Connect(rig.MakeNode("fra1"));
  for (const auto* method : AllMethods()) {
    const Status status = Call(*channel, PathOf(*method));
    if (identity::RoleOf(PathOf(*method)) == identity::Role::kAgent) {
      EXPECT_NE(status.code(), Code::kUnimplemented) << PathOf(*method);
      EXPECT_NE(status.code(), Code::kPermissionDenied) << PathOf(*method);
    } else {
      EXPECT_EQ(status.code(), Code::kUnimplemented) << PathOf(*method);
    }
  }
}

TEST(AccessTest, ABannedNodeIsRefusedOnEveryCall) {
  Rig rig;
  rig.Serve();
  const ClientFiles files = rig.MakeNode("fra1");
  TestAgent agent(rig.Connect(files));
  agent.Hello();
  ASSERT_TRUE(agent.Read()->has_welcome());
  const auto began = std::chrono::steady_clock::now();
  rig.bans.Ban(kFra1);
  rig.sessions->Cut(kFra1, PermissionDenied("node fra1 is banned"));
  EXPECT_EQ(agent.Finish().code(), Code::kPermissionDenied);
  EXPECT_LT(std::chrono::steady_clock::now() - began, Seconds(2));
  const auto channel = rig.Connect(files);
  for (const auto* method : AllMethods()) {
    if (identity::RoleOf(PathOf(*method)) != identity::Role::kAgent) continue;
    const Status status = Call(*channel, PathOf(*method));
    EXPECT_EQ(status.code(), Code::kPermissionDenied) << PathOf(*method);
    EXPECT_THAT(status.message(), HasSubstr("fra1 is banned")) << PathOf(*method);
  }
  EXPECT_EQ(rig.events.Count("hello fra1"), 1);
}

TEST(AccessTest, AnIdentityIsRenewedWithoutDroppingTheStream) {
  Rig rig;
  rig.Serve();
  const auto channel = rig.Connect(rig.MakeNode("fra1"));
  TestAgent agent(channel);
  agent.Hello();
  ASSERT_TRUE(agent.Read()->has_welcome());
  auto client = agent::v1::AgentService::NewStub(channel);
  grpc::ClientContext context;
  agent::v1::RenewIdentityRequest request;
  request.set_csr_pem("csr");
  agent::v1::RenewIdentityResponse response;
  ASSERT_TRUE(client->RenewIdentity(&context, request, &response).ok());
  EXPECT_EQ(response.certificate_pem(), "renewed fra1");
  rig.sessions->SendLane(kFra1, LaneMessage(1));
  EXPECT_TRUE(agent.Read()->has_lane_set());
}

TEST(AccessTest, TheServersOwnCertificateMayBeSwappedUnderOpenStreams) {
  Rig rig;
  rig.Serve();
  TestAgent agent(rig.Connect(rig.MakeNode("fra1")));
  agent.Hello();
  ASSERT_TRUE(agent.Read()->has_welcome());
  // Two thirds of the pair's life have passed, as far as it knows.
  ASSERT_TRUE(
      *rig.server_identity->EnsureFresh(Clock::System().Now() + std::chrono::hours(24 * 61)));
  rig.sessions->SendLane(kFra1, LaneMessage(1));
  EXPECT_TRUE(agent.Read()->has_lane_set());
}

TEST(AccessTest, ChallengeMissesAreAnsweredTwentyTimesASecondForEachNode) {
  Rig rig;
  rig.Serve();
  auto client = agent::v1::AgentService::NewStub(rig.Connect(rig.MakeNode("fra1")));
  agent::v1::FetchChallengeRequest request;
  request.set_host("www.example.test");
  request.set_token("token-of-sixteen-or-more");
  const auto began = std::chrono::steady_clock::now();
  int answered = 0;
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    grpc::ClientContext context;
    agent::v1::FetchChallengeResponse response;
    const grpc::Status status = client->FetchChallenge(&context, request, &response);
    if (status.ok()) {
      ++answered;
      EXPECT_EQ(response.key_authorization(), "token-of-sixteen-or-more.thumbprint");
    } else {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
      ++refused;
    }
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  EXPECT_LE(answered, 20 + static_cast<int>(20 * seconds) + 1);
  EXPECT_GE(answered, 20);
  EXPECT_EQ(rig.challenges.asked, answered);
  EXPECT_EQ(answered + refused, 300);
}

TEST(AccessTest, MissesAreCheckedBeforeTheDomainSeesThem) {
  Rig rig;
  rig.Serve();
  auto client = agent::v1::AgentService::NewStub(rig.Connect(rig.MakeNode("fra1")));
  const auto fetch = [&](const std::string& host, const std::string& token) {
    grpc::ClientContext context;
    agent::v1::FetchChallengeRequest request;
    request.set_host(host);
    request.set_token(token);
    agent::v1::FetchChallengeResponse response;
    return client->FetchChallenge(&context, request, &response);
  };
  EXPECT_THAT(fetch("not a host", "token-of-sixteen-or-more").error_message(), HasSubstr("host: "));
  EXPECT_THAT(fetch("www.example.test", "../../etc/passwd/x").error_message(),
              HasSubstr("token: "));
  EXPECT_EQ(rig.challenges.asked, 0);
  EXPECT_EQ(fetch("other.example.test", "token-of-sixteen-or-more").error_code(),
            grpc::StatusCode::NOT_FOUND);
}

class EnrollmentTest : public ::testing::Test {
 protected:
  Status Enroll(const std::string& secret, const std::string& node = "fra1") {
    std::ifstream file(rig.directory + "/ca/ca.pem");
    const std::string ca_pem((std::istreambuf_iterator<char>(file)), {});
    auto client = agent::v1::EnrollmentService::NewStub(grpc::CreateCustomChannel(
        rig.server->enrollment().ToString(), *rpc::EnrollmentClientCredentials(ca_pem),
        rpc::AgentChannelArguments()));
    grpc::ClientContext context;
    agent::v1::EnrollRequest request;
    request.set_node(node);
    request.set_token_id("id");
    request.set_secret(secret);
    request.set_csr_pem("csr");
    const grpc::Status status = client->Enroll(&context, request, &response);
    return {static_cast<Code>(status.error_code()), status.error_message()};
  }
  Rig rig;
  agent::v1::EnrollResponse response;
};

TEST_F(EnrollmentTest, AGoodTokenGetsAnIdentity) {
  rig.Serve();
  ASSERT_TRUE(Enroll("secret").ok());
  EXPECT_EQ(response.certificate_pem(), "certificate of fra1");
  EXPECT_EQ(response.pop(), "fra");
  EXPECT_EQ(response.not_after().seconds(), 1'800'000'000);
}

TEST_F(EnrollmentTest, AWrongTokenIsRefusedAfterADelay) {
  rig.Serve({.delay_on_failure = Millis(200)});
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(Enroll("wrong"), Unauthenticated("the join token is not valid"));
  EXPECT_GE(std::chrono::steady_clock::now() - began, Millis(200));
}

TEST_F(EnrollmentTest, BadInputNamesTheField) {
  rig.Serve();
  EXPECT_THAT(Enroll("secret", "No Node").message(), HasSubstr("node: "));
  EXPECT_EQ(Enroll(std::string(129, 'x')), InvalidArgument("secret: must have 1 to 128 bytes"));
}

TEST_F(EnrollmentTest, OneAddressMayTryOnlySoOften) {
  rig.Serve({.tries_per_second = 1, .burst = 3, .delay_on_failure = Micros(0)});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Enroll("wrong").code(), Code::kUnauthenticated);
  EXPECT_EQ(
      Enroll("secret"),
      ResourceExhausted("enrolment from 127.0.0.1: too often; at most 1 a second are answered"));
}

}  // namespace
}  // namespace lockstep::controller::session

#include "controller/identity/access.h"

#include <gmock/gmock.h>
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "tests/fakes/fake_clock.h"

namespace lockstep::controller::identity {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kSession = "/lockstep.agent.v1.AgentService/Session";
constexpr std::string_view kEnroll = "/lockstep.agent.v1.EnrollmentService/Enroll";
constexpr std::string_view kListNodes = "/lockstep.admin.v1.AdminService/ListNodes";
constexpr std::string_view kPerform = "/lockstep.hook.v1.HookService/Perform";

class AccessTest : public ::testing::Test {
 protected:
  Status Ask(std::string_view method, const Caller& caller) {
    return Authorize(method, caller, access_, clock_.Now());
  }
  Caller Node(std::string_view name = "fra1") {
    return NodeIdentity{.node = NodeName::Parse(name).value(),
                        .serial_hex = "01",
                        .not_after = clock_.Now() + std::chrono::hours(1)};
  }
  static Caller Local(uid_t uid, gid_t gid = 65534, std::vector<gid_t> groups = {}) {
    return LocalPeer{.uid = uid, .gid = gid, .groups = std::move(groups)};
  }

  fakes::FakeClock clock_;
  std::set<NodeName> banned_;
  Access access_ = {.own_uid = 900,
                    .operator_uids = {1000},
                    .operator_gids = {50},
                    .hook_uids = {},
                    .is_banned = [this](const NodeName& node) { return banned_.contains(node); }};
};

class CollectErrors : public google::protobuf::compiler::MultiFileErrorCollector {
 public:
  void AddError(const std::string& file, int line, int, const std::string& message) override {
    ADD_FAILURE() << file << ":" << line << ": " << message;
  }
};

// Every method of every service in the .proto files, as gRPC names it.
std::set<std::string> MethodsOfTheProtos() {
  google::protobuf::compiler::DiskSourceTree tree;
  tree.MapPath("", LOCKSTEP_PROTO_DIR);
  tree.MapPath("", "/usr/include");
  CollectErrors errors;
  google::protobuf::compiler::Importer importer(&tree, &errors);
  std::set<std::string> methods;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(LOCKSTEP_PROTO_DIR)) {
    if (entry.path().extension() != ".proto") continue;
    const auto* file =
        importer.Import(std::filesystem::relative(entry.path(), LOCKSTEP_PROTO_DIR).string());
    for (int i = 0; file != nullptr && i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        const auto* method = file->service(i)->method(j);
        methods.insert("/" + method->service()->full_name() + "/" + method->name());
      }
    }
  }
  return methods;
}

TEST_F(AccessTest, RefusesTheIdentityOfAnEarlierMachineOfThatName) {
  const std::string session = "/lockstep.agent.v1.AgentService/Session";
  std::optional<WallTime> enrolled_at;
  access_.enrolled_at = [&](const NodeName&) { return enrolled_at; };
  NodeIdentity identity{.node = NodeName::Parse("fra1").value(),
                        .serial_hex = "01",
                        .not_after = clock_.Now() + kNodeIdentityLifetime};
  EXPECT_EQ(Ask(session, identity).message(),
            "node fra1 is not enrolled; enrol it with a new token");
  enrolled_at = clock_.Now();
  EXPECT_TRUE(Ask(session, identity).ok());
  identity.not_after -= std::chrono::hours(1);
  EXPECT_EQ(Ask(session, identity).code(), Code::kUnauthenticated);
}

// A new RPC without an entry fails here. quicd's services are the agent's, not the controller's.
TEST_F(AccessTest, KnowsEveryRpcOfTheProtos) {
  std::set<std::string> ours = MethodsOfTheProtos();
  std::erase_if(ours, [](const std::string& m) { return m.starts_with("/lockstep.quicd."); });
  EXPECT_GT(ours.size(), 20u);
  for (const std::string& method : ours) EXPECT_TRUE(RoleOf(method).has_value()) << method;
  for (const std::string& method : ListMethods()) {
    EXPECT_TRUE(ours.contains(method) || method.starts_with("/grpc.")) << method;
  }
}

TEST_F(AccessTest, DeniesWhatIsNotListedToEverybody) {
  for (const Caller& caller : {Caller(Anonymous{}), Node(), Local(0), Local(900)}) {
    for (const char* method :
         {"", "/", "/lockstep.admin.v1.AdminService/DropEverything",
          "lockstep.admin.v1.AdminService/ListNodes", "/lockstep.admin.v1.AdminService/ListNodes/",
          "/lockstep.admin.v1.AdminService/listnodes"}) {
      EXPECT_EQ(Ask(method, caller).code(), Code::kPermissionDenied) << method;
    }
  }
}

TEST_F(AccessTest, LetsEachRoleDoItsOwnAndNothingElse) {
  struct Case {
    Caller caller;
    std::set<Role> may;
  };
  const std::vector<Case> cases = {
      {Anonymous{}, {Role::kAnyoneWithToken}},
      {Node(), {Role::kAgent, Role::kAnyoneWithToken}},
      {Local(0), {Role::kOperator}},
      {Local(900), {Role::kOperator, Role::kHook}},
      {Local(1000), {Role::kOperator}},
      {Local(1001, 50), {Role::kOperator}},
      {Local(1001, 51, {49, 50}), {Role::kOperator}},
      {Local(1001), {}},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    for (const std::string& method : ListMethods()) {
      EXPECT_EQ(Ask(method, cases[i].caller).ok(), cases[i].may.contains(*RoleOf(method)))
          << "caller " << i << " " << method;
    }
  }
}

TEST_F(AccessTest, TellsMissingIdentityFromInsufficientOne) {
  EXPECT_EQ(Ask(kSession, Anonymous{}).code(), Code::kUnauthenticated);
  EXPECT_EQ(Ask(kListNodes, Node()),
            PermissionDenied("this call is for an operator on the controller's machine, not for "
                             "node fra1"));
  EXPECT_EQ(Ask(kPerform, Local(1000)).code(), Code::kPermissionDenied);
}

TEST_F(AccessTest, RefusesABannedNodeAtOnceAndOnlyThatOne) {
  ASSERT_EQ(Ask(kSession, Node()), Status::Ok());
  banned_.insert(NodeName::Parse("fra1").value());
  EXPECT_EQ(Ask(kSession, Node()), PermissionDenied("node fra1 is banned"));
  EXPECT_EQ(Ask(kEnroll, Node()), PermissionDenied("node fra1 is banned"));
  EXPECT_EQ(Ask(kSession, Node("ams1")), Status::Ok());
  banned_.clear();
  EXPECT_EQ(Ask(kSession, Node()), Status::Ok());
}

TEST_F(AccessTest, RefusesAnIdentityThatExpiredDuringItsConnection) {
  const Caller node = Node();
  clock_.Advance(std::chrono::hours(1));
  EXPECT_EQ(Ask(kSession, node), Status::Ok());
  clock_.Advance(Seconds(1));
  const Status status = Ask(kSession, node);
  EXPECT_EQ(status.code(), Code::kUnauthenticated);
  EXPECT_THAT(status.message(), HasSubstr("expired at 2026-11-21T21:00:00"));
}

TEST_F(AccessTest, LetsOtherHookUsersInOnlyWhenNamed) {
  EXPECT_FALSE(Ask(kPerform, Local(901)).ok());
  access_.hook_uids = {901};
  EXPECT_EQ(Ask(kPerform, Local(901)), Status::Ok());
  EXPECT_FALSE(Ask(kListNodes, Local(901)).ok());
  EXPECT_FALSE(Ask(kPerform, Local(0)).ok());
}

}  // namespace
}  // namespace lockstep::controller::identity

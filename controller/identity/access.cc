#include "controller/identity/access.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/hostname.h"

namespace lockstep::controller::identity {
namespace {

struct Entry {
  std::string_view method;
  Role role;
};

// Every RPC that anybody may call. One that is not here is denied, and its absence fails the test
// that reads the protos.
constexpr auto kTable = std::to_array<Entry>({
    {"/grpc.health.v1.Health/Check", Role::kOperator},
    {"/grpc.health.v1.Health/Watch", Role::kOperator},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/ApplyPolicy", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/ApplySites", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/BanNode", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/CheckCertificate", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/CreateToken", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/DeclareNodeGone", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/DeleteSite", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/DiffGenerations", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/ExplainPolicy", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/GetAltSvc", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/GetCertificate", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/GetGeneration", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/GetNode", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/GetOrder", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/GetPolicy", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/GetQuicKeys", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/GetSite", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/GetStatus", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/IssueCertificate", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/LintSites", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/ListCertificates", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/ListChallenges", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/ListEvents", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/ListGenerations", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/ListNodes", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/ListOrders", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/ListSites", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/ListTokens", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/RemoveNode", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/RevokeToken", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/RotateQuicKeys", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/SwitchAltSvc", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/UnbanNode", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/WatchEvents", Role::kOperator},
    {"/lockstep.admin.v1.AdminService/WatchOrder", Role::kOperator},
    {"/lockstep.agent.v1.AgentService/FetchChallenge", Role::kAgent},
    {"/lockstep.agent.v1.AgentService/RenewIdentity", Role::kAgent},
    {"/lockstep.agent.v1.AgentService/Session", Role::kAgent},
    {"/lockstep.agent.v1.EnrollmentService/Enroll", Role::kAnyoneWithToken},
    {"/lockstep.hook.v1.HookService/Cleanup", Role::kHook},
    {"/lockstep.hook.v1.HookService/Perform", Role::kHook},
});
static_assert(std::ranges::is_sorted(kTable, {}, &Entry::method), "RoleOf searches by halves");

template <typename T>
bool Contains(const std::vector<T>& list, T value) {
  return std::ranges::find(list, value) != list.end();
}

// What a caller is called in a refusal.
std::string Describe(const Caller& caller) {
  if (const auto* node = std::get_if<NodeIdentity>(&caller)) return "node " + node->node.str();
  if (const auto* peer = std::get_if<LocalPeer>(&caller)) {
    return "local uid " + std::to_string(peer->uid);
  }
  return "a caller without identity";
}

Status Refuse(const Caller& caller, const std::string& needed) {
  const std::string message = "this call is for " + needed + ", not for " + Describe(caller);
  return std::holds_alternative<Anonymous>(caller) ? Unauthenticated(message)
                                                   : PermissionDenied(message);
}

Status CheckNode(const NodeIdentity& node, const Access& access, WallTime now) {
  if (access.is_banned(node.node)) {
    return PermissionDenied("node " + node.node.str() + " is banned");
  }
  if (access.enrolled_at) {
    const auto enrolled_at = access.enrolled_at(node.node);
    if (!enrolled_at) {
      return PermissionDenied("node " + node.node.str() +
                              " is not enrolled; enrol it with a new token");
    }
    // Certificates count whole seconds.
    if (node.not_after + Seconds(2) < *enrolled_at + kNodeIdentityLifetime) {
      return Unauthenticated("identity of node " + node.node.str() +
                             " is older than its enrollment at " + FormatTime(*enrolled_at) +
                             ": another machine has joined under that name since");
    }
  }
  if (now > node.not_after) {
    return Unauthenticated("identity of node " + node.node.str() + " expired at " +
                           FormatTime(node.not_after) + ": enroll it again");
  }
  return Status::Ok();
}

bool IsOperator(const LocalPeer& peer, const Access& access) {
  return peer.uid == 0 || peer.uid == access.own_uid || Contains(access.operator_uids, peer.uid) ||
         Contains(access.operator_gids, peer.gid) ||
         std::ranges::any_of(peer.groups,
                             [&](gid_t gid) { return Contains(access.operator_gids, gid); });
}

}  // namespace

std::optional<Role> RoleOf(std::string_view method) {
  const auto* const found = std::ranges::lower_bound(kTable, method, {}, &Entry::method);
  if (found == kTable.end() || found->method != method) return std::nullopt;
  return found->role;
}

std::vector<std::string> ListMethods() {
  std::vector<std::string> methods;
  for (const Entry& entry : kTable) methods.emplace_back(entry.method);
  return methods;
}

Status Authorize(std::string_view method, const Caller& caller, const Access& access,
                 WallTime now) {
  LS_CHECK(access.is_banned != nullptr);
  const std::optional<Role> role = RoleOf(method);
  if (!role) return PermissionDenied("method " + Quoted(method) + " is open to nobody");
  const auto* node = std::get_if<NodeIdentity>(&caller);
  const auto* peer = std::get_if<LocalPeer>(&caller);
  switch (*role) {
    case Role::kAgent:
      return node != nullptr ? CheckNode(*node, access, now) : Refuse(caller, "an enrolled node");
    case Role::kOperator:
      if (peer != nullptr && IsOperator(*peer, access)) return Status::Ok();
      return Refuse(caller, "an operator on the controller's machine");
    case Role::kHook:
      if (peer != nullptr &&
          (peer->uid == access.own_uid || Contains(access.hook_uids, peer->uid))) {
        return Status::Ok();
      }
      return Refuse(caller, "certbot's helper under the controller's user");
    case Role::kAnyoneWithToken:
      if (std::holds_alternative<Anonymous>(caller)) return Status::Ok();
      // A node that joins again over an open identity is the same machine: its ban holds.
      return node != nullptr ? CheckNode(*node, access, now)
                             : Refuse(caller, "a machine with a join token");
  }
  return PermissionDenied("method " + Quoted(method) + " is open to nobody");
}

}  // namespace lockstep::controller::identity

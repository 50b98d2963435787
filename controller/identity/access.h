// Who may call what: one table, deny by default, no I/O.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/names.h"
#include "common/status/status.h"
#include "controller/identity/fleet_ca.h"

namespace lockstep::controller::identity {

enum class Role {
  kAgent,            // a node with a valid, unbanned certificate
  kOperator,         // a process on this machine that may use the admin socket
  kHook,             // certbot's helper, of the uid that we run certbot under
  kAnyoneWithToken,  // anyone: the handler checks the join token
};

// The process at the other end of a unix socket (SO_PEERCRED).
struct LocalPeer {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups = {};  // supplementary ones, as far as known
};
struct Anonymous {};

using Caller = std::variant<Anonymous, NodeIdentity, LocalPeer>;

// What the decision needs to know about this installation.
struct Access {
  // uid 0 and our own uid are operators always.
  uid_t own_uid = 0;
  std::vector<uid_t> operator_uids = {};
  std::vector<gid_t> operator_gids = {};
  std::vector<uid_t> hook_uids = {};
  std::function<bool(const NodeName&)> is_banned = {};  // required
  // When the node of that name joined; nothing if there is none. An identity from before is that of
  // a machine which had the name earlier and was removed. Unset: not looked at.
  std::function<std::optional<WallTime>(const NodeName&)> enrolled_at = {};
};

// The role that `method` ("/lockstep.agent.v1.AgentService/Session") asks for; none if the table
// does not list it.
std::optional<Role> RoleOf(std::string_view method);
// All methods of the table, sorted: for the test that every RPC has an entry.
std::vector<std::string> ListMethods();

// PERMISSION_DENIED or UNAUTHENTICATED with what was missing; UNIMPLEMENTED never: an unlisted
// method is denied.
Status Authorize(std::string_view method, const Caller& caller, const Access& access, WallTime now);

}  // namespace lockstep::controller::identity

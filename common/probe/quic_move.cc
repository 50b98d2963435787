// QuicClient's way to the server's preferred address (RFC 9000 §9.6): ngtcp2 asks where to go once
// the server has confirmed the handshake, validates the path there, and sends on it from then on.
#include "common/probe/quic_client.h"
#include "common/probe/transport_parameters.h"

namespace lockstep::probe {

struct QuicClient::MoveHooks {
  // A path of its own: a connected socket hears of nobody but whom it is connected to.
  static int OnSelect(ngtcp2_conn*, ngtcp2_path* to, const ngtcp2_preferred_addr*, void* user) {
    auto& client = *static_cast<QuicClient*>(user);
    const std::optional<Endpoint> preferred = client.PreferredAddress();
    if (!preferred) return 0;  // ngtcp2 stays where it is
    client.move_.problem = client.OpenPath(*preferred);
    if (!client.move_.problem.ok()) return 0;
    const Path& path = *client.paths_.back();
    client.move_.path = &path;
    ngtcp2_addr_copy_byte(&to->local, path.path.local.addr, path.path.local.addrlen);
    ngtcp2_addr_copy_byte(&to->remote, path.path.remote.addr, path.path.remote.addrlen);
    return 0;
  }

  static int OnValidated(ngtcp2_conn*, uint32_t flags, const ngtcp2_path*, const ngtcp2_path*,
                         ngtcp2_path_validation_result result, void* user) {
    if ((flags & NGTCP2_PATH_VALIDATION_FLAG_PREFERRED_ADDR) == 0) return 0;
    Move& move = static_cast<QuicClient*>(user)->move_;
    move.validated = result == NGTCP2_PATH_VALIDATION_RESULT_SUCCESS;
    if (!move.validated) move.problem = Unavailable("nobody answers there as this connection");
    return 0;
  }
};

void QuicClient::AddMoveCallbacks(ngtcp2_callbacks* callbacks) {
  callbacks->select_preferred_addr = MoveHooks::OnSelect;
  callbacks->path_validation = MoveHooks::OnValidated;
}

std::optional<Endpoint> QuicClient::PreferredAddress() const {
  const ngtcp2_transport_params* sent = ngtcp2_conn_get_remote_transport_params(conn_);
  if (!follows_ || sent == nullptr) return std::nullopt;
  const auto offered = Describe(*sent).preferred_address;
  if (!offered) return std::nullopt;
  const std::optional<Endpoint>& preferred =
      target_.address.is_v6() ? offered->ipv6 : offered->ipv4;
  return preferred == target_ ? std::nullopt : preferred;
}

Result<std::optional<Endpoint>> QuicClient::FollowPreferredAddress(MonoTime until) {
  const std::optional<Endpoint> preferred = PreferredAddress();
  const auto go = [&]() -> Status {
    while (!move_.HasArrived()) {
      LS_RETURN_IF_ERROR(move_.problem);
      if (limit_.Now() >= until) return NotArrived();
      LS_RETURN_IF_ERROR(Step(until));
    }
    return Status::Ok();
  };
  if (preferred) LS_RETURN_IF_ERROR(go().Prefixed("move to " + preferred->ToString()));
  return preferred;
}

Status QuicClient::NotArrived() const {
  if (move_.path == nullptr) return DeadlineExceeded("the server did not confirm the handshake");
  return DeadlineExceeded("no answer within the time for it");
}

}  // namespace lockstep::probe

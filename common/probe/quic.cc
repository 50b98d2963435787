#include <memory>

#include "common/net/limit.h"
#include "common/probe/probe.h"
#include "common/probe/quic_client.h"

namespace lockstep::probe {
namespace {

// A part of the time only, so that who waits for the look hears of a move that fails.
void Follow(QuicClient& client, const net::Limit& limit, QuicObservation* seen) {
  const auto moved = client.FollowPreferredAddress(limit.Now() + limit.Left() / 2);
  seen->move_error = moved.status().message();
  if (moved.ok()) seen->moved_to = *moved;
}

}  // namespace

QuicObservation QuicHandshake(const QuicRequest& request, std::stop_token stop) {
  const net::Limit limit(request.route.deadline, std::move(stop));
  const MonoTime begin = limit.Now();
  QuicObservation seen;
  seen.remote = request.route.target;
  std::unique_ptr<QuicClient> client;
  const auto exchange = [&]() -> Status {
    LS_ASSIGN_OR_RETURN(client, QuicClient::Create(request, &limit));
    while (!client->handshake_completed()) LS_RETURN_IF_ERROR(client->Step());
    return Status::Ok();
  };
  seen.error =
      exchange().Prefixed("QUIC handshake with " + request.route.target.ToString()).message();
  seen.elapsed = limit.Now() - begin;
  if (client == nullptr) return seen;
  client->Observe(&seen);
  if (seen.handshake && request.follow_preferred_address) Follow(*client, limit, &seen);
  client->Close();
  return seen;
}

}  // namespace lockstep::probe

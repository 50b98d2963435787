#include <memory>

#include "common/net/limit.h"
#include "common/probe/probe.h"
#include "common/probe/quic_client.h"

namespace lockstep::probe {

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
  client->Close();
  return seen;
}

}  // namespace lockstep::probe

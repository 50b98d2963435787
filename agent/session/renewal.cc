#include "agent/session/renewal.h"

#include <grpcpp/client_context.h>

#include <chrono>

#include "common/crypto/issue.h"
#include "common/log/log.h"
#include "common/rpc/status.h"
#include "lockstep/agent/v1/agent.grpc.pb.h"

namespace lockstep::agent::session {
namespace {

constexpr auto kRenewalDeadline = std::chrono::seconds(30);
constexpr Micros kCheckEvery = std::chrono::minutes(30);
constexpr Micros kJitter = std::chrono::minutes(20);

}  // namespace

Result<state::Identity> RenewIdentity(ControllerLink& link, state::IdentityStore& store,
                                      const Clock& clock, std::stop_token stop) {
  LS_ASSIGN_OR_RETURN(const state::Identity held, store.Get());
  const crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
  v1::RenewIdentityRequest request;
  request.set_csr_pem(crypto::MakeCsr(key, held.node.str()));
  v1::RenewIdentityResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kRenewalDeadline);
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  const auto stub = v1::AgentService::NewStub(link.Current());
  const grpc::Status called = stub->RenewIdentity(&context, request, &response);
  if (!called.ok()) return rpc::FromGrpc(called);
  LS_ASSIGN_OR_RETURN(const crypto::Certificate ca,
                      crypto::Certificate::FromPem(response.ca_pem()));
  if (ca.Der() != held.ca.Der()) {
    return FailedPrecondition("the controller answered with another ca: enrol this node again");
  }
  return store.Install(key, response.certificate_pem(), response.ca_pem(), clock.Now());
}

Renewal::Renewal(task::Executor& strand, task::WorkerPool& worker, ControllerLink& link,
                 state::IdentityStore& store, uint64_t jitter_seed)
    : strand_(strand),
      worker_(worker),
      link_(link),
      store_(store),
      jitter_(kJitter, kJitter, jitter_seed) {}

void Renewal::Start() { Check(); }

void Renewal::Check() {
  const Result<state::Identity> held = store_.Get();
  if (!under_way_ && held.ok() && held->NeedsRenewal(strand_.clock().Now())) {
    under_way_ = true;
    worker_.Post([this](std::stop_token stop) {
      strand_.Post([this, renewed = RenewIdentity(link_, store_, strand_.clock(), stop)] {
        OnRenewed(renewed);
      });
    });
  }
  strand_.PostAfter(kCheckEvery + jitter_.Next(), [this] { Check(); });
}

void Renewal::OnRenewed(const Result<state::Identity>& renewed) {
  under_way_ = false;
  if (renewed.ok()) {
    log::Info("identity.renewed", {{"until", FormatTime(renewed->certificate.NotAfter())}});
  } else {
    log::Warning("identity.not_renewed", {{"error", renewed.status()}});
  }
}

}  // namespace lockstep::agent::session

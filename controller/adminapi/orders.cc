#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "controller/adminapi/admin_service.h"
#include "controller/adminapi/paging.h"
#include "controller/adminapi/to_proto.h"

namespace lockstep::controller::adminapi {

grpc::ServerUnaryReactor* AdminService::IssueCertificate(Context* context,
                                                         const v1::IssueCertificateRequest* request,
                                                         v1::IssueCertificateResponse* response) {
  return OnStrand(
      context, "IssueCertificate", request,
      [this, request, response](const ReplyPtr& reply) {
        std::vector<Hostname> hosts;
        for (const std::string& host : request->hosts()) hosts.push_back(*Hostname::Parse(host));
        const std::string lineage =
            request->name().empty() ? "" : Hostname::Parse(request->name())->ascii();
        const Result<model::Order> order =
            rooms_.orders.Create(std::move(hosts), lineage, "operator",
                                 request->drop_names() ? certs::Orders::Dropping::kAllow
                                                       : certs::Orders::Dropping::kRefuse);
        if (order.ok()) *response->mutable_order() = ToProto(*order);
        reply->Finish(order.status());
      },
      Access::kChange);
}

grpc::ServerUnaryReactor* AdminService::ListOrders(Context* context,
                                                   const v1::ListOrdersRequest* request,
                                                   v1::ListOrdersResponse* response) {
  return OnStrand(context, "ListOrders", request, [this, request, response](const ReplyPtr& reply) {
    const size_t size = PageSize(request->page_size(), kRecordsPerPage);
    const auto before = request->page_token().empty()
                            ? std::nullopt
                            : std::optional(*OrderId::Parse(request->page_token()));
    auto stored = std::make_shared<std::vector<model::Order>>();
    rooms_.database.Run(
        [stored, size, before](store::Stores& stores) -> Status {
          LS_ASSIGN_OR_RETURN(*stored, stores.orders.List(size + 1, before));
          return Status::Ok();
        },
        [this, stored, size, reply, response](const Status& status) {
          if (!status.ok()) return reply->Finish(status);
          if (stored->size() > size) {
            stored->resize(size);
            response->set_next_page_token(stored->back().id.str());
          }
          for (const model::Order& order : *stored) {
            // What runs is a step ahead of what is stored.
            const model::Order* open = rooms_.orders.FindOpen(order.id);
            *response->add_orders() = ToProto(open == nullptr ? order : *open);
          }
          reply->Finish(Status::Ok());
        },
        rooms_.state);
  });
}

std::vector<model::Proof> AdminService::CertificateProofsOf(const model::Order& order) const {
  const model::Certificate* certificate = rooms_.book.Find(order.certificate);
  if (certificate == nullptr || order.serial.empty() || certificate->serial != order.serial) {
    return {};
  }
  std::vector<model::Proof> proofs = rooms_.checks.ProofsOf(*certificate);
  for (model::Proof& proof : proofs) {
    const model::Proof* first = rooms_.fleet.proofs().FindFirst(proof.subject);
    if (proof.good && first != nullptr) proof = *first;
  }
  return proofs;
}

grpc::ServerUnaryReactor* AdminService::GetOrder(Context* context,
                                                 const v1::GetOrderRequest* request,
                                                 v1::GetOrderResponse* response) {
  return OnStrand(context, "GetOrder", request, [this, request, response](const ReplyPtr& reply) {
    const OrderId id = *OrderId::Parse(request->id());
    struct Found {
      model::Order order;
      std::vector<model::Proof> proofs;
      std::vector<model::Proof> kept;  // of its certificate, when it was done
    };
    auto found = std::make_shared<Found>();
    const model::Order* open = rooms_.orders.FindOpen(id);
    const bool is_open = open != nullptr;
    if (is_open) found->order = *open;
    rooms_.database.Run(
        [found, id, is_open](store::Stores& stores) -> Status {
          if (!is_open) {
            LS_ASSIGN_OR_RETURN(found->order, stores.orders.Get(id));
          }
          LS_ASSIGN_OR_RETURN(found->proofs, stores.proofs.ListOf(id));
          LS_ASSIGN_OR_RETURN(found->kept, stores.proofs.ListKept(id));
          return Status::Ok();
        },
        [this, found, id, reply, response](const Status& status) {
          if (!status.ok()) return reply->Finish(status);
          std::map<model::ProofSubject, model::Proof> proofs;
          for (model::Proof& proof : found->proofs) proofs[proof.subject] = std::move(proof);
          for (model::Proof& proof : rooms_.fleet.proofs().ProofsOf(id)) {
            proofs[proof.subject] = std::move(proof);
          }
          v1::Order& out = *response->mutable_order();
          out = ToProto(found->order);
          for (const auto& [subject, proof] : proofs) *out.add_challenge_proofs() = ToProto(proof);
          if (found->kept.empty()) found->kept = CertificateProofsOf(found->order);
          for (const model::Proof& proof : found->kept) {
            *out.add_certificate_proofs() = ToProto(proof);
          }
          reply->Finish(Status::Ok());
        },
        rooms_.state);
  });
}

}  // namespace lockstep::controller::adminapi

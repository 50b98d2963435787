// AdminService: the skin. A reaction only posts to the state strand; handlers.h has the rest.
#pragma once

#include <grpcpp/grpcpp.h>

#include "controller/adminapi/handlers.h"
#include "lockstep/admin/v1/admin.grpc.pb.h"

namespace lockstep::controller::adminapi {

class AdminService final : public v1::AdminService::CallbackService {
 public:
  explicit AdminService(Rooms rooms) : rooms_(std::move(rooms)) {}

#define LOCKSTEP_UNARY(Method)                                                              \
  grpc::ServerUnaryReactor* Method(grpc::CallbackServerContext* context,                    \
                                   const v1::Method##Request* request,                      \
                                   v1::Method##Response* response) override {               \
    return OnState(context, request, response);                                             \
  }
  LOCKSTEP_UNARY(GetStatus)
  LOCKSTEP_UNARY(ListNodes)
  LOCKSTEP_UNARY(GetNode)
  LOCKSTEP_UNARY(BanNode)
  LOCKSTEP_UNARY(UnbanNode)
  LOCKSTEP_UNARY(RemoveNode)
  LOCKSTEP_UNARY(CreateToken)
  LOCKSTEP_UNARY(ListTokens)
  LOCKSTEP_UNARY(RevokeToken)
  LOCKSTEP_UNARY(ApplySites)
  LOCKSTEP_UNARY(ListSites)
  LOCKSTEP_UNARY(GetSite)
  LOCKSTEP_UNARY(DeleteSite)
  LOCKSTEP_UNARY(IssueCertificate)
  LOCKSTEP_UNARY(ListCertificates)
  LOCKSTEP_UNARY(GetCertificate)
  LOCKSTEP_UNARY(CheckCertificate)
  LOCKSTEP_UNARY(ListOrders)
  LOCKSTEP_UNARY(GetOrder)
  LOCKSTEP_UNARY(ListChallenges)
  LOCKSTEP_UNARY(ListGenerations)
  LOCKSTEP_UNARY(GetGeneration)
  LOCKSTEP_UNARY(DiffGenerations)
  LOCKSTEP_UNARY(ListEvents)
#undef LOCKSTEP_UNARY

  grpc::ServerWriteReactor<v1::WatchOrderResponse>* WatchOrder(
      grpc::CallbackServerContext* context, const v1::WatchOrderRequest* request) override;
  grpc::ServerWriteReactor<v1::WatchEventsResponse>* WatchEvents(
      grpc::CallbackServerContext* context, const v1::WatchEventsRequest* request) override;

 private:
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* OnState(grpc::CallbackServerContext* context, const Request* request,
                                    Response* response) {
    auto* reactor = context->DefaultReactor();
    auto reply = std::make_shared<rpc::Reply>(reactor);
    // Request and response live until the reactor has finished, and that is the reply's to do.
    rooms_.state.Post([this, request, response, reply] {
      Handle(rooms_, *request, response, reply);
    });
    return reactor;
  }

  Rooms rooms_;
};

}  // namespace lockstep::controller::adminapi

// The way to the controller's admin socket.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/rpc/status.h"
#include "common/status/status.h"
#include "lockstep/admin/v1/admin.grpc.pb.h"

namespace lockstep::controller::cli {

namespace v1 = lockstep::admin::v1;

inline constexpr char kDefaultSocket[] = "/run/lockstep/admin/admin.sock";

class Connection {
 public:
  // Nothing is dialled before the first call.
  explicit Connection(std::string socket_path);

  v1::AdminService::StubInterface& service() { return *service_; }

  // One unary call: Call(&v1::AdminService::StubInterface::GetNode, request, &response).
  // UNAVAILABLE and PERMISSION_DENIED say what about the socket is wrong.
  template <typename Request, typename Response>
  Status Call(grpc::Status (v1::AdminService::StubInterface::*method)(grpc::ClientContext*,
                                                                      const Request&, Response*),
              const Request& request, Response* response, Micros deadline = Seconds(30)) {
    LS_RETURN_IF_ERROR(CheckSocket());
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + deadline);
    return Explained(((*service_).*method)(&context, request, response));
  }

  // All pages of a list: `items` is the response's repeated field.
  template <typename Request, typename Response, typename Items>
  Status List(grpc::Status (v1::AdminService::StubInterface::*method)(grpc::ClientContext*,
                                                                      const Request&, Response*),
              Request request, Response* all, Items* (Response::*items)()) {
    do {
      Response page;
      LS_RETURN_IF_ERROR(Call(method, request, &page));
      (all->*items)()->MergeFrom(*(page.*items)());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return Status::Ok();
  }

  // Before a streaming call.
  Status CheckSocket() const;
  Status Explained(const grpc::Status& status) const;

 private:
  std::string socket_path_;
  std::unique_ptr<v1::AdminService::StubInterface> service_;
};

}  // namespace lockstep::controller::cli

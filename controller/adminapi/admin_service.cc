#include "controller/adminapi/admin_service.h"

#include "controller/identity/access.h"

namespace lockstep::controller::adminapi {

// The door has let operators in alone; a method that the table does not give to operators is
// refused all the same.
Status AdminService::CheckRole(std::string_view method) {
  const std::string path = "/lockstep.admin.v1.AdminService/" + std::string(method);
  if (identity::RoleOf(path) == identity::Role::kOperator) return Status::Ok();
  return PermissionDenied("nobody may call " + path);
}

grpc::ServerUnaryReactor* AdminService::Post(Context* context, const Status& admitted,
                                             std::function<void(const ReplyPtr&)> work,
                                             Access access) {
  if (!admitted.ok()) return rpc::FinishNow(context, admitted);
  auto* reactor = context->DefaultReactor();
  rooms_.state.Post(
      [this, reply = std::make_shared<rpc::Reply>(reactor), work = std::move(work), access] {
        const std::string& read_only = rooms_.publisher.read_only_reason();
        if (access == Access::kChange && !read_only.empty()) {
          return reply->Finish(FailedPrecondition("the controller is read-only: " + read_only));
        }
        work(reply);
      });
  return reactor;
}

}  // namespace lockstep::controller::adminapi

#include "controller/cli/connection.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/rpc/settings.h"

namespace lockstep::controller::cli {

Connection::Connection(std::string socket_path)
    : socket_path_(std::move(socket_path)),
      service_(v1::AdminService::NewStub(
          grpc::CreateCustomChannel("unix:" + socket_path_, grpc::InsecureChannelCredentials(),
                                    rpc::LocalChannelArguments()))) {}

Status Connection::CheckSocket() const {
  if (::access(socket_path_.c_str(), R_OK | W_OK) == 0) return Status::Ok();
  switch (errno) {
    case EACCES:
      return PermissionDenied("no permission to use " + socket_path_ +
                              "; be root or a member of the operators' group");
    case ENOENT:
    case ENOTDIR:
      return Unavailable("there is no " + socket_path_ +
                         "; is the controller running, and is this its socket (--socket)?");
    default:
      return FromErrno(errno, "looking at " + socket_path_);
  }
}

Status Connection::Explained(const grpc::Status& status) const {
  Status plain = rpc::FromGrpc(status);
  if (plain.code() == Code::kUnavailable) {
    return Unavailable("the controller does not answer on " + socket_path_ + ": " +
                       plain.message());
  }
  return plain;
}

}  // namespace lockstep::controller::cli

// bench_identity DIR: makes a fleet CA in DIR/ca and a server certificate for 127.0.0.1 in
// DIR/server.
#include <sys/stat.h>

#include <iostream>

#include "controller/identity/fleet_ca.h"
#include "controller/identity/server_identity.h"

namespace lockstep::bench {
namespace {

Status MakeIdentities(const std::string& directory) {
  const WallTime now = Clock::System().Now();
  for (const char* folder : {"/ca", "/server"}) mkdir((directory + folder).c_str(), 0700);
  auto ca = controller::identity::FleetCa::Create(directory + "/ca", "bench", now);
  if (!ca.ok() && ca.status().code() == Code::kAlreadyExists) return Status::Ok();
  LS_RETURN_IF_ERROR(ca.status());
  LS_ASSIGN_OR_RETURN(const IpAddress loopback, IpAddress::Parse("127.0.0.1"));
  controller::identity::ServerIdentity server(*ca, directory + "/server", {"localhost"},
                                              {loopback});
  return server.EnsureFresh(now).status();
}

}  // namespace
}  // namespace lockstep::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: bench_identity DIR\n";
    return 2;
  }
  const lockstep::Status made = lockstep::bench::MakeIdentities(argv[1]);
  if (made.ok()) return 0;
  std::cerr << "bench_identity: " << made << "\n";
  return 1;
}

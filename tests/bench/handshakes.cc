// handshakes: QUIC handshakes with one server, one after the other, each closed at once: what a
// connection costs a server before anybody asks it for anything.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <iostream>
#include <string>

#include "common/probe/probe.h"

namespace lockstep::bench {
namespace {

Status Shake(const std::string& address, uint16_t port, const std::string& host, size_t count) {
  LS_ASSIGN_OR_RETURN(const IpAddress ip, IpAddress::Parse(address));
  LS_ASSIGN_OR_RETURN(const Hostname sni, Hostname::Parse(host));
  probe::QuicRequest request;
  request.route.target = {ip, port};
  request.sni = sni;
  for (size_t i = 0; i < count; ++i) {
    const probe::QuicObservation seen = probe::QuicHandshake(request);
    if (!seen.handshake) return Unavailable("handshake " + std::to_string(i) + ": " + seen.error);
  }
  return Status::Ok();
}

}  // namespace
}  // namespace lockstep::bench

int main(int argc, char** argv) {
  std::string address;
  std::string host;
  uint16_t port = 0;
  size_t count = 0;
  CLI::App app("QUIC handshakes with one server");
  app.add_option("address", address)->required();
  app.add_option("port", port)->required();
  app.add_option("host", host, "the name to ask for")->required();
  app.add_option("count", count)->required();
  CLI11_PARSE(app, argc, argv);
  const lockstep::Status done = lockstep::bench::Shake(address, port, host, count);
  if (done.ok()) return 0;
  std::cerr << "handshakes: " << done << "\n";
  return 1;
}

// mTLS between agents and the controller. Only the fleet's own CA is trusted, never the system's.
#pragma once

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "common/status/status.h"

namespace lockstep::rpc {

// PEM files. They are read again every second, so that a renewed identity is used without dropping
// a stream: certificate and key must be swapped together (by renaming a symlink of the directory
// that holds both), for a pair that does not match breaks every new handshake. Measured with gRPC
// 1.51: new handshakes see a swap within 1 s, open streams live on.
struct CertificateFiles {
  std::string certificate;  // leaf, then the CA
  std::string key;
  std::string ca;  // whom to trust
};

// For the listener of agents: a client without a certificate of the CA gets no further than the
// handshake. NOT_FOUND or PERMISSION_DENIED naming the file that cannot be read.
Result<std::shared_ptr<grpc::ServerCredentials>> MutualServerCredentials(
    const CertificateFiles& files);

// For the listener of enrolment: clients have no certificate yet. `files.ca` is not used.
Result<std::shared_ptr<grpc::ServerCredentials>> EnrollmentServerCredentials(
    const CertificateFiles& files);

// For an agent: shows its identity, and accepts only a server certificate of the CA that carries
// the name or address dialled (or set by SetServerName).
Result<std::shared_ptr<grpc::ChannelCredentials>> MutualClientCredentials(
    const CertificateFiles& files);

// For an agent that has no identity yet and was given the CA by its join token.
Result<std::shared_ptr<grpc::ChannelCredentials>> EnrollmentClientCredentials(
    const std::string& ca_pem);

}  // namespace lockstep::rpc

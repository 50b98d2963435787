#include "common/rpc/tls.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace lockstep::rpc {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;
using grpc::experimental::HostNameCertificateVerifier;
using grpc::experimental::NoOpCertificateVerifier;
using grpc::experimental::StaticDataCertificateProvider;
using grpc::experimental::TlsChannelCredentialsOptions;
using grpc::experimental::TlsServerCredentialsOptions;

constexpr unsigned kRefreshSeconds = 1;

// The provider waits for files that are not there: better to say so at once.
Status CheckReadable(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (::access(path.c_str(), R_OK) != 0) return FromErrno(errno, "reading " + path);
  }
  return Status::Ok();
}

}  // namespace

Result<std::shared_ptr<grpc::ServerCredentials>> MutualServerCredentials(
    const CertificateFiles& files) {
  LS_RETURN_IF_ERROR(CheckReadable({files.certificate, files.key, files.ca}));
  TlsServerCredentialsOptions options(std::make_shared<FileWatcherCertificateProvider>(
      files.key, files.certificate, files.ca, kRefreshSeconds));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  // OpenSSL has checked the chain, the dates and that the certificate is a client's; who it is, is
  // for IdentifyPeer: a client has no host name.
  options.set_certificate_verifier(std::make_shared<NoOpCertificateVerifier>());
  return grpc::experimental::TlsServerCredentials(options);
}

Result<std::shared_ptr<grpc::ServerCredentials>> EnrollmentServerCredentials(
    const CertificateFiles& files) {
  LS_RETURN_IF_ERROR(CheckReadable({files.certificate, files.key}));
  TlsServerCredentialsOptions options(std::make_shared<FileWatcherCertificateProvider>(
      files.key, files.certificate, kRefreshSeconds));
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  return grpc::experimental::TlsServerCredentials(options);
}

Result<std::shared_ptr<grpc::ChannelCredentials>> MutualClientCredentials(
    const CertificateFiles& files) {
  LS_RETURN_IF_ERROR(CheckReadable({files.certificate, files.key, files.ca}));
  TlsChannelCredentialsOptions options;
  options.set_certificate_provider(std::make_shared<FileWatcherCertificateProvider>(
      files.key, files.certificate, files.ca, kRefreshSeconds));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_verify_server_certs(true);
  options.set_certificate_verifier(std::make_shared<HostNameCertificateVerifier>());
  return grpc::experimental::TlsCredentials(options);
}

Result<std::shared_ptr<grpc::ChannelCredentials>> EnrollmentClientCredentials(
    const std::string& ca_pem) {
  if (ca_pem.empty()) return InvalidArgument("the fleet CA's certificate is missing");
  TlsChannelCredentialsOptions options;
  options.set_certificate_provider(std::make_shared<StaticDataCertificateProvider>(ca_pem));
  options.watch_root_certs();
  options.set_verify_server_certs(true);
  options.set_certificate_verifier(std::make_shared<HostNameCertificateVerifier>());
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace lockstep::rpc

#include "controller/identity/fleet_ca.h"

#include "common/base/encoding.h"
#include "common/base/hostname.h"
#include "common/crypto/digest.h"
#include "common/fsutil/files.h"

namespace lockstep::controller::identity {
namespace {

constexpr std::string_view kNodeUriPrefix = "lockstep://fleet/node/";
constexpr size_t kMaxCertificateBytes = size_t{64} << 10;
// The CA begins well before its first certificate, should the clock be set back after `init`.
constexpr Micros kCaBackdate = std::chrono::hours(24);

std::string KeyPathIn(const std::string& directory) { return directory + "/ca.key"; }
std::string CertificatePathIn(const std::string& directory) { return directory + "/ca.pem"; }

Result<crypto::PrivateKey> ReadKey(const std::string& directory) {
  const std::string path = KeyPathIn(directory);
  LS_ASSIGN_OR_RETURN(std::string text, fsutil::ReadSecretFile(path));
  const crypto::Secret pem(std::move(text));
  Result<crypto::PrivateKey> key = crypto::PrivateKey::FromPem(pem.Reveal());
  if (!key.ok()) return key.status().Prefixed(Quoted(path));
  return key;
}

// The key in the directory, or a new one. There is one without a certificate if Create was
// interrupted between the two.
Result<crypto::PrivateKey> FindOrMakeKey(const std::string& directory) {
  Result<crypto::PrivateKey> present = ReadKey(directory);
  if (present.status().code() != Code::kNotFound) return present;
  crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
  LS_RETURN_IF_ERROR(fsutil::WriteNew(KeyPathIn(directory), key.ToPem().Reveal(), 0600));
  return key;
}

}  // namespace

std::string NodeUri(const NodeName& node) { return std::string(kNodeUriPrefix) + node.str(); }

Result<NodeName> ParseNodeUri(std::string_view uri) {
  if (!uri.starts_with(kNodeUriPrefix)) {
    return InvalidArgument(Quoted(uri) + " does not name a node of this fleet");
  }
  return NodeName::Parse(uri.substr(kNodeUriPrefix.size()));
}

Result<NodeIdentity> ReadNodeIdentity(const crypto::Certificate& certificate) {
  const std::vector<std::string> uris = certificate.Uris();
  if (uris.size() != 1) {
    return Unauthenticated("certificate carries " + std::to_string(uris.size()) +
                           " URIs where a node's carries one");
  }
  if (certificate.IsCa() || !certificate.HasClientAuth()) {
    return Unauthenticated("certificate is not one for a client");
  }
  const Result<NodeName> node = ParseNodeUri(uris[0]);
  if (!node.ok()) return Unauthenticated("certificate: " + node.status().message());
  return NodeIdentity{
      .node = *node, .serial_hex = certificate.SerialHex(), .not_after = certificate.NotAfter()};
}

Result<FleetCa> FleetCa::Create(const std::string& directory, std::string_view fleet,
                                WallTime now) {
  LS_RETURN_IF_ERROR(fsutil::MakePrivateDirectory(directory));
  const std::string path = CertificatePathIn(directory);
  if (const Status present = fsutil::ReadFile(path, kMaxCertificateBytes).status();
      present.code() != Code::kNotFound) {
    return AlreadyExists("there is a fleet CA already: " + Quoted(path));
  }
  LS_ASSIGN_OR_RETURN(crypto::PrivateKey key, FindOrMakeKey(directory));
  LS_ASSIGN_OR_RETURN(
      crypto::Certificate certificate,
      crypto::SelfSignedCa(key, "Lockstep " + std::string(fleet), kCaLifetime, now - kCaBackdate));
  LS_RETURN_IF_ERROR(fsutil::WriteNew(path, certificate.Pem(), 0644));
  return FleetCa(std::move(key), std::move(certificate));
}

Result<FleetCa> FleetCa::Open(const std::string& directory) {
  const std::string path = CertificatePathIn(directory);
  const Result<std::string> pem = fsutil::ReadFile(path, kMaxCertificateBytes);
  if (pem.status().code() == Code::kNotFound) {
    return FailedPrecondition("no fleet CA at " + Quoted(path) +
                              ": run lockstep-controller init first");
  }
  LS_RETURN_IF_ERROR(pem.status());
  Result<crypto::Certificate> certificate = crypto::Certificate::FromPem(*pem);
  if (!certificate.ok()) return certificate.status().Prefixed(Quoted(path));
  LS_ASSIGN_OR_RETURN(crypto::PrivateKey key, ReadKey(directory));
  if (!certificate->PublicKeyMatches(key)) {
    return FailedPrecondition(Quoted(path) + " does not match its private key " +
                              Quoted(KeyPathIn(directory)));
  }
  return FleetCa(std::move(key), std::move(certificate).value());
}

std::string FleetCa::Pin() const { return Base64UrlEncode(key_.SpkiSha256()); }

Result<crypto::Certificate> FleetCa::IssueNode(const NodeName& node, const crypto::Csr& csr,
                                               WallTime now) const {
  return crypto::IssueCertificate(certificate_, key_, csr.public_key,
                                  {.common_name = node.str(),
                                   .uri = NodeUri(node),
                                   .client_auth = true,
                                   .not_before = now - kBackdate,
                                   .lifetime = kNodeIdentityLifetime + kBackdate});
}

Result<crypto::Certificate> FleetCa::IssueServer(const crypto::PublicKey& key,
                                                 const std::vector<std::string>& dns_names,
                                                 const std::vector<IpAddress>& addresses,
                                                 WallTime now) const {
  return crypto::IssueCertificate(certificate_, key_, key,
                                  {.common_name = "lockstep-controller",
                                   .dns_names = dns_names,
                                   .ip_addresses = addresses,
                                   .server_auth = true,
                                   .not_before = now - kBackdate,
                                   .lifetime = kServerLifetime + kBackdate});
}

std::string FleetCa::Sign(std::string_view purpose, std::string_view bytes) const {
  return key_.Sign(SignedBytes(purpose, bytes));
}

std::string SignedBytes(std::string_view purpose, std::string_view bytes) {
  return "lockstep " + std::string(purpose) + '\0' + crypto::Sha256(bytes);
}

}  // namespace lockstep::controller::identity

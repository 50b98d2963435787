#include "agent/state/identity.h"

#include <filesystem>
#include <system_error>
#include <vector>

#include "common/base/hostname.h"
#include "common/fsutil/files.h"
#include "common/log/log.h"

namespace lockstep::agent::state {
namespace {

constexpr std::string_view kUriPrefix = "lockstep://fleet/node/";
constexpr std::string_view kPairPrefix = "pair-";
constexpr size_t kMaxPemBytes = 64 << 10;

Result<NodeName> NodeOf(const crypto::Certificate& certificate) {
  const std::vector<std::string> uris = certificate.Uris();
  if (uris.size() != 1 || !uris[0].starts_with(kUriPrefix)) {
    return FailedPrecondition("certificate names no node of a fleet");
  }
  return NodeName::Parse(std::string_view(uris[0]).substr(kUriPrefix.size()));
}

Result<Identity> Check(const crypto::PrivateKey& key, std::string_view certificate_pem,
                       std::string_view ca_pem) {
  LS_ASSIGN_OR_RETURN(crypto::Certificate certificate,
                      crypto::Certificate::FromPem(certificate_pem));
  LS_ASSIGN_OR_RETURN(crypto::Certificate ca, crypto::Certificate::FromPem(ca_pem));
  if (!certificate.PublicKeyMatches(key)) {
    return FailedPrecondition("certificate does not match this node's key");
  }
  if (!ca.IsCa() || !certificate.IsSignedBy(ca)) {
    return FailedPrecondition("certificate is not signed by the fleet's ca");
  }
  LS_ASSIGN_OR_RETURN(NodeName node, NodeOf(certificate));
  return Identity{std::move(node), std::move(certificate), std::move(ca)};
}

}  // namespace

Result<IdentityStore> IdentityStore::Open(std::string directory) {
  LS_RETURN_IF_ERROR(fsutil::MakePrivateDirectory(directory));
  return IdentityStore(std::move(directory));
}

Result<crypto::PrivateKey> IdentityStore::EnrollmentKey() {
  const std::string path = directory_ + "/enrolling.pem";
  Result<std::string> pem = fsutil::ReadSecretFile(path);
  if (pem.ok()) {
    const crypto::Secret secret(std::move(pem).value());
    return crypto::PrivateKey::FromPem(secret.Reveal());
  }
  if (pem.status().code() != Code::kNotFound) return pem.status();
  crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
  LS_RETURN_IF_ERROR(fsutil::WriteAtomic(path, key.ToPem().Reveal()));
  return key;
}

Result<Identity> IdentityStore::Install(const crypto::PrivateKey& key,
                                        std::string_view certificate_pem, std::string_view ca_pem,
                                        WallTime now) {
  LS_ASSIGN_OR_RETURN(Identity identity, Check(key, certificate_pem, ca_pem));
  if (now < identity.certificate.NotBefore() || now >= identity.certificate.NotAfter()) {
    return FailedPrecondition("certificate is valid from " +
                              FormatTime(identity.certificate.NotBefore()) + " to " +
                              FormatTime(identity.certificate.NotAfter()) + " and it is " +
                              FormatTime(now) + ": set this machine's clock");
  }
  const std::string pair = std::string(kPairPrefix) + identity.certificate.SerialHex();
  const std::string directory = directory_ + "/" + pair;
  LS_RETURN_IF_ERROR(fsutil::MakePrivateDirectory(directory));
  LS_RETURN_IF_ERROR(fsutil::WriteAtomic(directory + "/key.pem", key.ToPem().Reveal()));
  LS_RETURN_IF_ERROR(
      fsutil::WriteAtomic(directory + "/cert.pem", identity.certificate.Pem(), {.mode = 0644}));
  LS_RETURN_IF_ERROR(fsutil::WriteAtomic(directory + "/ca.pem", identity.ca.Pem(), {.mode = 0644}));
  LS_RETURN_IF_ERROR(fsutil::SwapSymlink(directory_ + "/current", pair));
  PruneOldPairs(pair);
  if (const Status removed = fsutil::RemoveFile(directory_ + "/enrolling.pem"); !removed.ok()) {
    log::Warning("identity.leftover", {{"error", removed}});
  }
  return identity;
}

Result<Identity> IdentityStore::Get() const {
  constexpr int kTries = 3;
  const std::string link = directory_ + "/current";
  for (int tried = 1;; ++tried) {
    std::error_code error;
    const std::string pair = std::filesystem::read_symlink(link, error);
    if (error == std::errc::no_such_file_or_directory) {
      return NotFound("this machine is no node yet: run `lockstep-agent enroll` with a join token");
    }
    if (error) return FromErrno(error.value(), link);
    Result<Identity> identity = Read(directory_ + "/" + pair);
    // A renewal may swap the pair, and remove the one before, while it is read.
    if (identity.ok() || tried == kTries ||
        std::filesystem::read_symlink(link, error).string() == pair) {
      return identity;
    }
  }
}

Result<Identity> IdentityStore::Read(const std::string& pair) const {
  LS_ASSIGN_OR_RETURN(std::string key_pem, fsutil::ReadSecretFile(pair + "/key.pem"));
  const crypto::Secret secret(std::move(key_pem));
  LS_ASSIGN_OR_RETURN(const crypto::PrivateKey key, crypto::PrivateKey::FromPem(secret.Reveal()));
  LS_ASSIGN_OR_RETURN(const std::string certificate,
                      fsutil::ReadFile(pair + "/cert.pem", kMaxPemBytes));
  LS_ASSIGN_OR_RETURN(const std::string ca, fsutil::ReadFile(pair + "/ca.pem", kMaxPemBytes));
  Result<Identity> identity = Check(key, certificate, ca);
  if (!identity.ok()) return identity.status().Prefixed("identity in " + pair);
  return identity;
}

Status IdentityStore::RemoveUnfinished() const {
  LS_RETURN_IF_ERROR(fsutil::RemoveUnfinished(directory_));
  std::error_code error;
  const std::string pair = std::filesystem::read_symlink(directory_ + "/current", error);
  if (error) return Status::Ok();  // no identity yet
  LS_RETURN_IF_ERROR(fsutil::RemoveUnfinished(directory_ + "/" + pair));
  PruneOldPairs(pair);
  return Status::Ok();
}

void IdentityStore::PruneOldPairs(std::string_view keep) const {
  const Result<std::vector<fsutil::Entry>> entries = fsutil::ListDirectory(directory_);
  if (!entries.ok()) return;
  for (const fsutil::Entry& entry : *entries) {
    if (!entry.name.starts_with(kPairPrefix) || entry.name == keep) continue;
    if (const Status removed = fsutil::RemoveTree(directory_ + "/" + entry.name); !removed.ok()) {
      log::Warning("identity.leftover", {{"error", removed}});
    }
  }
}

}  // namespace lockstep::agent::state

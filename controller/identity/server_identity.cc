#include "controller/identity/server_identity.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <set>
#include <span>
#include <utility>

#include "common/base/hostname.h"
#include "common/fsutil/files.h"
#include "common/log/log.h"

namespace lockstep::controller::identity {
namespace {

constexpr size_t kMaxPemBytes = size_t{256} << 10;
constexpr std::string_view kPairPrefix = "pair-";

struct Pair {
  crypto::Certificate leaf;
  crypto::PrivateKey key;
};

Result<Pair> ReadPair(const std::string& certificate_path, const std::string& key_path) {
  LS_ASSIGN_OR_RETURN(const std::string pem, fsutil::ReadFile(certificate_path, kMaxPemBytes));
  LS_ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain, crypto::ParseChain(pem));
  LS_ASSIGN_OR_RETURN(std::string text, fsutil::ReadSecretFile(key_path));
  const crypto::Secret key_pem(std::move(text));
  LS_ASSIGN_OR_RETURN(crypto::PrivateKey key, crypto::PrivateKey::FromPem(key_pem.Reveal()));
  return Pair{.leaf = chain[0], .key = std::move(key)};
}

WallTime TwoThirdsOf(const crypto::Certificate& leaf) {
  return leaf.NotBefore() + (leaf.NotAfter() - leaf.NotBefore()) * 2 / 3;
}

std::set<std::string> SetOf(const std::vector<std::string>& names) {
  return {names.begin(), names.end()};
}

}  // namespace

ServerIdentity::ServerIdentity(const FleetCa& ca, std::string directory,
                               std::vector<std::string> dns_names, std::vector<IpAddress> addresses)
    : ca_(ca),
      directory_(std::move(directory)),
      dns_names_(std::move(dns_names)),
      addresses_(std::move(addresses)) {}

std::string ServerIdentity::CertificatePath() const { return directory_ + "/current/cert.pem"; }
std::string ServerIdentity::KeyPath() const { return directory_ + "/current/key.pem"; }

Result<bool> ServerIdentity::EnsureFresh(WallTime now) {
  const std::string reason = ReasonToReplace(now);
  if (reason.empty()) return false;
  LS_RETURN_IF_ERROR(Publish(now).Prefixed("server certificate"));
  log::Info("identity.server_certificate", {{"reason", reason}, {"path", CertificatePath()}});
  return true;
}

Result<WallTime> ServerIdentity::NextRenewal() const {
  LS_ASSIGN_OR_RETURN(const Pair pair, ReadPair(CertificatePath(), KeyPath()));
  return TwoThirdsOf(pair.leaf);
}

std::string ServerIdentity::ReasonToReplace(WallTime now) const {
  const Result<Pair> pair = ReadPair(CertificatePath(), KeyPath());
  if (pair.status().code() == Code::kNotFound) return "there is none";
  if (!pair.ok()) return pair.status().message();
  const crypto::Certificate& leaf = pair->leaf;
  if (!leaf.PublicKeyMatches(pair->key)) return "it does not match its private key";
  if (!leaf.IsSignedBy(ca_.certificate())) return "it is of another CA";
  if (SetOf(leaf.DnsNames()) != SetOf(dns_names_)) return "the configured names changed";
  std::set<std::string> addresses;
  for (const IpAddress& address : addresses_) addresses.insert(address.ToString());
  if (SetOf(leaf.IpAddresses()) != addresses) return "the configured addresses changed";
  if (now < leaf.NotBefore()) return "it is not valid yet";
  if (now >= TwoThirdsOf(leaf)) return "two thirds of its life are gone";
  return "";
}

Status ServerIdentity::Publish(WallTime now) {
  LS_RETURN_IF_ERROR(fsutil::MakePrivateDirectory(directory_));
  const crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
  LS_ASSIGN_OR_RETURN(const crypto::Certificate leaf,
                      ca_.IssueServer(key.Public(), dns_names_, addresses_, now));
  // Nothing points at the pair until it is whole; the serial is random, so the name is new.
  const std::string name = std::string(kPairPrefix) + leaf.SerialHex();
  const std::string pair = directory_ + "/" + name;
  LS_RETURN_IF_ERROR(fsutil::MakePrivateDirectory(pair));
  LS_RETURN_IF_ERROR(fsutil::WriteNew(pair + "/key.pem", key.ToPem().Reveal(), 0600));
  LS_RETURN_IF_ERROR(
      fsutil::WriteNew(pair + "/cert.pem", leaf.Pem() + ca_.certificate().Pem(), 0644));
  LS_RETURN_IF_ERROR(fsutil::SwapSymlink(directory_ + "/current", name));
  PruneOldPairs(name);
  return Status::Ok();
}

void ServerIdentity::PruneOldPairs(const std::string& current) const {
  const Result<std::vector<fsutil::Entry>> entries = fsutil::ListDirectory(directory_);
  if (!entries.ok()) return;
  for (const fsutil::Entry& entry : *entries) {
    if (!entry.name.starts_with(kPairPrefix) || entry.name == current) continue;
    const Status removed = fsutil::RemoveTree(directory_ + "/" + entry.name);
    // An old pair that stays does no harm: nobody points at it.
    if (!removed.ok()) log::Warning("identity.old_pair_stays", {{"error", removed}});
  }
}

}  // namespace lockstep::controller::identity

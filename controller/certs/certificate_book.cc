#include "controller/certs/certificate_book.h"

#include <algorithm>
#include <memory>

#include "common/crypto/certificate.h"
#include "common/crypto/key.h"

namespace lockstep::controller::certs {
namespace {

constexpr size_t kKeptRevisions = 3;

std::vector<Hostname> Sorted(std::vector<Hostname> hosts) {
  std::sort(hosts.begin(), hosts.end());
  return hosts;
}

Result<model::Certificate> ReadCertificate(const std::string& lineage,
                                           const std::vector<Hostname>& hosts,
                                           std::string chain_pem, std::string key_pem,
                                           WallTime now) {
  LS_ASSIGN_OR_RETURN(const auto chain, crypto::ParseChain(chain_pem));
  LS_ASSIGN_OR_RETURN(const auto key, crypto::PrivateKey::FromPem(key_pem));
  LS_RETURN_IF_ERROR(crypto::CheckChain(chain, key, hosts, now));
  const crypto::Certificate& leaf = chain.front();
  model::Certificate out;
  out.name = lineage;
  out.hosts = hosts;
  out.leaf_sha256 = leaf.FingerprintSha256Hex();
  out.serial = leaf.SerialHex();
  out.issuer = leaf.Issuer();
  out.not_before = leaf.NotBefore();
  out.not_after = leaf.NotAfter();
  out.created_at = now;
  out.chain_pem = std::move(chain_pem);
  out.key_pem = std::move(key_pem);
  return out;
}

}  // namespace

void CertificateBook::Load(std::vector<model::Certificate> certificates) {
  for (model::Certificate& certificate : certificates) {
    const std::string name = certificate.name;
    newest_.insert_or_assign(name, std::move(certificate));
  }
}

const model::Certificate* CertificateBook::Find(const std::string& lineage) const {
  const auto found = newest_.find(lineage);
  return found == newest_.end() ? nullptr : &found->second;
}

const model::Certificate* CertificateBook::FindByHosts(const std::vector<Hostname>& hosts) const {
  const auto wanted = Sorted(hosts);
  for (const auto& [name, certificate] : newest_) {
    if (Sorted(certificate.hosts) == wanted) return &certificate;
  }
  return nullptr;
}

std::vector<model::Certificate> CertificateBook::List() const {
  std::vector<model::Certificate> out;
  for (const auto& [name, certificate] : newest_) out.push_back(certificate);
  return out;
}

void CertificateBook::Add(const std::string& lineage, const std::vector<Hostname>& hosts,
                          std::string chain_pem, std::string key_pem,
                          std::function<void(Result<model::Certificate>)> done) {
  auto read = ReadCertificate(lineage, hosts, std::move(chain_pem), std::move(key_pem),
                              state_.clock().Now());
  if (!read.ok()) return done(read.status());
  auto certificate = std::make_shared<model::Certificate>(std::move(*read));
  database_.Run(
      [certificate](store::Stores& stores) -> Status {
        LS_ASSIGN_OR_RETURN(certificate->revision, stores.certificates.Create(*certificate));
        return stores.certificates.Prune(kKeptRevisions).status();
      },
      [this, certificate, done = std::move(done)](const Status& status) {
        if (!status.ok()) return done(status);
        newest_.insert_or_assign(certificate->name, *certificate);
        done(*certificate);
      },
      state_);
}

}  // namespace lockstep::controller::certs

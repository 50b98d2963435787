#include "controller/drivers/certbot/lineage.h"

#include <filesystem>
#include <system_error>

#include "common/crypto/certificate.h"
#include "common/crypto/key.h"
#include "common/fsutil/files.h"

namespace lockstep::controller::drivers::certbot {
namespace {

constexpr size_t kMaxPemBytes = size_t{256} << 10;
constexpr size_t kMaxKeyBytes = size_t{64} << 10;

bool HoldsSomething(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);  // follows links
  return !error && size > 0;
}

}  // namespace

bool LineageDirectory::IsComplete() const {
  // certbot makes the renewal file first, empty, and fills it when all else is written.
  const std::string conf = name_ + ".conf";
  if (!HoldsSomething(config() + "/renewal/" + conf)) return false;
  const auto others = fsutil::ListDirectory(config() + "/renewal");
  if (!others.ok() || others->size() != 1) return false;
  for (const char* file : {"cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"}) {
    if (!HoldsSomething(Live(file))) return false;
  }
  return true;
}

Status LineageDirectory::Prepare() const {
  LS_RETURN_IF_ERROR(fsutil::RemoveTree(temporary()));
  for (const std::string& directory :
       {root_, accounts(), path(), config(), work(), temporary(), logs()}) {
    LS_RETURN_IF_ERROR(fsutil::MakePrivateDirectory(directory));
  }
  LS_RETURN_IF_ERROR(fsutil::RemoveUnfinished(config()));
  LS_RETURN_IF_ERROR(fsutil::SwapSymlink(config() + "/accounts", accounts()));
  for (const char* left : {"/keys", "/csr"}) {
    LS_RETURN_IF_ERROR(fsutil::RemoveTree(config() + left));
  }
  if (!IsComplete()) {
    for (const char* part : {"/live", "/archive", "/renewal"}) {
      LS_RETURN_IF_ERROR(fsutil::RemoveTree(config() + part));
    }
  }
  std::error_code missing;
  std::filesystem::rename(log(), log() + ".previous", missing);
  // What is still there would be taken for the log of the coming run.
  return fsutil::RemoveFile(log());
}

Result<Issued> LineageDirectory::Read(const std::vector<Hostname>& hosts,
                                      const std::string& not_leaf_sha256, WallTime now) const {
  Issued issued;
  LS_ASSIGN_OR_RETURN(const std::string chain_pem,
                      fsutil::ReadFile(Live("fullchain.pem"), kMaxPemBytes));
  LS_ASSIGN_OR_RETURN(std::string key_pem, fsutil::ReadFile(Live("privkey.pem"), kMaxKeyBytes));
  issued.key_pem = crypto::Secret(std::move(key_pem));
  LS_ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain, crypto::ParseChain(chain_pem));
  LS_ASSIGN_OR_RETURN(const crypto::PrivateKey key,
                      crypto::PrivateKey::FromPem(issued.key_pem.Reveal()));
  LS_RETURN_IF_ERROR(crypto::CheckChain(chain, key, hosts, now));
  issued.leaf_sha256 = chain.front().FingerprintSha256Hex();
  if (issued.leaf_sha256 == not_leaf_sha256) {
    return FailedPrecondition("the certificate in " + Live("fullchain.pem") + " is the old one");
  }
  issued.chain_pem = crypto::RenderChain(chain);
  return issued;
}

}  // namespace lockstep::controller::drivers::certbot

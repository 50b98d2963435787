#include <algorithm>
#include <set>

#include "common/crypto/certificate.h"
#include "common/crypto/openssl.h"

namespace lockstep::crypto {
namespace {

constexpr size_t kMaxChainBytes = size_t{256} << 10;
constexpr size_t kMaxChainLength = 16;

// One PEM block, freed and wiped: a private key that strayed in is still one.
struct Block {
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;

  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() {
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<size_t>(size));
  }
};

std::string Join(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : "; ") + part;
  return out;
}

// "certificate", "certificate 2 of the chain": how a message names one.
std::string Which(size_t index) {
  return index == 0 ? "certificate" : "certificate " + std::to_string(index + 1) + " of the chain";
}

bool Covers(const std::set<std::string>& listed, const std::string& name) {
  if (listed.contains(name)) return true;
  const size_t dot = name.find('.');
  return dot != std::string::npos && listed.contains("*" + name.substr(dot));
}

void CheckNames(const Certificate& leaf, std::span<const Hostname> names, NameRule rule,
                std::vector<std::string>& wrong) {
  const std::vector<std::string> present = leaf.DnsNames();
  const std::set<std::string> listed(present.begin(), present.end());
  std::set<std::string> wanted;
  for (const Hostname& name : names) {
    wanted.insert(name.ascii());
    const bool covered =
        rule == NameRule::kExactly ? listed.contains(name.ascii()) : Covers(listed, name.ascii());
    if (!covered) wrong.push_back("certificate lacks the name " + name.Display());
  }
  if (rule == NameRule::kAtLeast) return;
  for (const std::string& name : listed) {
    if (!wanted.contains(name)) {
      wrong.push_back("certificate carries the name " + Quoted(name) + " that nobody asked for");
    }
  }
}

}  // namespace

Result<std::vector<Certificate>> ParseChain(std::string_view pem) {
  const ErrorScope errors;
  if (pem.size() > kMaxChainBytes)
    return InvalidArgument("certificate chain is longer than 256 KiB");
  const OwnedBio bio = ReadFrom(pem);
  std::vector<Certificate> chain;
  while (true) {
    Block block;
    if (PEM_read_bio(bio.get(), &block.name, &block.header, &block.data, &block.size) != 1) {
      if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) break;
      return InvalidArgument("certificate chain holds a damaged PEM block");
    }
    if (std::string_view(block.name) != "CERTIFICATE") {
      return InvalidArgument("certificate chain holds a block of another kind: " +
                             Quoted(block.name));
    }
    if (chain.size() == kMaxChainLength) {
      return InvalidArgument("certificate chain holds more than 16 certificates");
    }
    LS_ASSIGN_OR_RETURN(Certificate certificate,
                        Certificate::FromDer({reinterpret_cast<const char*>(block.data),
                                              static_cast<size_t>(block.size)}));
    chain.push_back(std::move(certificate));
  }
  if (chain.empty()) return InvalidArgument("text holds no certificate");
  return chain;
}

std::string RenderChain(std::span<const Certificate> chain) {
  std::string pem;
  for (const Certificate& certificate : chain) pem += certificate.Pem();
  return pem;
}

Status CheckChain(std::span<const Certificate> chain, const PrivateKey& key,
                  std::span<const Hostname> names, WallTime now, NameRule rule) {
  if (chain.empty()) return FailedPrecondition("there is no certificate");
  std::vector<std::string> wrong;
  const Certificate& leaf = chain.front();
  if (!leaf.PublicKeyMatches(key)) wrong.push_back("certificate does not match its private key");
  if (leaf.IsCa()) wrong.push_back("certificate is a CA's, not a server's");
  CheckNames(leaf, names, rule, wrong);
  for (size_t i = 0; i < chain.size(); ++i) {
    if (now < chain[i].NotBefore()) {
      wrong.push_back(Which(i) + " is not valid before " + FormatTime(chain[i].NotBefore()));
    }
    if (now > chain[i].NotAfter()) {
      wrong.push_back(Which(i) + " expired at " + FormatTime(chain[i].NotAfter()));
    }
    if (i + 1 == chain.size()) break;
    if (!chain[i + 1].IsCa()) wrong.push_back(Which(i + 1) + " is not a CA's");
    if (!chain[i].IsSignedBy(chain[i + 1])) {
      wrong.push_back(Which(i) + " is not signed by the one after it");
    }
  }
  return wrong.empty() ? Status::Ok() : FailedPrecondition(Join(wrong));
}

}  // namespace lockstep::crypto

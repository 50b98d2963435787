#include "common/crypto/sealing.h"

#include <algorithm>

#include "common/base/encoding.h"
#include "common/base/hostname.h"
#include "common/crypto/digest.h"
#include "common/crypto/openssl.h"
#include "common/fsutil/files.h"

namespace lockstep::crypto {
namespace {

constexpr std::string_view kVersion = "ls1";
constexpr size_t kKeyBytes = 32;
constexpr size_t kIdBytes = 8;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kHeaderBytes = kVersion.size() + kIdBytes;
constexpr size_t kMaxPlaintextBytes = size_t{64} << 20;

int Size(std::string_view text) { return static_cast<int>(text.size()); }

// The header is authenticated too: "ls1" ‖ key id ‖ associated data.
std::string Authenticated(std::string_view header, std::string_view associated_data) {
  return std::string(header) + std::string(associated_data);
}

}  // namespace

Result<SealingKey> SealingKey::FromBytes(Secret bytes) {
  if (bytes.size() != kKeyBytes) {
    return InvalidArgument("sealing key has " + std::to_string(bytes.size()) +
                           " bytes: 32 are needed");
  }
  std::string id = HmacSha256(bytes.Reveal(), "lockstep sealing key id").substr(0, kIdBytes);
  return SealingKey(std::move(bytes), std::move(id));
}

Result<SealingKey> SealingKey::FromFile(const std::string& path) {
  LS_ASSIGN_OR_RETURN(std::string text, fsutil::ReadSecretFile(path));
  const Secret content(std::move(text));
  std::string_view bytes = content.Reveal();
  if (bytes.size() == kKeyBytes) return FromBytes(Secret::CopyOf(bytes));
  while (bytes.ends_with('\n') || bytes.ends_with('\r')) bytes.remove_suffix(1);
  if (bytes.size() == 2 * kKeyBytes) {
    Result<std::string> key = HexDecode(bytes);
    if (key.ok()) return FromBytes(Secret(std::move(key).value()));
  }
  return FailedPrecondition("sealing key file " + Quoted(path) +
                            " holds neither 32 bytes nor 64 hex digits");
}

Status SealingKey::CreateFile(const std::string& path) {
  std::string bytes = RandomBytes(kKeyBytes);
  std::string text = HexEncode(bytes) + "\n";
  Status status = fsutil::WriteNew(path, text, 0600);
  Wipe(bytes);
  Wipe(text);
  return status;
}

std::string SealingKey::KeyIdHex() const { return HexEncode(id_); }

Result<std::string> SealingKey::Seal(std::string_view plaintext,
                                     std::string_view associated_data) const {
  if (plaintext.size() > kMaxPlaintextBytes) return InvalidArgument("text to seal is too long");
  std::string sealed = std::string(kVersion) + id_;
  const std::string authenticated = Authenticated(sealed, associated_data);
  const std::string nonce = RandomBytes(kNonceBytes);
  sealed += nonce;
  const size_t start = sealed.size();
  sealed.resize(start + plaintext.size() + kTagBytes);
  unsigned char* out = Bytes(sealed) + start;

  const OwnedCipher context(EVP_CIPHER_CTX_new());
  int size = 0;
  LS_CHECK(EVP_EncryptInit_ex2(context.get(), EVP_aes_256_gcm(), Bytes(key_.Reveal()), Bytes(nonce),
                               nullptr) == 1);
  LS_CHECK(EVP_EncryptUpdate(context.get(), nullptr, &size, Bytes(authenticated),
                             Size(authenticated)) == 1);
  LS_CHECK(EVP_EncryptUpdate(context.get(), out, &size, Bytes(plaintext), Size(plaintext)) == 1);
  LS_CHECK(EVP_EncryptFinal_ex(context.get(), out + size, &size) == 1);
  LS_CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                               out + plaintext.size()) == 1);
  return sealed;
}

Result<Secret> SealingKey::Open(std::string_view sealed, std::string_view associated_data) const {
  const ErrorScope errors;
  if (sealed.size() < kHeaderBytes + kNonceBytes + kTagBytes || !sealed.starts_with(kVersion) ||
      sealed.size() > kMaxPlaintextBytes + 1024) {
    return DataLoss("sealed text is damaged");
  }
  const std::string_view header = sealed.substr(0, kHeaderBytes);
  const std::string_view id = header.substr(kVersion.size());
  if (id != id_) {
    return FailedPrecondition("sealed with key " + HexEncode(id) + ", not with the present key " +
                              KeyIdHex());
  }
  const std::string_view nonce = sealed.substr(kHeaderBytes, kNonceBytes);
  const std::string_view body = sealed.substr(
      kHeaderBytes + kNonceBytes, sealed.size() - kHeaderBytes - kNonceBytes - kTagBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  const std::string authenticated = Authenticated(header, associated_data);

  const OwnedCipher context(EVP_CIPHER_CTX_new());
  std::string plaintext(body.size(), '\0');
  int size = 0;
  const bool opened =
      EVP_DecryptInit_ex2(context.get(), EVP_aes_256_gcm(), Bytes(key_.Reveal()), Bytes(nonce),
                          nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, Bytes(authenticated), Size(authenticated)) ==
          1 &&
      EVP_DecryptUpdate(context.get(), Bytes(plaintext), &size, Bytes(body), Size(body)) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), Bytes(plaintext) + size, &size) == 1;
  Secret secret(std::move(plaintext));
  if (!opened) return DataLoss("sealed text is damaged or belongs elsewhere");
  return secret;
}

}  // namespace lockstep::crypto

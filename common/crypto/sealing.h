// Encrypting what lies at rest: private keys in the database, under a key from a 0600 file.
#pragma once

#include <string>
#include <string_view>

#include "common/crypto/secret.h"
#include "common/status/status.h"

namespace lockstep::crypto {

// AES-256-GCM (NIST SP 800-38D) with a fresh random 96-bit nonce per message:
//   "ls1" ‖ key id (8 bytes) ‖ nonce (12) ‖ ciphertext ‖ tag (16)
// One key seals at most 2^32 messages by that standard: far beyond any fleet's certificates.
class SealingKey {
 public:
  // A secret file (fsutil::ReadSecretFile) of 32 raw bytes or 64 hex digits.
  static Result<SealingKey> FromFile(const std::string& path);
  // 32 raw bytes.
  static Result<SealingKey> FromBytes(Secret bytes);
  // Makes a new key file, 64 hex digits, 0600; ALREADY_EXISTS rather than replace one.
  static Status CreateFile(const std::string& path);

  // `associated_data` says where the text belongs ("certificate/www/4"); Open must be given the
  // same, so that a sealed text moved to another row is refused.
  Result<std::string> Seal(std::string_view plaintext, std::string_view associated_data) const;
  // FAILED_PRECONDITION if sealed with another key (names both key ids), DATA_LOSS if damaged or
  // sealed for another place.
  Result<Secret> Open(std::string_view sealed, std::string_view associated_data) const;

  // Eight hex-encoded bytes that name the key and tell nothing about it.
  std::string KeyIdHex() const;

 private:
  SealingKey(Secret key, std::string id) : key_(std::move(key)), id_(std::move(id)) {}
  Secret key_;
  std::string id_;  // 8 raw bytes
};

}  // namespace lockstep::crypto

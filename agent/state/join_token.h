// The token by which a machine becomes a node, as an operator hands it over.
#pragma once

#include <string>
#include <string_view>

#include "common/base/names.h"
#include "common/crypto/secret.h"
#include "common/status/status.h"

namespace lockstep::agent::state {

// "ls1.<node>.<id>.<secret>.<ca pin>": the id is 16 hex digits, the secret 24 random bytes and the
// pin the SHA-256 of the CA's SubjectPublicKeyInfo, both base64url.
struct JoinToken {
  NodeName node;
  std::string id;
  crypto::Secret secret;
  std::string ca_pin;

  // Surrounding white space is fine. Never quotes the text in its errors.
  static Result<JoinToken> Parse(std::string_view text);
};

}  // namespace lockstep::agent::state

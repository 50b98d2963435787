// The ACME account: one for each CA, shared by all lineages, kept by certbot.
//
//   <accounts>/<host[:port]>/<path of the directory URL>/<id>/{private_key,regr,meta}.json
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/status/status.h"

namespace lockstep::controller::drivers::certbot {

struct Account {
  std::string id;          // certbot's name for it: 32 hex digits
  std::string thumbprint;  // base64url SHA-256 of its key (RFC 7638 §3)
};

// "https://acme.example/directory" -> "acme.example/directory", as certbot does.
std::string ServerPath(std::string_view directory_url);

// The complete account of a CA with the first id, if there is one; one that a killed registration
// left half-written is none.
Result<std::optional<Account>> FindAccount(const std::string& accounts_directory,
                                           std::string_view directory_url);

// Of a JSON Web Key, private or public: RSA or EC. INVALID_ARGUMENT without the key itself.
Result<std::string> Thumbprint(std::string_view jwk);

}  // namespace lockstep::controller::drivers::certbot

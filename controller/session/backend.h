// What the services of this room ask of the domain.
#pragma once

#include <functional>
#include <string>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/names.h"
#include "common/crypto/secret.h"
#include "common/status/status.h"

namespace lockstep::controller::session {

// Of a certificate request (RFC 2986, PEM).
inline constexpr size_t kMaxCsrBytes = size_t{16} * 1024;

// Who gives nodes their certificates. Called on the state strand; `done` is called once, from any
// thread.
class IdentityIssuer {
 public:
  struct Identity {
    std::string certificate_pem;
    std::string ca_pem;
    PopName pop;
    WallTime not_after;
  };
  using Done = std::function<void(Result<Identity>)>;

  virtual ~IdentityIssuer() = default;
  // Redeems a join token.
  virtual void Enroll(const NodeName& node, const std::string& token_id, crypto::Secret secret,
                      const std::string& csr_pem, Done done) = 0;
  // A fresh certificate for a node that has one.
  virtual void Renew(const NodeName& node, const std::string& csr_pem, Done done) = 0;
};

// Who knows the live challenges. Called on the state strand.
class ChallengeLookup {
 public:
  virtual ~ChallengeLookup() = default;
  // The key authorization that `node` may serve for (host, token). NOT_FOUND if none lives.
  virtual Result<std::string> Get(const NodeName& node, const Hostname& host,
                                  const ChallengeToken& token) = 0;
};

}  // namespace lockstep::controller::session

// CertIssuer: what obtains a certificate from a CA. controller/drivers/certbot implements it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/names.h"
#include "common/status/status.h"

namespace lockstep::controller::certs {

struct IssueRequest {
  OrderId order;
  std::string lineage;          // a host name in A-label form; names the directories
  std::vector<Hostname> hosts;  // exactly what the certificate must cover
  std::string secret;           // of the order, for the hook; never in argv or the environment
  // The leaf served now, SHA-256 in lower-case hex: what comes out must be another one. Empty at
  // the first issue.
  std::string current_leaf_sha256;
  Micros deadline{0};  // from Start; then the run is killed
};

// What came of it. With an ok status the lineage was read from disk and checked: names, key, chain,
// dates.
struct IssueResult {
  Status status;
  std::string ca_error;   // the CA's own words, dug out of the log; empty if it had none
  std::string chain_pem;  // leaf first
  std::string key_pem;    // secret
};

// Thread-safe. The issuer calls the hook socket of the controller while it runs, once for all
// challenges of an order, and fails closed if that fails.
class CertIssuer {
 public:
  virtual ~CertIssuer() = default;
  // Never blocks. `done` is called once, from any thread, also after Cancel.
  virtual void Start(IssueRequest request, std::function<void(IssueResult)> done) = 0;
  // Ends the order's run, with no orphan left; its result is CANCELLED. No effect if it has ended.
  virtual void Cancel(const OrderId& order) = 0;
  // base64url SHA-256 thumbprint of the ACME account's key (RFC 7638 §3): blocking, registers the
  // account with the CA if there is none. UNAVAILABLE if the CA does not answer.
  virtual Result<std::string> EnsureAccount() = 0;
};

}  // namespace lockstep::controller::certs

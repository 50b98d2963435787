// The fleet's own certificate authority: who the controller and the nodes are to each other.
//
//   <dir>/ca.key   0600, the CA's private key
//   <dir>/ca.pem   its certificate
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ip.h"
#include "common/base/names.h"
#include "common/crypto/certificate.h"
#include "common/crypto/issue.h"
#include "common/crypto/key.h"
#include "common/status/status.h"

namespace lockstep::controller::identity {

inline constexpr Micros kNodeIdentityLifetime = std::chrono::hours(30 * 24);
inline constexpr Micros kServerLifetime = std::chrono::hours(90 * 24);
inline constexpr Micros kCaLifetime = std::chrono::hours(20 * 365 * 24);
// Certificates begin this long before they are made: a node's clock may be slow.
inline constexpr Micros kBackdate = std::chrono::minutes(5);

// "lockstep://fleet/node/fra1" ↔ fra1.
std::string NodeUri(const NodeName& node);
Result<NodeName> ParseNodeUri(std::string_view uri);

// Who a peer's certificate says it is. UNAUTHENTICATED unless it carries exactly one URI, of that
// form, and may be used by a client. The chain was checked by TLS.
struct NodeIdentity {
  NodeName node;
  std::string serial_hex;
  WallTime not_after;
};
Result<NodeIdentity> ReadNodeIdentity(const crypto::Certificate& certificate);

class FleetCa {
 public:
  // Makes key and certificate; ALREADY_EXISTS rather than replace a CA.
  static Result<FleetCa> Create(const std::string& directory, std::string_view fleet, WallTime now);
  // Checks that key and certificate belong together.
  static Result<FleetCa> Open(const std::string& directory);

  const crypto::Certificate& certificate() const { return certificate_; }
  // base64url SHA-256 of the CA's public key (SPKI): what a join token carries.
  std::string Pin() const;

  // A 30-day client certificate for `node` over the request's key. The request's own names are
  // ignored.
  Result<crypto::Certificate> IssueNode(const NodeName& node, const crypto::Csr& csr,
                                        WallTime now) const;
  // A 90-day server certificate.
  Result<crypto::Certificate> IssueServer(const crypto::PublicKey& key,
                                          const std::vector<std::string>& dns_names,
                                          const std::vector<IpAddress>& addresses,
                                          WallTime now) const;
  // A signature over (purpose, bytes) that nodes check against the CA certificate with
  // SignedBytes below. `purpose` keeps kinds of signed bytes apart ("manifest").
  std::string Sign(std::string_view purpose, std::string_view bytes) const;

 private:
  FleetCa(crypto::PrivateKey key, crypto::Certificate certificate)
      : key_(std::move(key)), certificate_(std::move(certificate)) {}
  crypto::PrivateKey key_;
  crypto::Certificate certificate_;
};

// The bytes that Sign signs: "lockstep <purpose>\0" ‖ SHA-256(bytes). For who verifies without this
// room.
std::string SignedBytes(std::string_view purpose, std::string_view bytes);

}  // namespace lockstep::controller::identity

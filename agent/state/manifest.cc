#include "agent/state/manifest.h"

#include <string>
#include <string_view>

#include "common/base/hostname.h"
#include "common/crypto/digest.h"
#include "common/crypto/key.h"

namespace lockstep::agent::state {
namespace {

constexpr std::string_view kPurpose("lockstep manifest\0", 18);

}  // namespace

Result<snapshot::Version> VerifyManifest(const types::v1::SignedManifest& manifest,
                                         const Authority& authority) {
  LS_ASSIGN_OR_RETURN(const crypto::PublicKey key, authority.ca.SubjectPublicKey());
  const std::string signed_bytes = std::string(kPurpose) + crypto::Sha256(manifest.manifest());
  if (!key.Verify(signed_bytes, manifest.signature()).ok()) {
    return Unauthenticated("manifest is not signed by the fleet's ca");
  }
  LS_ASSIGN_OR_RETURN(const types::v1::Manifest parsed, snapshot::ParseManifest(manifest));
  LS_ASSIGN_OR_RETURN(snapshot::Version version, snapshot::VersionOf(parsed));
  if (parsed.node() != authority.node.str()) {
    return PermissionDenied("manifest was made for node " + Quoted(parsed.node()) +
                            ", and this is " + authority.node.str());
  }
  return version;
}

}  // namespace lockstep::agent::state

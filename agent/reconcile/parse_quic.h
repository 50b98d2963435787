// QUIC's part of a snapshot, parsed and checked. Errors name the field.
#pragma once

#include <string>
#include <string_view>

#include "agent/reconcile/quic.h"
#include "common/status/status.h"
#include "lockstep/types/v1/snapshot.pb.h"

namespace lockstep::agent::reconcile {

// "peers[2]": a place in a list, for messages.
std::string Indexed(std::string_view field, int index);

// INVALID_ARGUMENT for a server that this agent does not know: nobody else would serve UDP 443.
Result<QuicServer> ParseQuicServer(const types::v1::NodeSettings& message);
Result<QuicIdentity> ParseQuicIdentity(const types::v1::QuicIdentity& message);
// Takes the keys out of `message`.
Result<QuicKeys> TakeQuicKeys(types::v1::QuicKeys& message);
Result<QuicPolicy> ParseQuicPolicy(const types::v1::QuicPolicy& message);
// A header value (RFC 9110 §5.5) of at most 1024 bytes, or nothing.
Result<std::string> ParseAltSvc(const std::string& value);

}  // namespace lockstep::agent::reconcile

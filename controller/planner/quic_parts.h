// What a plan says of QUIC: the resource of keys, and the nodes' own settings. Private to the room.
#pragma once

#include <map>
#include <string>

#include "common/snapshot/snapshot.h"
#include "controller/model/quic_keys.h"
#include "controller/planner/planner.h"
#include "lockstep/types/v1/snapshot.pb.h"

namespace lockstep::controller::planner {

types::v1::QuicKeys QuicKeysPart(const model::QuicKeys& keys);

// Takes the QUIC settings of a serialised NodeSettings over; false if it does not parse.
bool CopyQuic(const std::string& from, types::v1::NodeSettings* to);

// The resources of single nodes in a stored generation.
void RemoveNodeParts(snapshot::Snapshot* stored);

// What the nodes of the plan are to show, read from its resources.
std::map<NodeName, model::QuicTermsPtr> FindQuicTerms(const Plan& plan);

// Of the nodes in both plans one has other QUIC settings.
bool DiffersInQuic(const Plan& before, const Plan& after);

// The nodes as `failed` knows them, each with the QUIC settings that it had in `stable`. One that
// `stable` does not know keeps its own, but for lockstep-quicd where `stable` carries no keys.
std::map<NodeName, snapshot::Body> NodePartsForRollback(const Plan& stable, const Plan& failed);

}  // namespace lockstep::controller::planner

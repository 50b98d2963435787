// The model's nouns as operators see them.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <optional>
#include <string>

#include "controller/fleet/fleet.h"
#include "controller/model/certificate.h"
#include "controller/model/generation.h"
#include "controller/model/node.h"
#include "controller/model/proof.h"
#include "controller/promises/promises.h"
#include "lockstep/admin/v1/admin.pb.h"

namespace lockstep::controller::adminapi {

google::protobuf::Timestamp ToProto(WallTime time);

// What a certificate or site is stored as that an operator may name in Unicode or capitals: the
// A-labels of a host name, anything else as it is.
std::string StoredName(const std::string& name);

admin::v1::Token ToProto(const model::JoinToken& token);
admin::v1::Event ToProto(const model::Event& event);
// Without its proofs.
admin::v1::Order ToProto(const model::Order& order);
admin::v1::NodeProof ToProto(const model::Proof& proof);
// What the model alone knows; progress is for who asks the publisher.
admin::v1::Generation ToProto(const model::Generation& generation);
admin::v1::Certificate ToProto(const model::Certificate& certificate);
admin::v1::Node ToProto(const fleet::LiveNode& node);
admin::v1::AltSvcSite ToProto(const promises::SiteView& view);
// How far it follows the fleet's wish to withdraw, as in admin.v1.Node.
std::string FollowingName(const fleet::LiveNode& node);

}  // namespace lockstep::controller::adminapi

// The domain's nouns as the admin API shows them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/adminapi/rooms.h"
#include "lockstep/admin/v1/certificates.pb.h"
#include "lockstep/admin/v1/generations.pb.h"
#include "lockstep/admin/v1/nodes.pb.h"
#include "lockstep/admin/v1/sites.pb.h"
#include "lockstep/admin/v1/status.pb.h"

namespace lockstep::controller::adminapi {

void SetTime(WallTime time, google::protobuf::Timestamp* out);

void Translate(const Rooms& rooms, const fleet::LiveNode& live, admin::v1::Node* out);
void Translate(const model::JoinToken& token, admin::v1::Token* out);
void Translate(const Rooms& rooms, const model::Site& site, admin::v1::Site* out);
void Translate(const sites::SiteChange& change, admin::v1::SiteChange* out);
void Translate(const Rooms& rooms, const model::Certificate& certificate,
               admin::v1::Certificate* out);
// Without proofs.
void Translate(const model::Order& order, admin::v1::Order* out);
void Translate(const model::Proof& proof, admin::v1::NodeProof* out);
void Translate(const Rooms& rooms, const model::Generation& generation, admin::v1::Generation* out);
void Translate(const model::Event& event, admin::v1::Event* out);

// A page of a listing: the items after `token` (the last item's key), at most `size`.
struct Page {
  size_t size = 0;
  std::string after;
};
// INVALID_ARGUMENT naming the field for a size above 10,000.
Result<Page> ReadPage(uint32_t page_size, const std::string& page_token, uint32_t usual = 1000);

}  // namespace lockstep::controller::adminapi

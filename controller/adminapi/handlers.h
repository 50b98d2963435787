// The handlers of the admin API, a function for each call. They run on the state strand.
#pragma once

#include "controller/adminapi/rooms.h"
#include "lockstep/admin/v1/admin.pb.h"

namespace lockstep::controller::adminapi {

namespace v1 = admin::v1;

// status.cc
void Handle(Rooms& rooms, const v1::GetStatusRequest&, v1::GetStatusResponse*, ReplyPtr reply);
void Handle(Rooms& rooms, const v1::ListEventsRequest&, v1::ListEventsResponse*, ReplyPtr reply);

// nodes.cc
void Handle(Rooms& rooms, const v1::ListNodesRequest&, v1::ListNodesResponse*, ReplyPtr reply);
void Handle(Rooms& rooms, const v1::GetNodeRequest&, v1::GetNodeResponse*, ReplyPtr reply);
void Handle(Rooms& rooms, const v1::BanNodeRequest&, v1::BanNodeResponse*, ReplyPtr reply);
void Handle(Rooms& rooms, const v1::UnbanNodeRequest&, v1::UnbanNodeResponse*, ReplyPtr reply);
void Handle(Rooms& rooms, const v1::RemoveNodeRequest&, v1::RemoveNodeResponse*, ReplyPtr reply);
void Handle(Rooms& rooms, const v1::CreateTokenRequest&, v1::CreateTokenResponse*, ReplyPtr reply);
void Handle(Rooms& rooms, const v1::ListTokensRequest&, v1::ListTokensResponse*, ReplyPtr reply);
void Handle(Rooms& rooms, const v1::RevokeTokenRequest&, v1::RevokeTokenResponse*, ReplyPtr reply);

// sites.cc
void Handle(Rooms& rooms, const v1::ApplySitesRequest&, v1::ApplySitesResponse*, ReplyPtr reply);
void Handle(Rooms& rooms, const v1::ListSitesRequest&, v1::ListSitesResponse*, ReplyPtr reply);
void Handle(Rooms& rooms, const v1::GetSiteRequest&, v1::GetSiteResponse*, ReplyPtr reply);
void Handle(Rooms& rooms, const v1::DeleteSiteRequest&, v1::DeleteSiteResponse*, ReplyPtr reply);

// certificates.cc
void Handle(Rooms& rooms, const v1::ListCertificatesRequest&, v1::ListCertificatesResponse*,
            ReplyPtr reply);
void Handle(Rooms& rooms, const v1::GetCertificateRequest&, v1::GetCertificateResponse*,
            ReplyPtr reply);
void Handle(Rooms& rooms, const v1::CheckCertificateRequest&, v1::CheckCertificateResponse*,
            ReplyPtr reply);
void Handle(Rooms& rooms, const v1::IssueCertificateRequest&, v1::IssueCertificateResponse*,
            ReplyPtr reply);

// orders.cc
void Handle(Rooms& rooms, const v1::ListOrdersRequest&, v1::ListOrdersResponse*, ReplyPtr reply);
void Handle(Rooms& rooms, const v1::GetOrderRequest&, v1::GetOrderResponse*, ReplyPtr reply);
void Handle(Rooms& rooms, const v1::ListChallengesRequest&, v1::ListChallengesResponse*,
            ReplyPtr reply);

// generations.cc
void Handle(Rooms& rooms, const v1::ListGenerationsRequest&, v1::ListGenerationsResponse*,
            ReplyPtr reply);
void Handle(Rooms& rooms, const v1::GetGenerationRequest&, v1::GetGenerationResponse*,
            ReplyPtr reply);
void Handle(Rooms& rooms, const v1::DiffGenerationsRequest&, v1::DiffGenerationsResponse*,
            ReplyPtr reply);

}  // namespace lockstep::controller::adminapi

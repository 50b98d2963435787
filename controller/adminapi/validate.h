// The form of every request, before the domain sees it. INVALID_ARGUMENT with the field's path.
#pragma once

#include "common/status/status.h"
#include "lockstep/admin/v1/admin.pb.h"

namespace lockstep::controller::adminapi {

namespace v1 = lockstep::admin::v1;

Status Validate(const v1::GetStatusRequest& request);
Status Validate(const v1::ListNodesRequest& request);
Status Validate(const v1::GetNodeRequest& request);
Status Validate(const v1::BanNodeRequest& request);
Status Validate(const v1::UnbanNodeRequest& request);
Status Validate(const v1::RemoveNodeRequest& request);
Status Validate(const v1::DeclareNodeGoneRequest& request);
Status Validate(const v1::CreateTokenRequest& request);
Status Validate(const v1::ListTokensRequest& request);
Status Validate(const v1::RevokeTokenRequest& request);
Status Validate(const v1::ApplySitesRequest& request);
Status Validate(const v1::ListSitesRequest& request);
Status Validate(const v1::GetSiteRequest& request);
Status Validate(const v1::DeleteSiteRequest& request);
Status Validate(const v1::ApplyPolicyRequest& request);
Status Validate(const v1::GetPolicyRequest& request);
Status Validate(const v1::ExplainPolicyRequest& request);
Status Validate(const v1::GetQuicKeysRequest& request);
Status Validate(const v1::RotateQuicKeysRequest& request);
Status Validate(const v1::GetAltSvcRequest& request);
Status Validate(const v1::SwitchAltSvcRequest& request);
Status Validate(const v1::LintSitesRequest& request);
Status Validate(const v1::IssueCertificateRequest& request);
Status Validate(const v1::ListCertificatesRequest& request);
Status Validate(const v1::GetCertificateRequest& request);
Status Validate(const v1::CheckCertificateRequest& request);
Status Validate(const v1::ListOrdersRequest& request);
Status Validate(const v1::GetOrderRequest& request);
Status Validate(const v1::WatchOrderRequest& request);
Status Validate(const v1::ListChallengesRequest& request);
Status Validate(const v1::ListGenerationsRequest& request);
Status Validate(const v1::GetGenerationRequest& request);
Status Validate(const v1::DiffGenerationsRequest& request);
Status Validate(const v1::ListEventsRequest& request);
Status Validate(const v1::WatchEventsRequest& request);

}  // namespace lockstep::controller::adminapi

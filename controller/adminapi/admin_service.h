// AdminService: everything an operator can do. A thin skin: validate, go to the state strand,
// translate, answer.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "common/rpc/reply.h"
#include "controller/adminapi/rooms.h"
#include "controller/adminapi/validate.h"
#include "controller/edge/zone.h"
#include "lockstep/admin/v1/admin.grpc.pb.h"

namespace lockstep::controller::adminapi {

class AdminService final : public v1::AdminService::CallbackService {
 public:
  explicit AdminService(Rooms rooms) : rooms_(std::move(rooms)) {}

  using Context = grpc::CallbackServerContext;
  using Unary = grpc::ServerUnaryReactor;

  // overview.cc
  Unary* GetStatus(Context*, const v1::GetStatusRequest*, v1::GetStatusResponse*) override;
  Unary* ListEvents(Context*, const v1::ListEventsRequest*, v1::ListEventsResponse*) override;

  // nodes.cc
  Unary* ListNodes(Context*, const v1::ListNodesRequest*, v1::ListNodesResponse*) override;
  Unary* GetNode(Context*, const v1::GetNodeRequest*, v1::GetNodeResponse*) override;
  Unary* BanNode(Context*, const v1::BanNodeRequest*, v1::BanNodeResponse*) override;
  Unary* UnbanNode(Context*, const v1::UnbanNodeRequest*, v1::UnbanNodeResponse*) override;
  Unary* RemoveNode(Context*, const v1::RemoveNodeRequest*, v1::RemoveNodeResponse*) override;
  Unary* DeclareNodeGone(Context*, const v1::DeclareNodeGoneRequest*,
                         v1::DeclareNodeGoneResponse*) override;
  Unary* CreateToken(Context*, const v1::CreateTokenRequest*, v1::CreateTokenResponse*) override;
  Unary* ListTokens(Context*, const v1::ListTokensRequest*, v1::ListTokensResponse*) override;
  Unary* RevokeToken(Context*, const v1::RevokeTokenRequest*, v1::RevokeTokenResponse*) override;

  // sites.cc
  Unary* ApplySites(Context*, const v1::ApplySitesRequest*, v1::ApplySitesResponse*) override;
  Unary* ListSites(Context*, const v1::ListSitesRequest*, v1::ListSitesResponse*) override;
  Unary* GetSite(Context*, const v1::GetSiteRequest*, v1::GetSiteResponse*) override;
  Unary* DeleteSite(Context*, const v1::DeleteSiteRequest*, v1::DeleteSiteResponse*) override;

  // policy.cc
  Unary* ApplyPolicy(Context*, const v1::ApplyPolicyRequest*, v1::ApplyPolicyResponse*) override;
  Unary* GetPolicy(Context*, const v1::GetPolicyRequest*, v1::GetPolicyResponse*) override;
  Unary* ExplainPolicy(Context*, const v1::ExplainPolicyRequest*,
                       v1::ExplainPolicyResponse*) override;
  Unary* GetQuicKeys(Context*, const v1::GetQuicKeysRequest*, v1::GetQuicKeysResponse*) override;
  Unary* RotateQuicKeys(Context*, const v1::RotateQuicKeysRequest*,
                        v1::RotateQuicKeysResponse*) override;

  // alt_svc.cc
  Unary* GetAltSvc(Context*, const v1::GetAltSvcRequest*, v1::GetAltSvcResponse*) override;
  Unary* SwitchAltSvc(Context*, const v1::SwitchAltSvcRequest*, v1::SwitchAltSvcResponse*) override;

  // lint.cc
  Unary* LintSites(Context*, const v1::LintSitesRequest*, v1::LintSitesResponse*) override;

  // certificates.cc
  Unary* ListCertificates(Context*, const v1::ListCertificatesRequest*,
                          v1::ListCertificatesResponse*) override;
  Unary* GetCertificate(Context*, const v1::GetCertificateRequest*,
                        v1::GetCertificateResponse*) override;
  Unary* CheckCertificate(Context*, const v1::CheckCertificateRequest*,
                          v1::CheckCertificateResponse*) override;
  Unary* ListChallenges(Context*, const v1::ListChallengesRequest*,
                        v1::ListChallengesResponse*) override;

  // orders.cc
  Unary* IssueCertificate(Context*, const v1::IssueCertificateRequest*,
                          v1::IssueCertificateResponse*) override;
  Unary* ListOrders(Context*, const v1::ListOrdersRequest*, v1::ListOrdersResponse*) override;
  Unary* GetOrder(Context*, const v1::GetOrderRequest*, v1::GetOrderResponse*) override;

  // generations.cc
  Unary* ListGenerations(Context*, const v1::ListGenerationsRequest*,
                         v1::ListGenerationsResponse*) override;
  Unary* GetGeneration(Context*, const v1::GetGenerationRequest*,
                       v1::GetGenerationResponse*) override;
  Unary* DiffGenerations(Context*, const v1::DiffGenerationsRequest*,
                         v1::DiffGenerationsResponse*) override;

  // streams.cc
  grpc::ServerWriteReactor<v1::WatchOrderResponse>* WatchOrder(
      Context*, const v1::WatchOrderRequest*) override;
  grpc::ServerWriteReactor<v1::WatchEventsResponse>* WatchEvents(
      Context*, const v1::WatchEventsRequest*) override;

 private:
  using ReplyPtr = std::shared_ptr<rpc::Reply>;
  enum class Access { kRead, kChange };

  // Runs `work` on the state strand once the request is known to be well-formed; `method` is the
  // RPC's name. kChange is refused while the controller is read-only.
  template <typename Request>
  Unary* OnStrand(Context* context, std::string_view method, const Request* request,
                  std::function<void(const ReplyPtr&)> work, Access access = Access::kRead) {
    Status status = CheckRole(method);
    if (status.ok()) status = Validate(*request);
    return Post(context, status, std::move(work), access);
  }
  static Status CheckRole(std::string_view method);
  Unary* Post(Context* context, const Status& admitted, std::function<void(const ReplyPtr&)> work,
              Access access);

  // On the state strand.
  void FillProgress(v1::Node& node) const;
  // What nodes show of the certificate that came of a running order, or of one that failed late;
  // good looks as they were first.
  std::vector<model::Proof> CertificateProofsOf(const model::Order& order) const;
  void FillProofs(v1::Certificate& certificate, const model::Certificate& from) const;
  void FillProgress(v1::Generation& generation) const;
  void FillNodes(uint64_t number, v1::GetGenerationResponse* response) const;
  v1::Site ToSite(const model::Site& site,
                  const std::vector<model::Certificate>& certificates) const;
  edge::ZoneInput ToZone(const model::Site& site) const;
  void FillNodeCounts(const barrier::Verdict& verdict, v1::GetStatusResponse& response) const;
  void FillProblems(const barrier::Verdict& verdict, v1::GetStatusResponse& response) const;
  Status Explain(const v1::ExplainPolicyRequest& request,
                 v1::ExplainPolicyResponse* response) const;
  void AnswerOrder(const ReplyPtr& reply, const model::Order& order, v1::Order& out);

  Rooms rooms_;
};

}  // namespace lockstep::controller::adminapi

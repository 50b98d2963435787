#include <utility>
#include <vector>

#include "controller/adminapi/admin_service.h"
#include "controller/adminapi/paging.h"
#include "controller/adminapi/to_proto.h"

namespace lockstep::controller::adminapi {

void AdminService::FillProgress(v1::Node& node) const {
  const NodeName name = *NodeName::Parse(node.name());
  node.set_target_generation(rooms_.publisher.TargetOf(name));
  const auto progress = rooms_.publisher.FindProgress();
  if (progress && progress->proved.contains(name)) {
    node.set_proved_generation(progress->generation.number);
  } else if (rooms_.publisher.AppliedBy(name) == rooms_.publisher.proved_generation()) {
    node.set_proved_generation(rooms_.publisher.proved_generation());
  }
}

grpc::ServerUnaryReactor* AdminService::ListNodes(Context* context,
                                                  const v1::ListNodesRequest* request,
                                                  v1::ListNodesResponse* response) {
  return OnStrand(context, "ListNodes", request, [this, request, response](const ReplyPtr& reply) {
    const auto& nodes = rooms_.fleet.nodes();
    const size_t size = PageSize(request->page_size(), kNamesPerPage);
    const auto after = NodeName::Parse(request->page_token());
    auto node = after.ok() ? nodes.upper_bound(*after) : nodes.begin();
    for (; node != nodes.end() && std::cmp_less(response->nodes_size(), size); ++node) {
      *response->add_nodes() = ToProto(node->second);
      FillProgress(*response->mutable_nodes()->rbegin());
    }
    if (node != nodes.end()) response->set_next_page_token(response->nodes().rbegin()->name());
    reply->Finish(Status::Ok());
  });
}

grpc::ServerUnaryReactor* AdminService::GetNode(Context* context, const v1::GetNodeRequest* request,
                                                v1::GetNodeResponse* response) {
  return OnStrand(context, "GetNode", request, [this, request, response](const ReplyPtr& reply) {
    const fleet::LiveNode* node = rooms_.fleet.Find(*NodeName::Parse(request->name()));
    if (node == nullptr) return reply->Finish(NotFound("no node " + request->name()));
    *response->mutable_node() = ToProto(*node);
    FillProgress(*response->mutable_node());
    reply->Finish(Status::Ok());
  });
}

// Taking a right away works always, also while the controller is read-only.
grpc::ServerUnaryReactor* AdminService::BanNode(Context* context, const v1::BanNodeRequest* request,
                                                v1::BanNodeResponse* /*response*/) {
  return OnStrand(context, "BanNode", request, [this, request](const ReplyPtr& reply) {
    rooms_.fleet.Ban(*NodeName::Parse(request->name()), request->reason(),
                     [reply](const Status& status) { reply->Finish(status); });
  });
}

grpc::ServerUnaryReactor* AdminService::UnbanNode(Context* context,
                                                  const v1::UnbanNodeRequest* request,
                                                  v1::UnbanNodeResponse* /*response*/) {
  return OnStrand(
      context, "UnbanNode", request,
      [this, request](const ReplyPtr& reply) {
        rooms_.fleet.Unban(*NodeName::Parse(request->name()),
                           [reply](const Status& status) { reply->Finish(status); });
      },
      Access::kChange);
}

grpc::ServerUnaryReactor* AdminService::RemoveNode(Context* context,
                                                   const v1::RemoveNodeRequest* request,
                                                   v1::RemoveNodeResponse* /*response*/) {
  return OnStrand(
      context, "RemoveNode", request,
      [this, request](const ReplyPtr& reply) {
        rooms_.fleet.Remove(*NodeName::Parse(request->name()),
                            [reply](const Status& status) { reply->Finish(status); });
      },
      Access::kChange);
}

grpc::ServerUnaryReactor* AdminService::DeclareNodeGone(Context* context,
                                                        const v1::DeclareNodeGoneRequest* request,
                                                        v1::DeclareNodeGoneResponse* response) {
  return OnStrand(
      context, "DeclareNodeGone", request,
      [this, request, response](const ReplyPtr& reply) {
        rooms_.promises.DeclareGone(
            *NodeName::Parse(request->name()),
            [reply, response](const Result<std::vector<std::string>>& sites) {
              if (!sites.ok()) return reply->Finish(sites.status());
              response->mutable_sites()->Assign(sites->begin(), sites->end());
              reply->Finish(Status::Ok());
            });
      },
      Access::kChange);
}

grpc::ServerUnaryReactor* AdminService::CreateToken(Context* context,
                                                    const v1::CreateTokenRequest* request,
                                                    v1::CreateTokenResponse* response) {
  return OnStrand(
      context, "CreateToken", request,
      [this, request, response](const ReplyPtr& reply) {
        const Micros lifetime = Seconds(request->lifetime().seconds());
        rooms_.enrollment.CreateToken(
            *NodeName::Parse(request->node()), *PopName::Parse(request->pop()), lifetime,
            [reply, response](const Result<fleet::Enrollment::NewToken>& made) {
              if (!made.ok()) return reply->Finish(made.status());
              response->set_text(made->text);
              *response->mutable_token() = ToProto(made->token);
              reply->Finish(Status::Ok());
            });
      },
      Access::kChange);
}

grpc::ServerUnaryReactor* AdminService::ListTokens(Context* context,
                                                   const v1::ListTokensRequest* request,
                                                   v1::ListTokensResponse* response) {
  return OnStrand(context, "ListTokens", request, [this, request, response](const ReplyPtr& reply) {
    rooms_.enrollment.ListTokens(
        [reply, request, response](Result<std::vector<model::JoinToken>> tokens) {
          if (!tokens.ok()) return reply->Finish(tokens.status());
          // By creation; the token of a page is the id of its last.
          const size_t size = PageSize(request->page_size(), kNamesPerPage);
          bool begun = request->page_token().empty();
          for (const model::JoinToken& token : *tokens) {
            if (begun && std::cmp_equal(response->tokens_size(), size)) {
              response->set_next_page_token(response->tokens().rbegin()->id());
              break;
            }
            if (begun) *response->add_tokens() = ToProto(token);
            begun = begun || token.id == request->page_token();
          }
          reply->Finish(Status::Ok());
        });
  });
}

grpc::ServerUnaryReactor* AdminService::RevokeToken(Context* context,
                                                    const v1::RevokeTokenRequest* request,
                                                    v1::RevokeTokenResponse* /*response*/) {
  return OnStrand(context, "RevokeToken", request, [this, request](const ReplyPtr& reply) {
    rooms_.enrollment.RevokeToken(request->id(),
                                  [reply](const Status& status) { reply->Finish(status); });
  });
}

}  // namespace lockstep::controller::adminapi

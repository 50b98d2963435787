// Nodes and join tokens.
#include "controller/adminapi/handlers.h"
#include "controller/adminapi/translate.h"

namespace lockstep::controller::adminapi {
namespace {

constexpr size_t kMaxReasonBytes = 500;

// The field `name` of a request, which must be a node's.
template <typename Request>
Result<NodeName> ReadName(const Request& request) {
  auto node = NodeName::Parse(request.name());
  if (!node.ok()) return node.status().Prefixed("name");
  return node;
}

}  // namespace

void Handle(Rooms& rooms, const v1::ListNodesRequest& request, v1::ListNodesResponse* response,
            ReplyPtr reply) {
  const auto page = ReadPage(request.page_size(), request.page_token());
  if (!page.ok()) return reply->Finish(page.status());
  for (const auto& [name, live] : rooms.fleet.nodes()) {
    if (name.str() <= page->after) continue;
    if (static_cast<size_t>(response->nodes_size()) == page->size) {
      response->set_next_page_token(response->nodes().rbegin()->name());
      break;
    }
    Translate(rooms, live, response->add_nodes());
  }
  reply->Finish(Status::Ok());
}

void Handle(Rooms& rooms, const v1::GetNodeRequest& request, v1::GetNodeResponse* response,
            ReplyPtr reply) {
  const auto node = ReadName(request);
  if (!node.ok()) return reply->Finish(node.status());
  const fleet::LiveNode* live = rooms.fleet.Find(*node);
  if (live == nullptr) return reply->Finish(NotFound("no node " + node->str()));
  Translate(rooms, *live, response->mutable_node());
  reply->Finish(Status::Ok());
}

void Handle(Rooms& rooms, const v1::BanNodeRequest& request, v1::BanNodeResponse*,
            ReplyPtr reply) {
  const auto node = ReadName(request);
  if (!node.ok()) return reply->Finish(node.status());
  if (request.reason().size() > kMaxReasonBytes) {
    return reply->Finish(InvalidArgument("reason: must be at most 500 bytes"));
  }
  rooms.fleet.Ban(*node, request.reason(), [reply](const Status& status) { reply->Finish(status); });
}

void Handle(Rooms& rooms, const v1::UnbanNodeRequest& request, v1::UnbanNodeResponse*,
            ReplyPtr reply) {
  const auto node = ReadName(request);
  if (!node.ok()) return reply->Finish(node.status());
  rooms.fleet.Unban(*node, [reply](const Status& status) { reply->Finish(status); });
}

void Handle(Rooms& rooms, const v1::RemoveNodeRequest& request, v1::RemoveNodeResponse*,
            ReplyPtr reply) {
  const auto node = ReadName(request);
  if (!node.ok()) return reply->Finish(node.status());
  rooms.fleet.Remove(*node, [reply](const Status& status) { reply->Finish(status); });
}

void Handle(Rooms& rooms, const v1::CreateTokenRequest& request, v1::CreateTokenResponse* response,
            ReplyPtr reply) {
  const auto node = NodeName::Parse(request.node());
  if (!node.ok()) return reply->Finish(node.status().Prefixed("node"));
  const auto pop = PopName::Parse(request.pop());
  if (!pop.ok()) return reply->Finish(pop.status().Prefixed("pop"));
  const Micros lifetime = Seconds(request.lifetime().seconds());
  rooms.enrollment.CreateToken(*node, *pop, lifetime,
                               [reply, response](const Result<fleet::Enrollment::NewToken>& made) {
                                 if (!made.ok()) return reply->Finish(made.status());
                                 response->set_text(made->text);
                                 Translate(made->token, response->mutable_token());
                                 reply->Finish(Status::Ok());
                               });
}

void Handle(Rooms& rooms, const v1::ListTokensRequest& request, v1::ListTokensResponse* response,
            ReplyPtr reply) {
  const auto page = ReadPage(request.page_size(), request.page_token());
  if (!page.ok()) return reply->Finish(page.status());
  rooms.enrollment.ListTokens(
      [reply, response, page = *page](const Result<std::vector<model::JoinToken>>& tokens) {
        if (!tokens.ok()) return reply->Finish(tokens.status());
        bool started = page.after.empty();
        for (const model::JoinToken& token : *tokens) {
          if (!started) {
            started = token.id == page.after;
            continue;
          }
          if (static_cast<size_t>(response->tokens_size()) == page.size) {
            response->set_next_page_token(response->tokens().rbegin()->id());
            break;
          }
          Translate(token, response->add_tokens());
        }
        reply->Finish(Status::Ok());
      });
}

void Handle(Rooms& rooms, const v1::RevokeTokenRequest& request, v1::RevokeTokenResponse*,
            ReplyPtr reply) {
  if (request.id().empty()) return reply->Finish(InvalidArgument("id: is required"));
  rooms.enrollment.RevokeToken(request.id(),
                               [reply](const Status& status) { reply->Finish(status); });
}

}  // namespace lockstep::controller::adminapi

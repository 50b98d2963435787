#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "controller/adminapi/admin_service.h"
#include "controller/adminapi/paging.h"
#include "controller/adminapi/to_proto.h"
#include "controller/barrier/barrier.h"

namespace lockstep::controller::adminapi {
namespace {

std::vector<planner::ServedCertificate> ServedOf(const model::Certificate& certificate) {
  std::vector<planner::ServedCertificate> served;
  for (const Hostname& host : certificate.hosts) {
    served.push_back({host, certificate.name, certificate.leaf_sha256, certificate.not_after});
  }
  return served;
}

}  // namespace

void AdminService::FillProofs(v1::Certificate& certificate, const model::Certificate& from) const {
  const barrier::Verdict verdict =
      barrier::Evaluate(rooms_.fleet.Members(), publish::HandshakesOf(ServedOf(from)),
                        rooms_.fleet.service_addresses(), rooms_.fleet.book(), {});
  certificate.set_nodes_proved(static_cast<uint32_t>(verdict.proved));
  certificate.set_nodes_announced(static_cast<uint32_t>(verdict.members));
  *certificate.mutable_renew_at() = ToProto(rooms_.renewals.DueAt(from));
  if (const model::RenewalState* state = rooms_.renewals.Find(from.name)) {
    certificate.set_last_error(state->last_error);
  }
  const planner::ServedCertificate* served =
      from.hosts.empty() ? nullptr : rooms_.publisher.FindServed(from.hosts.front());
  if (served != nullptr && served->leaf_sha256 == from.leaf_sha256) {
    certificate.set_generation(rooms_.publisher.proved_generation());
  }
}

grpc::ServerUnaryReactor* AdminService::ListCertificates(Context* context,
                                                         const v1::ListCertificatesRequest* request,
                                                         v1::ListCertificatesResponse* response) {
  return OnStrand(
      context, "ListCertificates", request, [this, request, response](const ReplyPtr& reply) {
        const auto& all = rooms_.book.all();
        const size_t size = PageSize(request->page_size(), kNamesPerPage);
        auto next =
            request->page_token().empty() ? all.begin() : all.upper_bound(request->page_token());
        for (; next != all.end() && std::cmp_less(response->certificates_size(), size); ++next) {
          v1::Certificate& out = *response->add_certificates();
          out = ToProto(next->second);
          FillProofs(out, next->second);
        }
        if (next != all.end()) {
          response->set_next_page_token(response->certificates().rbegin()->name());
        }
        reply->Finish(Status::Ok());
      });
}

grpc::ServerUnaryReactor* AdminService::GetCertificate(Context* context,
                                                       const v1::GetCertificateRequest* request,
                                                       v1::GetCertificateResponse* response) {
  return OnStrand(
      context, "GetCertificate", request, [this, request, response](const ReplyPtr& reply) {
        const model::Certificate* certificate = rooms_.book.Find(StoredName(request->name()));
        if (certificate == nullptr) {
          return reply->Finish(NotFound("no certificate " + Quoted(request->name())));
        }
        *response->mutable_certificate() = ToProto(*certificate);
        FillProofs(*response->mutable_certificate(), *certificate);
        response->set_chain_pem(certificate->chain_pem);
        for (const model::Proof& proof : rooms_.checks.ProofsOf(*certificate)) {
          *response->add_proofs() = ToProto(proof);
        }
        reply->Finish(Status::Ok());
      });
}

grpc::ServerUnaryReactor* AdminService::CheckCertificate(Context* context,
                                                         const v1::CheckCertificateRequest* request,
                                                         v1::CheckCertificateResponse* response) {
  return OnStrand(
      context, "CheckCertificate", request, [this, request, response](const ReplyPtr& reply) {
        rooms_.checks.Check(StoredName(request->name()), [this, request, response, reply](
                                                             const Result<barrier::Verdict>& seen) {
          if (!seen.ok()) return reply->Finish(seen.status());
          response->set_in_step(seen->open);
          response->mutable_problems()->Assign(seen->missing.begin(), seen->missing.end());
          if (const model::Certificate* certificate =
                  rooms_.book.Find(StoredName(request->name()))) {
            for (const model::Proof& proof : rooms_.checks.ProofsOf(*certificate)) {
              *response->add_proofs() = ToProto(proof);
            }
          }
          reply->Finish(Status::Ok());
        });
      });
}

grpc::ServerUnaryReactor* AdminService::ListChallenges(Context* context,
                                                       const v1::ListChallengesRequest* request,
                                                       v1::ListChallengesResponse* response) {
  return OnStrand(
      context, "ListChallenges", request, [this, request, response](const ReplyPtr& reply) {
        std::vector<model::Challenge> live = rooms_.challenges.List();
        const auto key = [](const model::Challenge& challenge) {
          return challenge.order.str() + "/" + challenge.host.ascii() + "/" + challenge.token.str();
        };
        std::ranges::sort(live, {}, key);
        std::vector<std::string> keys;
        for (const model::Challenge& challenge : live) keys.push_back(key(challenge));
        const Page page =
            PageOf(keys, request->page_token(), PageSize(request->page_size(), kNamesPerPage));
        const std::vector<barrier::Member> members = rooms_.fleet.Members();
        for (size_t i = page.begin; i < page.end; ++i) {
          v1::LiveChallenge& out = *response->add_challenges();
          out.set_order(live[i].order.str());
          out.set_host(live[i].host.ascii());
          out.set_token(live[i].token.str());
          std::vector<barrier::Target> targets = rooms_.challenges.TargetsOf(live[i].order);
          std::erase_if(targets, [&](const barrier::Target& target) {
            return target.token != live[i].token.str();
          });
          const barrier::Verdict verdict = barrier::Evaluate(
              members, targets, rooms_.fleet.service_addresses(), rooms_.fleet.book(), {});
          const std::set<NodeName> missing(verdict.stragglers.begin(), verdict.stragglers.end());
          for (const barrier::Member& member : members) {
            (missing.contains(member.node) ? out.add_missing() : out.add_proved_by())
                ->assign(member.node.str());
          }
        }
        response->set_next_page_token(page.next);
        reply->Finish(Status::Ok());
      });
}

}  // namespace lockstep::controller::adminapi

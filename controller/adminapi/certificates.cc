// Certificates.
#include "controller/adminapi/handlers.h"
#include "controller/adminapi/translate.h"

namespace lockstep::controller::adminapi {

void Handle(Rooms& rooms, const v1::ListCertificatesRequest& request,
            v1::ListCertificatesResponse* response, ReplyPtr reply) {
  const auto page = ReadPage(request.page_size(), request.page_token());
  if (!page.ok()) return reply->Finish(page.status());
  for (const auto& [name, certificate] : rooms.book.all()) {
    if (name <= page->after) continue;
    if (static_cast<size_t>(response->certificates_size()) == page->size) {
      response->set_next_page_token(response->certificates().rbegin()->name());
      break;
    }
    Translate(rooms, certificate, response->add_certificates());
  }
  reply->Finish(Status::Ok());
}

void Handle(Rooms& rooms, const v1::GetCertificateRequest& request,
            v1::GetCertificateResponse* response, ReplyPtr reply) {
  const model::Certificate* certificate = rooms.book.Find(request.name());
  if (certificate == nullptr) {
    return reply->Finish(NotFound("no certificate " + Quoted(request.name())));
  }
  Translate(rooms, *certificate, response->mutable_certificate());
  response->set_chain_pem(certificate->chain_pem);
  for (const model::Proof& proof : rooms.checks.ProofsOf(*certificate)) {
    Translate(proof, response->add_proofs());
  }
  reply->Finish(Status::Ok());
}

void Handle(Rooms& rooms, const v1::CheckCertificateRequest& request,
            v1::CheckCertificateResponse* response, ReplyPtr reply) {
  const std::string name = request.name();
  rooms.checks.Check(name, [&rooms, name, response,
                            reply](const Result<barrier::Verdict>& verdict) {
    if (!verdict.ok()) return reply->Finish(verdict.status());
    response->set_in_step(verdict->open);
    for (const std::string& line : verdict->missing) response->add_problems(line);
    if (const model::Certificate* certificate = rooms.book.Find(name)) {
      for (const model::Proof& proof : rooms.checks.ProofsOf(*certificate)) {
        Translate(proof, response->add_proofs());
      }
    }
    reply->Finish(Status::Ok());
  });
}

void Handle(Rooms& rooms, const v1::IssueCertificateRequest& request,
            v1::IssueCertificateResponse* response, ReplyPtr reply) {
  std::vector<Hostname> hosts;
  for (int i = 0; i < request.hosts_size(); ++i) {
    auto host = Hostname::Parse(request.hosts(i));
    if (!host.ok()) {
      return reply->Finish(host.status().Prefixed("hosts[" + std::to_string(i) + "]"));
    }
    hosts.push_back(*std::move(host));
  }
  std::string lineage;
  if (!request.name().empty()) {
    const auto name = Hostname::Parse(request.name());
    if (!name.ok()) return reply->Finish(name.status().Prefixed("name"));
    lineage = name->ascii();
  }
  const auto order = rooms.orders.Create(std::move(hosts), std::move(lineage), "operator");
  if (!order.ok()) return reply->Finish(order.status());
  Translate(*order, response->mutable_order());
  reply->Finish(Status::Ok());
}

}  // namespace lockstep::controller::adminapi

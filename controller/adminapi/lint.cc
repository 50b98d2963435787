#include "controller/adminapi/admin_service.h"
#include "controller/adminapi/to_proto.h"

namespace lockstep::controller::adminapi {
namespace {

const char* SeverityName(edge::LintSeverity severity) {
  switch (severity) {
    case edge::LintSeverity::kNote:
      return "note";
    case edge::LintSeverity::kWarning:
      return "warning";
    case edge::LintSeverity::kError:
      return "error";
  }
  return "unknown";
}

v1::LintedSite ToLinted(const lint::Report& report) {
  v1::LintedSite out;
  out.set_site(report.site);
  for (const edge::LintFinding& finding : report.findings) {
    v1::LintFinding& to = *out.add_findings();
    to.set_rule(finding.rule);
    to.set_severity(SeverityName(finding.severity));
    to.set_harm(finding.harm);
    to.mutable_what()->Assign(finding.what.begin(), finding.what.end());
  }
  for (const auto& [aspect, extent] : report.looked_at) {
    v1::LintLook& to = *out.add_looked_at();
    to.set_what(lint::AspectName(aspect));
    to.set_extent(extent);
  }
  out.mutable_not_looked_at()->Assign(report.not_looked_at.begin(), report.not_looked_at.end());
  return out;
}

}  // namespace

grpc::ServerUnaryReactor* AdminService::LintSites(Context* context,
                                                  const v1::LintSitesRequest* request,
                                                  v1::LintSitesResponse* response) {
  return OnStrand(context, "LintSites", request, [this, request, response](const ReplyPtr& reply) {
    std::vector<std::string> sites;
    for (const auto& [name, site] : rooms_.sites.sites()) {
      const bool is_asked =
          request->site().empty() || name == request->site() || name == StoredName(request->site());
      if (is_asked) sites.push_back(name);
    }
    if (sites.empty() && !request->site().empty()) {
      return reply->Finish(NotFound("no site " + Quoted(request->site())));
    }
    rooms_.linter.Lint(std::move(sites), [reply, response](const std::vector<lint::Report>& seen) {
      for (const lint::Report& report : seen) *response->add_sites() = ToLinted(report);
      reply->Finish(Status::Ok());
    });
  });
}

}  // namespace lockstep::controller::adminapi

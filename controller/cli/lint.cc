// lint …
#include <algorithm>
#include <memory>

#include "controller/cli/cli.h"
#include "controller/cli/words.h"

namespace lockstep::controller::cli {
namespace {

using Admin = v1::AdminService::StubInterface;

// More than the controller takes for asking the DNS.
constexpr Micros kDeadline = Seconds(60);

void PrintFinding(const Session& session, const v1::LintFinding& finding) {
  const bool is_error = finding.severity() == "error";
  session.out << Paint(is_error ? kNo : " ", session.style) << " " << finding.severity() << " "
              << Printable(finding.rule()) << "\n";
  for (const std::string& line : Wrap(Printable(finding.harm()), kMaxColumns - 4)) {
    session.out << "    " << line << "\n";
  }
  for (const std::string& what : finding.what()) PrintProblem(session, what);
}

void PrintSite(const Session& session, const v1::LintedSite& site) {
  Page page;
  page.Add("site", HostName(site.site()));
  page.Add("findings", site.findings().empty() ? std::string(kYes) + " none"
                                               : std::to_string(site.findings_size()));
  page.Print(session.out, session.style);
  for (const v1::LintFinding& finding : site.findings()) PrintFinding(session, finding);
  PrintHeading(session.out, session.style, "LOOKED AT");
  Table looked({"WHAT", "HOW MUCH"});
  for (const v1::LintLook& look : site.looked_at()) looked.Add({look.what(), look.extent()});
  looked.Print(session.out, session.style, "nothing", 2);
  if (site.not_looked_at().empty()) return;
  PrintHeading(session.out, session.style, "NOT LOOKED AT");
  for (const std::string& what : site.not_looked_at()) {
    for (const std::string& line : Wrap(Printable(what), kMaxColumns - 2)) {
      session.out << "  " << line << "\n";
    }
  }
}

bool HasErrors(const v1::LintSitesResponse& response) {
  return std::ranges::any_of(response.sites(), [](const v1::LintedSite& site) {
    return std::ranges::any_of(site.findings(), [](const v1::LintFinding& finding) {
      return finding.severity() == "error";
    });
  });
}

ExitCode LintSites(Session& session, const std::string& site) {
  v1::LintSitesRequest request;
  request.set_site(site);
  v1::LintSitesResponse response;
  const Status status = session.connection().Call(&Admin::LintSites, request, &response, kDeadline);
  if (!status.ok()) return session.Fail(status);
  session.Show(response, [&] {
    if (response.sites().empty()) session.out << "there is no site\n";
    for (int i = 0; i < response.sites_size(); ++i) {
      if (i > 0) session.out << "\n";
      PrintSite(session, response.sites(i));
    }
  });
  return HasErrors(response) ? ExitCode::kFailed : ExitCode::kOk;
}

}  // namespace

void AddLint(CLI::App& app, Session& session) {
  CLI::App* lint =
      app.add_subcommand("lint", "whether headers, DNS, certificates and migration hold together");
  auto site = std::make_shared<std::string>();
  lint->add_option("site", *site, "only this site");
  lint->callback([&session, site] {
    session.action = [&session, site] { return LintSites(session, *site); };
  });
}

}  // namespace lockstep::controller::cli

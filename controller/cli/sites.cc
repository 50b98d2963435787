// site …
#include <memory>

#include "common/base/hostname.h"
#include "controller/cli/cli.h"
#include "controller/cli/text_file.h"
#include "controller/cli/wait.h"
#include "controller/cli/words.h"

namespace lockstep::controller::cli {
namespace {

using Admin = v1::AdminService::StubInterface;

struct ApplyOptions {
  std::string file;
  bool dry_run = false;
  bool allow_shrink = false;
  bool replace_all = false;
  bool wait = false;
  uint32_t timeout_seconds = kGenerationTimeoutSeconds;
};

const char* Sign(v1::SiteChange::Kind kind) {
  switch (kind) {
    case v1::SiteChange::KIND_CREATE:
      return "+";
    case v1::SiteChange::KIND_UPDATE:
      return "~";
    case v1::SiteChange::KIND_DELETE:
      return "-";
    default:
      return "=";
  }
}

void RenderChanges(const Session& session, const v1::ApplySitesResponse& response,
                   bool with_lines) {
  for (const v1::SiteChange& change : response.changes()) {
    session.out << Sign(change.kind()) << " " << HostName(change.site()) << "\n";
    if (!with_lines) continue;
    for (const std::string& line : change.lines()) {
      session.out << "    " << Printable(line) << "\n";
    }
  }
}

ExitCode Apply(Session& session, const ApplyOptions& options) {
  const Result<std::string> text = ReadTextFile(session, options.file, "site file");
  if (!text.ok()) return session.Fail(text.status());
  v1::ApplySitesRequest request;
  request.set_text(*text);
  request.set_file_name(options.file == "-" ? "standard input" : options.file);
  request.set_dry_run(options.dry_run);
  request.set_allow_shrink(options.allow_shrink);
  request.set_replace_all(options.replace_all);
  v1::ApplySitesResponse response;
  const Status status = session.connection().Call(&Admin::ApplySites, request, &response);
  if (!status.ok()) return session.Fail(status);
  session.Show(response, [&] { RenderChanges(session, response, options.dry_run); });
  if (response.generation() == 0) {
    if (!options.dry_run) session.err << "nothing has changed\n";
    return ExitCode::kOk;
  }
  session.err << "generation " << response.generation() << " carries it to the nodes\n";
  if (!options.wait) return ExitCode::kOk;
  return WaitForGeneration(session, response.generation(), Seconds(options.timeout_seconds));
}

std::string Covered(const v1::Site& site) {
  int covered = 0;
  for (const std::string& name : site.certificates()) covered += name.empty() ? 0 : 1;
  const std::string_view mark = covered == site.hosts_size() ? kYes : kNo;
  return std::string(mark) + " " + std::to_string(covered) + " of " +
         std::to_string(site.hosts_size());
}

ExitCode ListSites(Session& session) {
  v1::ListSitesResponse response;
  const Status status = session.connection().List(&Admin::ListSites, v1::ListSitesRequest(),
                                                  &response, &v1::ListSitesResponse::mutable_sites);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] {
    Table table({"SITE", "CERTIFICATES", "CONTENT", "APPLIED", "HOSTS"});
    for (const v1::Site& site : response.sites()) {
      table.Add({HostName(site.name()), Covered(site), site.content_summary(),
                 DateTime(site.updated_at()), FirstOf(site.hosts())});
    }
    table.Print(session.out, session.style, "no sites; apply a file: lockstep site apply -f FILE");
  });
}

ExitCode ShowSite(Session& session, const std::string& name, bool source_only) {
  v1::GetSiteRequest request;
  request.set_name(name);
  v1::GetSiteResponse response;
  const Status status = session.connection().Call(&Admin::GetSite, request, &response);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] {
    const v1::Site& site = response.site();
    if (source_only) {
      session.out << site.source();
      return;
    }
    Page page;
    page.Add("site", HostName(site.name()));
    page.Add("content", site.content_summary());
    page.Add("applied", DateTime(site.updated_at()));
    page.Print(session.out, session.style);
    PrintHeading(session.out, session.style, "HOSTS");
    Table table({"HOST", "CERTIFICATE"});
    for (int i = 0; i < site.hosts_size(); ++i) {
      const std::string certificate = i < site.certificates_size() ? site.certificates(i) : "";
      table.Add({HostName(site.hosts(i)), certificate.empty()
                                              ? std::string(kNo) + " none: plain http alone"
                                              : std::string(kYes) + " " + HostName(certificate)});
    }
    table.Print(session.out, session.style, "none", 2);
    PrintHeading(session.out, session.style, "AS A SITE FILE SAYS IT");
    session.out << Printable(site.source());
  });
}

ExitCode ShowZone(Session& session, const std::string& name) {
  v1::GetSiteRequest request;
  request.set_name(name);
  v1::GetSiteResponse response;
  const Status status = session.connection().Call(&Admin::GetSite, request, &response);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] { session.out << response.zone(); });
}

ExitCode DeleteSite(Session& session, const std::string& name, bool allow_shrink) {
  v1::DeleteSiteRequest request;
  request.set_name(name);
  request.set_allow_shrink(allow_shrink);
  v1::DeleteSiteResponse response;
  const Status status = session.connection().Call(&Admin::DeleteSite, request, &response);
  if (!status.ok()) return session.Fail(status);
  if (session.json) session.out << ToJson(response);
  session.err << name << " is deleted; generation " << response.generation()
              << " carries it to the nodes\n";
  return ExitCode::kOk;
}

void AddFileOptions(CLI::App& verb, ApplyOptions& options) {
  verb.add_option("-f,--file", options.file,
                  "the site file (TOML, docs/sites.md); - for standard input")
      ->required();
  verb.add_flag("--replace-all", options.replace_all, "delete the sites that are not in the file");
  verb.add_flag("--allow-shrink", options.allow_shrink, "allow far fewer sites than before");
}

}  // namespace

void AddSites(CLI::App& app, Session& session) {
  CLI::App* noun = app.add_subcommand("site", "what is served")->require_subcommand(1);

  CLI::App* apply = noun->add_subcommand("apply", "store the sites of a file, and roll them out");
  auto options = std::make_shared<ApplyOptions>();
  AddFileOptions(*apply, *options);
  apply->add_flag("--wait", options->wait, "until every node has proved it");
  apply->add_option("--timeout", options->timeout_seconds, "how many seconds --wait waits")
      ->capture_default_str();
  apply->callback([&session, options] {
    session.action = [&session, options] { return Apply(session, *options); };
  });

  CLI::App* diff = noun->add_subcommand("diff", "what applying a file would change");
  auto diff_options = std::make_shared<ApplyOptions>();
  AddFileOptions(*diff, *diff_options);
  diff->callback([&session, diff_options] {
    session.action = [&session, diff_options] {
      diff_options->dry_run = true;
      return Apply(session, *diff_options);
    };
  });

  noun->add_subcommand("list", "all sites")->callback([&session] {
    session.action = [&session] { return ListSites(session); };
  });

  auto name = std::make_shared<std::string>();
  auto source = std::make_shared<bool>(false);
  CLI::App* show = noun->add_subcommand("show", "one site: hosts, certificates, content");
  show->add_option("site", *name, "its name")->required();
  show->add_flag("--source", *source, "only the text, as a file for site apply");
  show->callback([&session, name, source] {
    session.action = [&session, name, source] { return ShowSite(session, *name, *source); };
  });

  CLI::App* dns = noun->add_subcommand("dns", "the DNS records of a site, for a zone file");
  dns->add_option("site", *name, "its name")->required();
  dns->callback(
      [&session, name] { session.action = [&session, name] { return ShowZone(session, *name); }; });

  auto allow_shrink = std::make_shared<bool>(false);
  CLI::App* remove = noun->add_subcommand("delete", "stop serving a site");
  remove->add_option("site", *name, "its name")->required();
  remove->add_flag("--allow-shrink", *allow_shrink, "allow deleting the last site");
  remove->callback([&session, name, allow_shrink] {
    session.action = [&session, name, allow_shrink] {
      return DeleteSite(session, *name, *allow_shrink);
    };
  });
}

}  // namespace lockstep::controller::cli

// alt-svc …
#include <memory>

#include "controller/cli/cli.h"
#include "controller/cli/words.h"

namespace lockstep::controller::cli {
namespace {

using Admin = v1::AdminService::StubInterface;

std::string ValueOf(const std::string& value) { return value.empty() ? "none" : value; }

std::string StateOf(const v1::AltSvcSite& site) {
  std::string out = site.phase();
  if (site.switched_off()) out += ", switched off";
  if (site.step_backs() > 0) out += ", taken back " + Count(site.step_backs(), "time");
  return out;
}

void PrintSite(const Session& session, const v1::AltSvcSite& site) {
  Page page;
  page.Add("site", HostName(site.site()));
  page.Add("value", ValueOf(site.value()));
  page.Add("state", StateOf(site));
  page.Add("because", site.note());
  page.Add("next step", site.has_next_at() ? Relative(site.next_at(), session.now()) : "");
  page.Print(session.out, session.style);
  PrintHeading(session.out, session.style, "WHAT NODES TELL CLIENTS");
  Table nodes({"NODE", "MAY SEND", "SEEN"});
  for (const v1::AltSvcNode& node : site.nodes()) {
    nodes.Add({node.node(), ValuesOf(node),
               node.shown() ? std::string(kYes) : std::string(kNo) + " " + node.missing()});
  }
  nodes.Print(session.out, session.style, "nothing", 2);
  PrintHeading(session.out, session.style, "WHAT CLIENTS MAY HOLD");
  Table holds({"ALTERNATIVE", "UNTIL", "WHY"});
  for (const v1::AltSvcHold& hold : site.holds()) {
    const std::string until =
        hold.has_until() ? DateTime(hold.until()) + ", " + Relative(hold.until(), session.now())
                         : "no end";
    holds.Add({hold.alternative(), until, hold.reason()});
  }
  holds.Print(session.out, session.style, "nothing", 2);
}

void PrintLosses(const Session& session, const v1::GetAltSvcResponse& response) {
  if (response.losses().empty()) return;
  PrintHeading(session.out, session.style, "NODES THAT LOST HTTP/3");
  Table table({"NODE", "BROKEN SINCE", "TO BE WITHDRAWN", "IT IS", "WHY"});
  for (const v1::AltSvcLoss& loss : response.losses()) {
    table.Add({loss.node(),
               loss.has_broken_since() ? Relative(loss.broken_since(), session.now()) : "works",
               loss.has_marked_since() ? Relative(loss.marked_since(), session.now()) : "no",
               loss.following().empty() ? "as before" : loss.following(), loss.reason()});
  }
  table.Print(session.out, session.style, "none", 2);
}

ExitCode ShowAltSvc(Session& session, const std::string& site) {
  v1::GetAltSvcRequest request;
  request.set_site(site);
  v1::GetAltSvcResponse response;
  const Status status = session.connection().Call(&Admin::GetAltSvc, request, &response);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] {
    if (response.sites().empty()) session.out << "nothing is promised\n";
    for (int i = 0; i < response.sites_size(); ++i) {
      if (i > 0) session.out << "\n";
      PrintSite(session, response.sites(i));
    }
    PrintLosses(session, response);
  });
}

ExitCode SwitchAltSvc(Session& session, const std::string& site, bool all, bool on) {
  if (site.empty() && !all) {
    session.err << "lockstep: name a site, or say --all\n";
    return ExitCode::kUsage;
  }
  v1::SwitchAltSvcRequest request;
  request.set_site(site);
  request.set_all(all);
  request.set_on(on);
  v1::SwitchAltSvcResponse response;
  const Status status = session.connection().Call(&Admin::SwitchAltSvc, request, &response);
  if (!status.ok()) return session.Fail(status);
  if (session.json) session.out << ToJson(response);
  if (response.sites().empty()) {
    session.err << "nothing has changed\n";
    return ExitCode::kOk;
  }
  session.err << (on ? "HTTP/3 will be promised again once it is proved: "
                     : "HTTP/3 is not promised any more: ")
              << Printable(Join(response.sites())) << "\n";
  if (response.generation() > 0) {
    session.err << "generation " << response.generation() << " carries it to the nodes\n";
  }
  return ExitCode::kOk;
}

void AddSwitch(CLI::App* noun, Session& session, bool on, const char* what) {
  auto site = std::make_shared<std::string>();
  auto all = std::make_shared<bool>(false);
  CLI::App* command = noun->add_subcommand(on ? "on" : "off", what);
  CLI::Option* name = command->add_option("site", *site, "its name");
  command->add_flag("--all", *all, "every site")->excludes(name);
  command->callback([&session, site, all, on] {
    session.action = [&session, site, all, on] { return SwitchAltSvc(session, *site, *all, on); };
  });
}

}  // namespace

std::string ValuesOf(const v1::AltSvcNode& node) {
  if (node.values().empty()) return "none";
  std::string out;
  for (const std::string& value : node.values()) {
    out += (out.empty() ? "" : ", then ") + ValueOf(value);
  }
  return out;
}

void AddAltSvc(CLI::App& app, Session& session) {
  CLI::App* noun = app.add_subcommand("alt-svc", "what is promised of HTTP/3, and until when")
                       ->require_subcommand(1);
  auto site = std::make_shared<std::string>();
  CLI::App* show = noun->add_subcommand("show", "values, what comes next, and what clients hold");
  show->add_option("site", *site, "only this site");
  show->callback([&session, site] {
    session.action = [&session, site] { return ShowAltSvc(session, *site); };
  });
  AddSwitch(noun, session, false, "take the promise back");
  AddSwitch(noun, session, true, "promise HTTP/3 again once it is proved");
}

}  // namespace lockstep::controller::cli

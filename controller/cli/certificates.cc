// cert …, challenge …
#include <memory>
#include <vector>

#include "controller/cli/cli.h"
#include "controller/cli/proof_table.h"
#include "controller/cli/wait.h"
#include "controller/cli/words.h"

namespace lockstep::controller::cli {
namespace {

using Admin = v1::AdminService::StubInterface;

// Looking at every node takes as long as the slowest of them.
constexpr Seconds kCheckDeadline{60};

struct IssueOptions {
  std::vector<std::string> hosts;
  std::string name;
  bool drop_names = false;
  bool wait = false;
  uint32_t timeout_seconds = kOrderTimeoutSeconds;
};

ExitCode Issue(Session& session, const IssueOptions& options) {
  v1::IssueCertificateRequest request;
  request.mutable_hosts()->Assign(options.hosts.begin(), options.hosts.end());
  request.set_name(options.name);
  request.set_drop_names(options.drop_names);
  v1::IssueCertificateResponse response;
  const Status status = session.connection().Call(&Admin::IssueCertificate, request, &response);
  if (!status.ok()) return session.Fail(status);
  if (options.wait) {
    return WaitForOrder(session, response.order().id(), Seconds(options.timeout_seconds));
  }
  session.err << "order " << response.order().id() << " for " << HostNames(response.order().hosts())
              << "; see: lockstep order show " << response.order().id() << "\n";
  return session.Show(response, [&] { session.out << response.order().id() << "\n"; });
}

std::string Proved(const v1::Certificate& certificate) {
  const bool all = certificate.nodes_proved() == certificate.nodes_announced();
  return std::string(all ? kYes : kNo) + " " + std::to_string(certificate.nodes_proved()) + " of " +
         std::to_string(certificate.nodes_announced());
}

ExitCode ListCertificates(Session& session) {
  v1::ListCertificatesResponse response;
  const Status status =
      session.connection().List(&Admin::ListCertificates, v1::ListCertificatesRequest(), &response,
                                &v1::ListCertificatesResponse::mutable_certificates);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] {
    Table table({"CERTIFICATE", "REV", "PROVED BY", "ENDS", "RENEWAL", "SERIAL", "NAMES"});
    for (const v1::Certificate& certificate : response.certificates()) {
      table.Add({HostName(certificate.name()), std::to_string(certificate.revision()),
                 Proved(certificate), Relative(certificate.not_after(), session.now()),
                 certificate.last_error().empty() ? Relative(certificate.renew_at(), session.now())
                                                  : std::string(kNo) + " failed",
                 certificate.serial().substr(0, 16), std::to_string(certificate.hosts_size())});
    }
    table.Print(session.out, session.style,
                "no certificates; get one: lockstep cert issue --wait NAME…");
  });
}

void RenderCertificate(const Session& session, const v1::Certificate& certificate) {
  Page page;
  page.Add("certificate", HostName(certificate.name()));
  page.Add("names", HostNames(certificate.hosts()));
  page.Add("revision", std::to_string(certificate.revision()) + ", in generation " +
                           std::to_string(certificate.generation()));
  page.Add("serial", certificate.serial());
  page.Add("sha256", certificate.leaf_sha256());
  page.Add("issuer", certificate.issuer());
  page.Add("valid", DateTime(certificate.not_before()) + " to " +
                        DateTime(certificate.not_after()) + " (" +
                        Relative(certificate.not_after(), session.now()) + ")");
  page.Add("renewal", DateTime(certificate.renew_at()) + " (" +
                          Relative(certificate.renew_at(), session.now()) + ")");
  if (!certificate.last_error().empty()) {
    page.Add("last failure", std::string(kNo) + " " + certificate.last_error());
  }
  page.Add("proved by", Proved(certificate) + " announcing nodes");
  page.Print(session.out, session.style);
}

ExitCode ShowCertificate(Session& session, const std::string& name, bool pem) {
  v1::GetCertificateRequest request;
  request.set_name(name);
  v1::GetCertificateResponse response;
  const Status status = session.connection().Call(&Admin::GetCertificate, request, &response);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] {
    if (pem) {
      session.out << response.chain_pem();
      return;
    }
    RenderCertificate(session, response.certificate());
    PrintHeading(session.out, session.style, "LAST SEEN ON THE WIRE");
    PrintProofs(session, response.proofs(), nullptr);
  });
}

ExitCode CheckCertificate(Session& session, const std::string& name) {
  v1::CheckCertificateRequest request;
  request.set_name(name);
  v1::CheckCertificateResponse response;
  session.err << "looking at every node on the wire …\n";
  const Status status =
      session.connection().Call(&Admin::CheckCertificate, request, &response, kCheckDeadline);
  if (!status.ok()) return session.Fail(status);
  session.Show(response, [&] {
    session.out << Paint(response.in_step() ? kYes : kNo, session.style) << " " << HostName(name)
                << (response.in_step() ? " is in step on every announcing node\n\n"
                                       : " is out of step\n\n");
    PrintProofs(session, response.proofs(), nullptr);
    if (response.problems().empty()) return;
    PrintHeading(session.out, session.style, "OUT OF STEP");
    for (const std::string& problem : response.problems()) PrintProblem(session, problem);
  });
  return response.in_step() ? ExitCode::kOk : ExitCode::kDegraded;
}

ExitCode ListChallenges(Session& session) {
  v1::ListChallengesResponse response;
  const Status status =
      session.connection().List(&Admin::ListChallenges, v1::ListChallengesRequest(), &response,
                                &v1::ListChallengesResponse::mutable_challenges);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] {
    Table table({"ORDER", "NAME", "PROVED BY", "MISSING"});
    for (const v1::LiveChallenge& challenge : response.challenges()) {
      table.Add({challenge.order(), HostName(challenge.host()),
                 challenge.proved_by().empty() ? "nobody yet" : Join(challenge.proved_by()),
                 challenge.missing().empty() ? std::string(kYes) + " none"
                                             : std::string(kNo) + " " + Join(challenge.missing())});
    }
    table.Print(session.out, session.style, "no challenges live now");
  });
}

}  // namespace

void AddCertificates(CLI::App& app, Session& session) {
  CLI::App* noun =
      app.add_subcommand("cert", "certificates, on every node or on none")->require_subcommand(1);

  CLI::App* issue = noun->add_subcommand("issue", "get one for these names, and roll it out");
  auto options = std::make_shared<IssueOptions>();
  issue->add_option("host", options->hosts, "host names; Unicode is fine")->required();
  issue->add_option("--name", options->name, "the certificate's name; else its first host");
  issue->add_flag("--drop-names", options->drop_names,
                  "allow a certificate without names that it has now");
  issue->add_flag("--wait", options->wait, "until every node has proved it, showing each step");
  issue->add_option("--timeout", options->timeout_seconds, "how many seconds --wait waits")
      ->capture_default_str();
  issue->callback([&session, options] {
    session.action = [&session, options] { return Issue(session, *options); };
  });

  auto watch = std::make_shared<bool>(false);
  CLI::App* list = noun->add_subcommand("list", "all certificates");
  list->add_flag("--watch", *watch, "again every two seconds");
  list->callback([&session, watch] {
    session.action = [&session, watch] {
      return session.Repeat(*watch, [&session] { return ListCertificates(session); });
    };
  });

  auto name = std::make_shared<std::string>();
  auto pem = std::make_shared<bool>(false);
  CLI::App* show = noun->add_subcommand("show", "one certificate, and what each node shows of it");
  show->add_option("certificate", *name, "its name")->required();
  show->add_flag("--pem", *pem, "only the chain, as PEM");
  show->callback([&session, name, pem] {
    session.action = [&session, name, pem] { return ShowCertificate(session, *name, *pem); };
  });

  CLI::App* check = noun->add_subcommand("check", "look at every node on the wire, now");
  check->add_option("certificate", *name, "its name")->required();
  check->callback([&session, name] {
    session.action = [&session, name] { return CheckCertificate(session, *name); };
  });

  CLI::App* challenge =
      app.add_subcommand("challenge", "ACME challenges that live now")->require_subcommand(1);
  CLI::App* challenges = challenge->add_subcommand("list", "each, and who has proved it");
  challenges->add_flag("--watch", *watch, "again every two seconds");
  challenges->callback([&session, watch] {
    session.action = [&session, watch] {
      return session.Repeat(*watch, [&session] { return ListChallenges(session); });
    };
  });
}

}  // namespace lockstep::controller::cli

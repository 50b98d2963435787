// policy …, quic keys …
#include <memory>

#include "controller/cli/cli.h"
#include "controller/cli/text_file.h"
#include "controller/cli/wait.h"
#include "controller/cli/words.h"

namespace lockstep::controller::cli {
namespace {

using Admin = v1::AdminService::StubInterface;

struct PolicyOptions {
  std::string file;
  bool wait = false;
  bool force = false;
  uint32_t timeout_seconds = kGenerationTimeoutSeconds;
};

ExitCode ApplyPolicy(Session& session, const PolicyOptions& options) {
  const Result<std::string> text = ReadTextFile(session, options.file, "policy file");
  if (!text.ok()) return session.Fail(text.status());
  v1::ApplyPolicyRequest request;
  request.set_text(*text);
  request.set_file_name(options.file == "-" ? "standard input" : options.file);
  request.set_force(options.force);
  v1::ApplyPolicyResponse response;
  const Status status = session.connection().Call(&Admin::ApplyPolicy, request, &response);
  if (!status.ok()) return session.Fail(status);
  if (session.json) session.out << ToJson(response);
  for (const std::string& warning : response.warnings()) {
    session.err << "lockstep: " << Printable(warning) << "\n";
  }
  if (response.generation() == 0) {
    session.err << "nothing has changed\n";
    return ExitCode::kOk;
  }
  session.err << "generation " << response.generation() << " carries it to the nodes\n";
  if (!options.wait) return ExitCode::kOk;
  return WaitForGeneration(session, response.generation(), Seconds(options.timeout_seconds));
}

ExitCode ShowPolicy(Session& session) {
  v1::GetPolicyResponse response;
  const Status status =
      session.connection().Call(&Admin::GetPolicy, v1::GetPolicyRequest(), &response);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] {
    // A comment, so that the whole can be applied again.
    session.out << (response.has_applied_at() ? "# applied " + DateTime(response.applied_at())
                                              : "# no policy was applied yet")
                << "\n"
                << Printable(response.text());
  });
}

std::string SeenIn(const v1::QuicSight& sight) {
  if (!sight.error().empty()) return std::string(kNo) + " " + sight.error();
  std::string out = std::string("disable_active_migration ") +
                    (sight.disable_active_migration() ? "true" : "false") + ", idle_timeout " +
                    std::to_string(ToMicros(sight.idle_timeout()) / Millis(1)) + "ms";
  out += ", preferred_address " +
         (sight.preferred_addresses().empty() ? "none" : Join(sight.preferred_addresses()));
  if (!sight.moved_to().empty()) out += ", moved to " + sight.moved_to();
  if (!sight.move_error().empty()) out += ", did not move: " + sight.move_error();
  return out;
}

void PrintKnobs(const Session& session, const v1::ExplainPolicyResponse& response) {
  Table table({"SITE", "SETTING", "WANTED", "FROM", "OFFERED", "RESULT"});
  for (const v1::PolicyKnob& knob : response.knobs()) {
    const std::string result =
        knob.enforceable() ? std::string(kYes) + " " + knob.resulting()
                           : std::string(kNo) + " " + knob.resulting() + ": not enforceable";
    table.Add({knob.site().empty() ? "" : HostName(knob.site()), knob.knob(), knob.wanted(),
               knob.from(), knob.offered(), result});
  }
  table.Print(session.out, session.style);
}

void PrintSights(const Session& session, const v1::ExplainPolicyResponse& response) {
  PrintHeading(session.out, session.style, "SEEN ON THE WIRE");
  Table table({"HOST", "ADDRESS", "BY", "WHEN", "SEEN"});
  for (const v1::QuicSight& sight : response.sights()) {
    table.Add({HostName(sight.host()), sight.address(), sight.observer(),
               Relative(sight.seen_at(), session.now()), SeenIn(sight)});
  }
  table.Print(session.out, session.style, "nothing yet", 2);
}

void PrintPromises(const Session& session, const v1::ExplainPolicyResponse& response) {
  PrintHeading(session.out, session.style, "ALT-SVC");
  Table table({"SITE", "WANTED", "STATE", "MAY SEND", "SEEN"});
  for (const v1::AltSvcSite& site : response.alt_svc()) {
    const std::string value = site.value().empty() ? "none" : site.value();
    const std::string note = site.note().empty() ? "" : "; " + site.note();
    if (site.nodes().empty()) {
      table.Add({HostName(site.site()), value, site.phase(), "none", "never told" + note});
    }
    for (const v1::AltSvcNode& node : site.nodes()) {
      const std::string seen =
          node.shown() ? std::string(kYes) : std::string(kNo) + " " + node.missing();
      table.Add({HostName(site.site()), value, site.phase(), ValuesOf(node), seen + note});
    }
  }
  table.Print(session.out, session.style, "nothing is promised", 2);
}

ExitCode ExplainPolicy(Session& session, const std::string& node, const std::string& site) {
  v1::ExplainPolicyRequest request;
  request.set_node(node);
  request.set_site(site);
  v1::ExplainPolicyResponse response;
  const Status status = session.connection().Call(&Admin::ExplainPolicy, request, &response);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] {
    Page page;
    page.Add("node", response.node());
    page.Add("UDP 443", response.server());
    page.Print(session.out, session.style);
    session.out << "\n";
    PrintKnobs(session, response);
    PrintSights(session, response);
    PrintPromises(session, response);
  });
}

ExitCode ShowKeys(Session& session) {
  v1::GetQuicKeysResponse response;
  const Status status =
      session.connection().Call(&Admin::GetQuicKeys, v1::GetQuicKeysRequest(), &response);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] {
    Table table({"KEY", "FINGERPRINT", "MADE"});
    for (const v1::QuicKey& key : response.keys()) {
      table.Add({key.role(), key.fingerprint(), Relative(key.created_at(), session.now())});
    }
    table.Print(session.out, session.style);
  });
}

ExitCode RotateKeys(Session& session) {
  v1::RotateQuicKeysResponse response;
  const Status status =
      session.connection().Call(&Admin::RotateQuicKeys, v1::RotateQuicKeysRequest(), &response);
  if (!status.ok()) return session.Fail(status);
  if (session.json) session.out << ToJson(response);
  session.err << "the keys have moved on; generation " << response.generation()
              << " carries them to the nodes\n";
  return ExitCode::kOk;
}

}  // namespace

void AddPolicy(CLI::App& app, Session& session) {
  CLI::App* noun = app.add_subcommand("policy", "who has UDP 443, and what QUIC clients are told")
                       ->require_subcommand(1);
  CLI::App* apply = noun->add_subcommand("apply", "replace the edge policy, and roll it out");
  auto options = std::make_shared<PolicyOptions>();
  apply
      ->add_option("-f,--file", options->file,
                   "the policy file (TOML, docs/operations.md); - for standard input")
      ->required();
  apply->add_flag("--wait", options->wait, "until every node has proved it");
  apply->add_flag("--force", options->force,
                  "although clients may hold a promise of HTTP/3 that it breaks");
  apply->add_option("--timeout", options->timeout_seconds, "how many seconds --wait waits")
      ->capture_default_str();
  apply->callback([&session, options] {
    session.action = [&session, options] { return ApplyPolicy(session, *options); };
  });

  noun->add_subcommand("show", "the edge policy, as a file for policy apply")->callback([&session] {
    session.action = [&session] { return ShowPolicy(session); };
  });

  auto node = std::make_shared<std::string>();
  auto site = std::make_shared<std::string>();
  CLI::App* explain = noun->add_subcommand(
      "explain", "what it comes to on a node: wanted, offered, resulting, seen");
  explain->add_option("node", *node, "its name")->required();
  explain->add_option("site", *site, "only this site");
  explain->callback([&session, node, site] {
    session.action = [&session, node, site] { return ExplainPolicy(session, *node, *site); };
  });
}

void AddQuicKeys(CLI::App& app, Session& session) {
  CLI::App* noun = app.add_subcommand("quic-keys", "the keys that every lockstep-quicd shares")
                       ->require_subcommand(1);
  noun->add_subcommand("show", "their ages and fingerprints, never the keys")->callback([&session] {
    session.action = [&session] { return ShowKeys(session); };
  });
  noun->add_subcommand("rotate", "replace them now, as the timer does daily and weekly")
      ->callback([&session] { session.action = [&session] { return RotateKeys(session); }; });
}

}  // namespace lockstep::controller::cli

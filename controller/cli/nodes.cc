// node …, token …
#include <memory>

#include "controller/cli/cli.h"
#include "controller/cli/words.h"

namespace lockstep::controller::cli {
namespace {

using Admin = v1::AdminService::StubInterface;

// "✓ for 3 min 05 s", "✗ gone for 12 s", "✗ never", "✗ banned".
std::string Connected(const v1::Node& node, WallTime now) {
  if (node.banned()) return std::string(kNo) + " banned";
  if (!node.has_connection_changed_at()) {
    return node.connected() ? std::string(kYes) : std::string(kNo) + " never";
  }
  return (node.connected() ? std::string(kYes) + " for " : std::string(kNo) + " gone for ") +
         Since(node.connection_changed_at(), now);
}

// "12", or "11 → 12" on the way to 12.
std::string Serving(const v1::Node& node) {
  std::string serving = std::to_string(node.serving_generation());
  if (node.serving_generation() == node.target_generation()) return serving;
  return serving + " → " + std::to_string(node.target_generation());
}

std::string Warnings(const v1::Node& node) {
  if (node.warnings().empty()) return "";
  return std::string(kNo) + " " + Join(node.warnings(), "; ");
}

// "yes", "withdrawn"; and where the fleet wants it otherwise, how far it follows.
std::string Announces(const v1::Node& node) {
  std::string announces = node.announcing() ? "yes" : "withdrawn";
  if (node.following().empty() || node.following() == announces) return announces;
  return announces + ", " + (node.following() == "withdrawn" ? "to withdraw" : node.following());
}

ExitCode ListNodes(Session& session) {
  v1::ListNodesResponse response;
  const Status status = session.connection().List(&Admin::ListNodes, v1::ListNodesRequest(),
                                                  &response, &v1::ListNodesResponse::mutable_nodes);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] {
    Table table({"NODE", "POP", "CONNECTED", "ANNOUNCES", "SERVES", "PROVED", "AGENT", "WARNINGS"});
    for (const v1::Node& node : response.nodes()) {
      table.Add({node.name(), node.pop(), Connected(node, session.now()), Announces(node),
                 Serving(node), std::to_string(node.proved_generation()), node.agent_version(),
                 Warnings(node)});
    }
    table.Print(
        session.out, session.style,
        "no nodes; make a token for the first: lockstep token create --node NAME --pop POP");
  });
}

void RenderNode(const Session& session, const v1::Node& node) {
  Page page;
  page.Add("node", node.name());
  page.Add("pop", node.pop());
  page.Add("addresses", Join(node.addresses()));
  page.Add("connected", Connected(node, session.now()));
  if (node.banned()) page.Add("ban reason", node.ban_reason());
  page.Add("announces",
           Announces(node) +
               (node.announce_evidence().empty() ? "" : " (" + node.announce_evidence() + ")"));
  page.Add("generation",
           "serves " + Serving(node) + ", proved " + std::to_string(node.proved_generation()));
  page.Add("agent", node.agent_version());
  page.Add("servers", Join(node.capabilities()));
  page.Add("identity ends", DateTime(node.identity_not_after()) + " (" +
                                Relative(node.identity_not_after(), session.now()) + ")");
  page.Add("enrolled", DateTime(node.enrolled_at()));
  page.Add("bgp", Join(node.bgp_sessions(), "\n"));
  page.Add("as told", Join(node.following_notes(), "\n"));
  page.Print(session.out, session.style);
  if (!node.warnings().empty()) PrintHeading(session.out, session.style, "NOT AS IT SHOULD BE");
  for (const std::string& warning : node.warnings()) PrintProblem(session, warning);
}

ExitCode ShowNode(Session& session, const std::string& name) {
  v1::GetNodeRequest request;
  request.set_name(name);
  v1::GetNodeResponse response;
  const Status status = session.connection().Call(&Admin::GetNode, request, &response);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] { RenderNode(session, response.node()); });
}

// A change without an answer of its own: a line for the operator.
template <typename Response, typename Request>
ExitCode Change(Session& session,
                grpc::Status (Admin::*method)(grpc::ClientContext*, const Request&, Response*),
                const Request& request, const std::string& done) {
  Response response;
  const Status status = session.connection().Call(method, request, &response);
  if (!status.ok()) return session.Fail(status);
  if (session.json) session.out << ToJson(response);
  session.err << done << "\n";
  return ExitCode::kOk;
}

// A node that is forgotten is in no barrier any more: while it announces, a CA may still land on
// it.
ExitCode RemoveNode(Session& session, const std::string& name) {
  v1::GetNodeRequest get;
  get.set_name(name);
  v1::GetNodeResponse known;
  const Status found = session.connection().Call(&Admin::GetNode, get, &known);
  if (!found.ok()) return session.Fail(found);
  v1::RemoveNodeRequest request;
  request.set_name(name);
  const ExitCode code = Change(session, &Admin::RemoveNode, request, name + " is removed");
  const std::string evidence = Printable(known.node().announce_evidence());
  if (code == ExitCode::kOk && known.node().announcing() && !evidence.empty()) {
    session.err << "lockstep: " << name << " announced the service addresses when last heard of ("
                << evidence << "): stop that, orders no longer wait for it\n";
  }
  return code;
}

ExitCode DeclareGone(Session& session, const std::string& name, bool answers_nobody) {
  if (!answers_nobody) {
    session.err << "lockstep: say --answers-nobody: that " << name
                << " is switched off or cut off for good, whatever it was told last\n";
    return ExitCode::kUsage;
  }
  v1::DeclareNodeGoneRequest request;
  request.set_name(name);
  request.set_answers_nobody(true);
  v1::DeclareNodeGoneResponse response;
  const Status status = session.connection().Call(&Admin::DeclareNodeGone, request, &response);
  if (!status.ok()) return session.Fail(status);
  if (session.json) session.out << ToJson(response);
  session.err << "what clients hold of " << name << " is counted from now, for "
              << Join(response.sites()) << " (lockstep alt-svc show)\n";
  return ExitCode::kOk;
}

std::string TokenState(const v1::Token& token, WallTime now) {
  if (token.revoked()) return "revoked";
  if (token.used()) return std::string(kYes) + " used";
  if (ToTime(token.expires_at()) <= now) return "expired";
  return "open, ends " + Relative(token.expires_at(), now);
}

struct TokenOptions {
  std::string node;
  std::string pop;
  uint32_t minutes = 10;
};

ExitCode CreateToken(Session& session, const TokenOptions& options) {
  v1::CreateTokenRequest request;
  request.set_node(options.node);
  request.set_pop(options.pop);
  request.mutable_lifetime()->set_seconds(int64_t{options.minutes} * 60);
  v1::CreateTokenResponse response;
  const Status status = session.connection().Call(&Admin::CreateToken, request, &response);
  if (!status.ok()) return session.Fail(status);
  session.err << "for " << options.node << " (" << options.pop << "), once, until "
              << DateTime(response.token().expires_at())
              << "; hand it to: lockstep-agent enroll (on its standard input)\n";
  return session.Show(response, [&] { session.out << response.text() << "\n"; });
}

ExitCode ListTokens(Session& session) {
  v1::ListTokensResponse response;
  const Status status =
      session.connection().List(&Admin::ListTokens, v1::ListTokensRequest(), &response,
                                &v1::ListTokensResponse::mutable_tokens);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] {
    Table table({"TOKEN", "NODE", "POP", "MADE", "STATE"});
    for (const v1::Token& token : response.tokens()) {
      table.Add({token.id(), token.node(), token.pop(), DateTime(token.created_at()),
                 TokenState(token, session.now())});
    }
    table.Print(session.out, session.style, "no tokens");
  });
}

}  // namespace

void AddNodes(CLI::App& app, Session& session) {
  CLI::App* noun = app.add_subcommand("node", "the machines of the fleet")->require_subcommand(1);

  CLI::App* list = noun->add_subcommand("list", "all nodes");
  auto watch = std::make_shared<bool>(false);
  list->add_flag("--watch", *watch, "again every two seconds");
  list->callback([&session, watch] {
    session.action = [&session, watch] {
      return session.Repeat(*watch, [&session] { return ListNodes(session); });
    };
  });

  auto name = std::make_shared<std::string>();
  auto reason = std::make_shared<std::string>();
  const auto verb = [&](const std::string& word, const std::string& about,
                        std::function<ExitCode()> action) {
    CLI::App* sub = noun->add_subcommand(word, about);
    sub->add_option("node", *name, "the node's name")->required();
    sub->callback([&session, action = std::move(action)] { session.action = action; });
    return sub;
  };
  CLI::App* show =
      verb("show", "one node: addresses, generations, BGP, warnings", [&session, name, watch] {
        return session.Repeat(*watch, [&] { return ShowNode(session, *name); });
      });
  show->add_flag("--watch", *watch, "again every two seconds");
  CLI::App* ban =
      verb("ban", "close its stream and refuse it until unbanned", [&session, name, reason] {
        v1::BanNodeRequest request;
        request.set_name(*name);
        request.set_reason(*reason);
        return Change(session, &Admin::BanNode, request, *name + " is banned");
      });
  ban->add_option("--reason", *reason, "for the record");
  verb("unban", "let it in again", [&session, name] {
    v1::UnbanNodeRequest request;
    request.set_name(*name);
    return Change(session, &Admin::UnbanNode, request, *name + " may connect again");
  });
  verb("remove", "forget a banned or never connected node",
       [&session, name] { return RemoveNode(session, *name); });
  auto answers_nobody = std::make_shared<bool>(false);
  verb("gone", "vouch that a machine, removed or not, answers no client any more",
       [&session, name, answers_nobody] { return DeclareGone(session, *name, *answers_nobody); })
      ->add_flag("--answers-nobody", *answers_nobody, "what you vouch for; required");
}

void AddTokens(CLI::App& app, Session& session) {
  CLI::App* noun =
      app.add_subcommand("token", "one-time tokens by which nodes join")->require_subcommand(1);

  CLI::App* create = noun->add_subcommand("create", "make one; prints the token alone");
  auto options = std::make_shared<TokenOptions>();
  create->add_option("--node", options->node, "the name that the node will have")->required();
  create->add_option("--pop", options->pop, "where it is: its location label")->required();
  create->add_option("--minutes", options->minutes, "how long it may be used")
      ->check(CLI::Range(1, 24 * 60))
      ->capture_default_str();
  create->callback([&session, options] {
    session.action = [&session, options] { return CreateToken(session, *options); };
  });

  noun->add_subcommand("list", "all tokens, never their secrets")->callback([&session] {
    session.action = [&session] { return ListTokens(session); };
  });

  CLI::App* revoke = noun->add_subcommand("revoke", "make one useless");
  auto id = std::make_shared<std::string>();
  revoke->add_option("token", *id, "its public id, as in token list")->required();
  revoke->callback([&session, id] {
    session.action = [&session, id] {
      v1::RevokeTokenRequest request;
      request.set_id(*id);
      return Change(session, &Admin::RevokeToken, request, "token " + *id + " is revoked");
    };
  });
}

}  // namespace lockstep::controller::cli

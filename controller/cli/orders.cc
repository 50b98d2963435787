// order …, and the waiting of `cert issue --wait`.
#include <algorithm>
#include <memory>
#include <string_view>

#include "controller/cli/cli.h"
#include "controller/cli/proof_table.h"
#include "controller/cli/wait.h"
#include "controller/cli/words.h"

namespace lockstep::controller::cli {
namespace {

using Admin = v1::AdminService::StubInterface;

std::string StateName(v1::Order::State state) {
  switch (state) {
    case v1::Order::STATE_QUEUED:
      return "queued";
    case v1::Order::STATE_ORDERING:
      return "ordering";
    case v1::Order::STATE_BARRIER:
      return "barrier";
    case v1::Order::STATE_REHEARSAL:
      return "rehearsal";
    case v1::Order::STATE_VALIDATING:
      return "validating";
    case v1::Order::STATE_ROLLING_OUT:
      return "rolling out";
    case v1::Order::STATE_DONE:
      return std::string(kYes) + " done";
    case v1::Order::STATE_FAILED:
      return std::string(kNo) + " failed";
    default:
      return "unknown";
  }
}

bool IsEnded(const v1::Order& order) {
  return order.state() == v1::Order::STATE_DONE || order.state() == v1::Order::STATE_FAILED;
}

std::string Took(const v1::Order& order, WallTime now) {
  const WallTime end = order.has_ended_at() ? ToTime(order.ended_at()) : now;
  return FormatDuration(std::max(Micros(0), Micros(end - ToTime(order.created_at()))));
}

// Nothing was asked of the CA, and the certificate served before is served still.
bool WasDeclined(const v1::Order& order) {
  return order.state() == v1::Order::STATE_FAILED && order.ca_error().empty() &&
         order.serial().empty() && (!order.missing().empty() || !order.rehearsal().empty());
}

ExitCode ExitCodeOf(const v1::Order& order) {
  if (order.state() != v1::Order::STATE_FAILED) return ExitCode::kOk;
  return WasDeclined(order) ? ExitCode::kDeclined : ExitCode::kFailed;
}

ExitCode ListOrders(Session& session, uint32_t count) {
  v1::ListOrdersRequest request;
  request.set_page_size(count);
  v1::ListOrdersResponse response;
  const Status status = session.connection().Call(&Admin::ListOrders, request, &response);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] {
    Table table({"ORDER", "STATE", "MADE", "TOOK", "BECAUSE", "NAMES"});
    for (const v1::Order& order : response.orders()) {
      table.Add({order.id(), StateName(order.state()), DateTime(order.created_at()),
                 Took(order, session.now()), order.reason(), FirstOf(order.hosts())});
    }
    table.Print(session.out, session.style, "no orders");
  });
}

void PrintLines(const Session& session, std::string_view heading,
                const google::protobuf::RepeatedPtrField<std::string>& lines) {
  if (lines.empty()) return;
  PrintHeading(session.out, session.style, heading);
  for (const std::string& line : lines) {
    for (const std::string& wrapped : Wrap(Printable(line), kMaxColumns - 2)) {
      session.out << "  " << Paint(wrapped, session.style) << "\n";
    }
  }
}

void PrintTimeLine(const Session& session, const v1::Order& order) {
  PrintHeading(session.out, session.style, "TIME LINE");
  Table table({"TIME", "AFTER", "STEP", ""});
  WallTime before = ToTime(order.created_at());
  for (const v1::OrderStep& step : order.steps()) {
    const WallTime at = ToTime(step.at());
    table.Add({TimeOfDay(step.at()), "+" + FormatDuration(std::max(Micros(0), Micros(at - before))),
               step.what(), step.detail().empty() ? " " : step.detail()});
    before = at;
  }
  table.Print(session.out, session.style, "nothing has happened yet", 2);
}

void RenderOrder(const Session& session, const v1::Order& order) {
  Page page;
  page.Add("order", order.id());
  page.Add("names", HostNames(order.hosts()));
  page.Add("certificate", HostName(order.certificate()));
  page.Add("state", StateName(order.state()) + (IsEnded(order) ? " in " : " for ") +
                        Took(order, session.now()));
  page.Add("because", order.reason());
  page.Add("error", order.error());
  page.Add("the CA says", order.ca_error());
  page.Add("serial", order.serial());
  if (order.generation() != 0) page.Add("generation", std::to_string(order.generation()));
  page.Print(session.out, session.style);
  PrintTimeLine(session, order);
  if (!order.missing().empty()) {
    PrintHeading(session.out, session.style, IsEnded(order) ? "WHAT WAS MISSING" : "STILL MISSING");
    for (const std::string& line : order.missing()) PrintProblem(session, line);
  }
  if (!order.challenge_proofs().empty()) {
    PrintHeading(session.out, session.style, "CHALLENGES, SEEN ON THE WIRE");
    PrintProofs(session, order.challenge_proofs(), &order.created_at());
  }
  PrintLines(session, "REHEARSAL", order.rehearsal());
  PrintLines(session, "AFTER THE COMMIT POINT", order.after_commit());
  if (!order.certificate_proofs().empty()) {
    PrintHeading(session.out, session.style, "CERTIFICATE, SEEN ON THE WIRE");
    PrintProofs(session, order.certificate_proofs(), &order.created_at());
  }
}

Result<v1::GetOrderResponse> GetOrder(Session& session, const std::string& id) {
  v1::GetOrderRequest request;
  request.set_id(id);
  v1::GetOrderResponse response;
  LS_RETURN_IF_ERROR(session.connection().Call(&Admin::GetOrder, request, &response));
  return response;
}

ExitCode ShowOrder(Session& session, const std::string& id) {
  const Result<v1::GetOrderResponse> response = GetOrder(session, id);
  if (!response.ok()) return session.Fail(response.status());
  return session.Show(*response, [&] { RenderOrder(session, response->order()); });
}

// One line for a step, as it happens: the time of day, how long the order has run, what.
void PrintStep(Session& session, const v1::Order& order, const v1::OrderStep& step) {
  const Micros after = ToTime(step.at()) - ToTime(order.created_at());
  std::string since = "+" + FormatDuration(std::max(Micros(0), after));
  since.insert(0, 9 - std::min<size_t>(9, since.size()), ' ');
  session.err << TimeOfDay(step.at()) << " " << since << "  " << Printable(step.what());
  if (!step.detail().empty()) session.err << "  " << Printable(step.detail());
  session.err << std::endl;
}

// As `order show` without --wait writes it.
std::string ResponseJson(const v1::Order& order) {
  v1::GetOrderResponse response;
  *response.mutable_order() = order;
  return ToJson(response);
}

ExitCode PrintResult(Session& session, const v1::Order& order) {
  if (session.json) {
    session.out << ResponseJson(order);
  } else if (order.state() == v1::Order::STATE_DONE) {
    session.out << Paint(kYes, session.style) << " " << HostNames(order.hosts())
                << ": on every node after " << Took(order, session.now()) << ", serial "
                << order.serial() << "\n";
  }
  if (order.state() == v1::Order::STATE_FAILED) {
    session.Fail(
        Status(Code::kUnknown, order.error().empty() ? "the order failed" : order.error()));
    for (const std::string& line : order.missing()) session.err << "  " << Printable(line) << "\n";
    if (!order.ca_error().empty()) {
      session.err << "the CA says: " << Printable(order.ca_error()) << "\n";
    }
    session.err << "all of it: lockstep order show " << order.id() << "\n";
  }
  return ExitCodeOf(order);
}

void PrintSteps(Session& session, const v1::Order& order, int& printed) {
  for (; printed < order.steps_size(); ++printed) PrintStep(session, order, order.steps(printed));
}

// "fra1" of "fra1: is not connected"; empty where a line is about no node.
std::string_view NodeOf(std::string_view line) {
  const size_t colon = line.find(": ");
  return colon == std::string_view::npos ? std::string_view() : line.substr(0, colon);
}

std::string LastSeen(const v1::Order& order, std::string_view node) {
  const v1::NodeProof* newest = nullptr;
  for (const auto* proofs : {&order.challenge_proofs(), &order.certificate_proofs()}) {
    for (const v1::NodeProof& proof : *proofs) {
      if (proof.node() != node) continue;
      const auto at = [](const v1::NodeProof& of) {
        return ToTime(of.observation().observed_at());
      };
      if (newest == nullptr || at(*newest) < at(proof)) newest = &proof;
    }
  }
  if (newest == nullptr) return "nothing was seen of it";
  return "last seen at " + TimeOfDay(newest->observation().observed_at()) + ": " +
         DescribeProof(*newest);
}

// The reader has waited in vain: who is to blame, and where to look again.
ExitCode PrintTimeout(Session& session, const v1::Order& order, Micros limit) {
  if (session.json) session.out << ResponseJson(order);
  const ExitCode code = session.Fail(
      DeadlineExceeded("order " + order.id() + " is not done after " + FormatDuration(limit) +
                       " (state: " + StateName(order.state()) + "); it goes on"));
  for (int i = 0; i < order.missing_size(); ++i) {
    const std::string& line = order.missing(i);
    session.err << "  " << Printable(line) << "\n";
    const std::string_view node = NodeOf(line);
    if (node.empty() || (i + 1 < order.missing_size() && NodeOf(order.missing(i + 1)) == node)) {
      continue;
    }
    session.err << "    " << Printable(LastSeen(order, node)) << "\n";
  }
  session.err << "look again: lockstep order show " << order.id() << "\n";
  return code;
}

// The watch has outlasted its deadline. The last message of it may be old: a change of what is
// missing makes none.
ExitCode EndWaiting(Session& session, const std::string& id, Micros limit, int printed) {
  const Result<v1::GetOrderResponse> whole = GetOrder(session, id);
  if (!whole.ok()) return session.Fail(whole.status());
  PrintSteps(session, whole->order(), printed);
  if (IsEnded(whole->order())) return PrintResult(session, whole->order());
  return PrintTimeout(session, whole->order(), limit);
}

}  // namespace

ExitCode WaitForOrder(Session& session, const std::string& id, Micros limit) {
  if (const Status reachable = session.connection().CheckSocket(); !reachable.ok()) {
    return session.Fail(reachable);
  }
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + limit);
  v1::WatchOrderRequest request;
  request.set_id(id);
  const auto stream = session.connection().service().WatchOrder(&context, request);
  session.err << "order " << id << std::endl;
  v1::Order order;
  int printed = 0;
  for (v1::WatchOrderResponse response; stream->Read(&response);) {
    order = response.order();
    PrintSteps(session, order, printed);
  }
  const Status ended = session.connection().Explained(stream->Finish());
  if (ended.code() == Code::kDeadlineExceeded) return EndWaiting(session, id, limit, printed);
  if (!ended.ok()) return session.Fail(ended);
  if (!IsEnded(order)) return session.Fail(Unavailable("the controller ended the watch early"));
  const Result<v1::GetOrderResponse> whole = GetOrder(session, id);
  return PrintResult(session, whole.ok() ? whole->order() : order);
}

void AddOrders(CLI::App& app, Session& session) {
  CLI::App* noun =
      app.add_subcommand("order", "the ways from names to certificates")->require_subcommand(1);
  AddListOfNewest(*noun, session, "the newest orders",
                  [&session](uint32_t count) { return ListOrders(session, count); });

  auto id = std::make_shared<std::string>();
  auto watch = std::make_shared<bool>(false);
  auto wait = std::make_shared<bool>(false);
  CLI::App* show = noun->add_subcommand(
      "show", "everything about one: steps, every proof on every node, the CA's words");
  show->add_option("order", *id, "its id")->required();
  show->add_flag("--watch", *watch, "again every two seconds");
  show->add_flag("--wait", *wait, "follow its steps until it has ended, as cert issue does");
  auto timeout_seconds = std::make_shared<uint32_t>(kOrderTimeoutSeconds);
  show->add_option("--timeout", *timeout_seconds, "how many seconds --wait waits")
      ->capture_default_str();
  show->callback([&session, id, watch, wait, timeout_seconds] {
    session.action = [&session, id, watch, wait, timeout_seconds] {
      if (*wait) return WaitForOrder(session, *id, Seconds(*timeout_seconds));
      return session.Repeat(*watch, [&session, id] { return ShowOrder(session, *id); });
    };
  });
}

}  // namespace lockstep::controller::cli

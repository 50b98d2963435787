// status, events, version.
#include <memory>

#include "controller/cli/cli.h"
#include "controller/cli/words.h"

namespace lockstep::controller::cli {
namespace {

using Admin = v1::AdminService::StubInterface;

std::string Share(uint32_t part, uint32_t whole) {
  const std::string_view mark = part == whole ? kYes : kNo;
  return std::string(mark) + " " + std::to_string(part) + " of " + std::to_string(whole);
}

void RenderStatus(const Session& session, const v1::GetStatusResponse& status) {
  Page page;
  page.Add("controller",
           "lockstep " + status.version() + ", up " + Since(status.started_at(), session.now()));
  if (!status.read_only_reason().empty()) {
    page.Add("READ-ONLY", std::string(kNo) + " " + status.read_only_reason());
  }
  page.Add("nodes connected", Share(status.nodes_connected(), status.nodes()));
  page.Add("nodes announcing",
           std::to_string(status.nodes_announcing()) + " of " + std::to_string(status.nodes()));
  page.Add("nodes in step", Share(status.nodes_in_step(), status.nodes_announcing()));
  page.Add("generation", std::to_string(status.generation()) + ", last known good " +
                             std::to_string(status.last_known_good()) + ", epoch " +
                             std::to_string(status.epoch()));
  page.Add("sites", std::to_string(status.sites()));
  page.Add("certificates", std::to_string(status.certificates()));
  if (!status.next_expiry_certificate().empty()) {
    page.Add("next to end", HostName(status.next_expiry_certificate()) + ", " +
                                Relative(status.next_expiry(), session.now()));
  }
  page.Add("open orders", std::to_string(status.orders_open()));
  page.Print(session.out, session.style);
  if (status.problems().empty()) return;
  PrintHeading(session.out, session.style, "NOT AS IT SHOULD BE");
  for (const std::string& problem : status.problems()) PrintProblem(session, problem);
}

ExitCode ShowStatus(Session& session) {
  v1::GetStatusResponse response;
  const Status status =
      session.connection().Call(&Admin::GetStatus, v1::GetStatusRequest(), &response);
  if (!status.ok()) return session.Fail(status);
  session.Show(response, [&] { RenderStatus(session, response); });
  const bool degraded = !response.problems().empty() || !response.read_only_reason().empty();
  return degraded ? ExitCode::kDegraded : ExitCode::kOk;
}

void AddEventRow(Table& table, const v1::Event& event) {
  const std::string mark = event.severity() == "info" ? " " : std::string(kNo);
  table.Add({DateTime(event.at()), mark, event.kind(), event.subject(), event.text()});
}

// A line of its own for each, as they come: columns cannot be measured.
void PrintEvent(const Session& session, const v1::Event& event) {
  if (session.json) {
    session.out << ToJson(event, true) << std::flush;
    return;
  }
  const auto padded = [](std::string text, size_t width) {
    const size_t used = DisplayWidth(text);
    if (used < width) text.append(width - used, ' ');
    return text;
  };
  session.out << DateTime(event.at()) << "  "
              << Paint(event.severity() == "info" ? " " : kNo, session.style) << " "
              << padded(Printable(event.kind()), 24) << " "
              << padded(Printable(event.subject()), 20) << " " << Printable(event.text()) << "\n"
              << std::flush;
}

ExitCode FollowEvents(Session& session, uint64_t after_id) {
  const Status reachable = session.connection().CheckSocket();
  if (!reachable.ok()) return session.Fail(reachable);
  grpc::ClientContext context;
  v1::WatchEventsRequest request;
  request.set_after_id(after_id);
  const auto stream = session.connection().service().WatchEvents(&context, request);
  for (v1::WatchEventsResponse response; stream->Read(&response);) {
    PrintEvent(session, response.event());
  }
  return session.Fail(session.connection().Explained(stream->Finish()));
}

ExitCode ShowEvents(Session& session, uint32_t count, const std::string& subject, bool follow) {
  v1::ListEventsRequest request;
  request.set_page_size(count);
  request.set_subject(subject);
  v1::ListEventsResponse response;
  const Status status = session.connection().Call(&Admin::ListEvents, request, &response);
  if (!status.ok()) return session.Fail(status);
  if (!follow) {
    return session.Show(response, [&] {
      Table table({"TIME", "", "EVENT", "ABOUT", "WHAT HAPPENED"});
      for (const v1::Event& event : response.events()) AddEventRow(table, event);
      table.Print(session.out, session.style, "no events");
    });
  }
  uint64_t last = 0;
  for (const v1::Event& event : response.events()) {
    PrintEvent(session, event);
    last = event.id();
  }
  return FollowEvents(session, last);
}

}  // namespace

void AddOverview(CLI::App& app, Session& session) {
  CLI::App* overview = app.add_subcommand("status", "the fleet in one picture");
  auto watch = std::make_shared<bool>(false);
  overview->add_flag("--watch", *watch, "again every two seconds");
  overview->callback([&session, watch] {
    session.action = [&session, watch] {
      return session.Repeat(*watch, [&session] { return ShowStatus(session); });
    };
  });

  struct EventOptions {
    uint32_t count = 50;
    std::string about;
    bool follow = false;
  };
  CLI::App* events = app.add_subcommand("events", "what happened");
  auto options = std::make_shared<EventOptions>();
  events->add_option("-n,--count", options->count, "how many of the newest")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  events->add_option("--about", options->about, "only about this node, order, site, …");
  events->add_flag("--follow", options->follow, "go on with new ones as they happen");
  events->callback([&session, options] {
    session.action = [&session, options] {
      return ShowEvents(session, options->count, options->about, options->follow);
    };
  });

  CLI::App* version =
      app.add_subcommand("version", "the versions of this program and the controller");
  version->callback([&session] {
    session.action = [&session] {
      v1::GetStatusResponse response;
      const Status status = session.connection().Call(&Admin::GetStatus, v1::GetStatusRequest(),
                                                      &response, Seconds(3));
      const std::string controller = status.ok() ? response.version() : "not reachable";
      if (session.json) {
        session.out << R"({"lockstep": ")" << LOCKSTEP_VERSION << R"(", "controller": ")"
                    << Printable(controller) << "\"}\n";
      } else {
        Page page;
        page.Add("lockstep", LOCKSTEP_VERSION);
        page.Add("controller", controller);
        page.Print(session.out, session.style);
      }
      return ExitCode::kOk;
    };
  });
}

}  // namespace lockstep::controller::cli

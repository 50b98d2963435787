// generation …, and the waiting of `site apply --wait`.
#include <poll.h>

#include <memory>

#include "controller/cli/cli.h"
#include "controller/cli/wait.h"
#include "controller/cli/words.h"

namespace lockstep::controller::cli {
namespace {

using Admin = v1::AdminService::StubInterface;

constexpr int kAskEveryMs = 300;

std::string StateName(const v1::Generation& generation) {
  switch (generation.state()) {
    case v1::Generation::STATE_QUEUED:
      return "queued";
    case v1::Generation::STATE_ROLLING_OUT:
      return "wave " + std::to_string(generation.wave()) + " of " +
             std::to_string(generation.waves());
    case v1::Generation::STATE_SOAKING:
      return std::string(kYes) + " soaking";
    case v1::Generation::STATE_LAST_KNOWN_GOOD:
      return std::string(kYes) + " last known good";
    case v1::Generation::STATE_SUPERSEDED:
      return "superseded";
    case v1::Generation::STATE_ROLLED_BACK:
      return std::string(kNo) + " rolled back";
    default:
      return "unknown";
  }
}

std::string Proved(const v1::Generation& generation) {
  return std::to_string(generation.nodes_proved()) + " of " + std::to_string(generation.nodes());
}

ExitCode ListGenerations(Session& session, uint32_t count) {
  v1::ListGenerationsRequest request;
  request.set_page_size(count);
  v1::ListGenerationsResponse response;
  const Status status = session.connection().Call(&Admin::ListGenerations, request, &response);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] {
    Table table({"GENERATION", "STATE", "MADE", "SITES", "CERTS", "BECAUSE"});
    for (const v1::Generation& generation : response.generations()) {
      table.Add(
          {std::to_string(generation.number()), StateName(generation),
           DateTime(generation.created_at()), std::to_string(generation.sites()),
           std::to_string(generation.certificates()),
           generation.cause() + (generation.problem().empty()
                                     ? ""
                                     : "\n" + std::string(kNo) + " " + generation.problem())});
    }
    table.Print(session.out, session.style, "no generations");
  });
}

ExitCode ShowGeneration(Session& session, uint64_t number) {
  v1::GetGenerationRequest request;
  request.set_number(number);
  v1::GetGenerationResponse response;
  const Status status = session.connection().Call(&Admin::GetGeneration, request, &response);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] {
    const v1::Generation& generation = response.generation();
    Page page;
    page.Add("generation", std::to_string(generation.number()));
    page.Add("state", StateName(generation));
    page.Add("because", generation.cause());
    page.Add("made", DateTime(generation.created_at()));
    if (generation.has_ended_at()) page.Add("ended", DateTime(generation.ended_at()));
    page.Add("proved by", Proved(generation) + " nodes");
    if (!generation.problem().empty()) {
      page.Add("problem", std::string(kNo) + " " + generation.problem());
    }
    page.Add("carries", Count(generation.sites(), "site") + ", " +
                            Count(generation.certificates(), "certificate"));
    page.Add("digest", generation.digest());
    page.Print(session.out, session.style);
    PrintHeading(session.out, session.style, "NODES");
    if (response.nodes().empty()) session.out << "  none serves it now\n";
    for (const std::string& node : response.nodes()) {
      session.out << "  " << Printable(node) << "\n";
    }
    PrintHeading(session.out, session.style, "RESOURCES");
    for (const std::string& resource : response.resources()) {
      session.out << "  " << Printable(resource) << "\n";
    }
  });
}

ExitCode DiffGenerations(Session& session, uint64_t from, uint64_t to) {
  v1::DiffGenerationsRequest request;
  request.set_from(from);
  request.set_to(to);
  v1::DiffGenerationsResponse response;
  const Status status = session.connection().Call(&Admin::DiffGenerations, request, &response);
  if (!status.ok()) return session.Fail(status);
  return session.Show(response, [&] {
    for (const std::string& line : response.lines()) session.out << Printable(line) << "\n";
    if (response.lines().empty()) session.err << "they carry the same\n";
  });
}

ExitCode PrintTimeout(Session& session, uint64_t number, const std::string& state,
                      const v1::GetGenerationResponse& response, Micros limit) {
  const ExitCode code = session.Fail(
      DeadlineExceeded("generation " + std::to_string(number) + " is not everywhere after " +
                       FormatDuration(limit) + " (" + state + "); it goes on"));
  for (const std::string& line : response.missing()) {
    session.err << "  " << Printable(line) << "\n";
  }
  session.err << "look again: lockstep generation show " << number << "\n";
  return code;
}

}  // namespace

ExitCode WaitForGeneration(Session& session, uint64_t number, Micros limit) {
  const MonoTime end = session.clock.Mono() + limit;
  v1::GetGenerationRequest request;
  request.set_number(number);
  std::string said;
  while (true) {
    v1::GetGenerationResponse response;
    const Status status = session.connection().Call(&Admin::GetGeneration, request, &response);
    // A change that waits for a running rollout has a number and no record yet.
    if (!status.ok() && status.code() != Code::kNotFound) return session.Fail(status);
    const v1::Generation& generation = response.generation();
    const std::string now =
        status.ok() ? StateName(generation) + ", proved by " + Proved(generation) : "queued";
    if (now != said) session.err << "generation " << number << ": " << now << std::endl;
    said = now;
    switch (generation.state()) {
      case v1::Generation::STATE_SOAKING:
      case v1::Generation::STATE_LAST_KNOWN_GOOD:
      case v1::Generation::STATE_SUPERSEDED:
        return ExitCode::kOk;
      case v1::Generation::STATE_ROLLED_BACK:
        return session.Fail(Status(
            Code::kUnknown,
            "generation " + std::to_string(number) + " was rolled back: " + generation.problem()));
      default:
        break;
    }
    if (session.clock.Mono() >= end) {
      return PrintTimeout(session, number, now, response, limit);
    }
    ::poll(nullptr, 0, kAskEveryMs);
  }
}

void AddGenerations(CLI::App& app, Session& session) {
  CLI::App* noun = app.add_subcommand("generation", "what was published, and how far it got")
                       ->require_subcommand(1);
  AddListOfNewest(*noun, session, "the newest generations",
                  [&session](uint32_t count) { return ListGenerations(session, count); });

  auto from = std::make_shared<uint64_t>(0);
  auto to = std::make_shared<uint64_t>(0);
  auto watch = std::make_shared<bool>(false);
  CLI::App* show = noun->add_subcommand("show", "one generation, node by node");
  show->add_option("generation", *from, "its number")->required();
  show->add_flag("--watch", *watch, "again every two seconds");
  show->callback([&session, from, watch] {
    session.action = [&session, from, watch] {
      return session.Repeat(*watch, [&session, from] { return ShowGeneration(session, *from); });
    };
  });

  CLI::App* diff = noun->add_subcommand("diff", "what differs between two");
  diff->add_option("from", *from, "the older one's number")->required();
  diff->add_option("to", *to, "the newer one's number")->required();
  diff->callback([&session, from, to] {
    session.action = [&session, from, to] { return DiffGenerations(session, *from, *to); };
  });
}

}  // namespace lockstep::controller::cli

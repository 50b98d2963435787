#include "controller/cli/cli.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string_view>

#include "common/base/hostname.h"
#include "common/rpc/settings.h"
#include "controller/cli/words.h"

namespace lockstep::controller::cli {
namespace {

constexpr int kWatchEveryMs = 2000;

bool WantsColour(const std::ostream& out) {
  return &out == &std::cout && ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
}

// How many letters must change to get from one word to the other.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

// What is wrong with the words of the command, if it is them: "there is no `node lsit`; …".
std::optional<std::string> FindWrongWord(const CLI::App& root, int argc, const char* const* argv) {
  const CLI::App* app = &root;
  std::string path;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "-o" || word == "--output" || word == "--socket") ++i;
    if (word.starts_with("-")) continue;
    const auto children = app->get_subcommands([](const CLI::App*) { return true; });
    if (children.empty()) return std::nullopt;
    const CLI::App* nearest = nullptr;
    for (const CLI::App* child : children) {
      if (nearest == nullptr ||
          Distance(word, child->get_name()) < Distance(word, nearest->get_name())) {
        nearest = child;
      }
    }
    if (nearest->get_name() != word) {
      return "there is no command " + Quoted(path + word) + "; did you mean " +
             Quoted(path + nearest->get_name()) + "?";
    }
    app = nearest;
    path += word + " ";
  }
  return std::nullopt;
}

}  // namespace

Connection& Session::connection() {
  if (!connection_) connection_.emplace(socket);
  return *connection_;
}

ExitCode Session::Fail(const Status& status) const {
  // Several errors come one per line.
  std::istringstream lines(Printable(status.message()));
  for (std::string line; std::getline(lines, line);) err << "lockstep: " << line << "\n";
  return ExitCodeOf(status);
}

ExitCode Session::Show(const google::protobuf::Message& message,
                       const std::function<void()>& render) const {
  if (json) {
    out << ToJson(message);
  } else {
    render();
  }
  return ExitCode::kOk;
}

ExitCode Session::Repeat(bool watch, const std::function<ExitCode()>& show) const {
  if (!watch) return show();
  while (true) {
    if (style.colour) out << "\033[H\033[2J";
    const ExitCode code = show();
    out.flush();
    if (code != ExitCode::kOk && code != ExitCode::kDegraded) return code;
    ::poll(nullptr, 0, kWatchEveryMs);
    if (!out) return code;
    if (!style.colour && !json) out << "\n";
  }
}

void PrintProblem(const Session& session, const std::string& problem) {
  std::string_view start = kNo;
  for (const std::string& line : Wrap(Printable(problem), kMaxColumns - 4)) {
    session.out << "  " << Paint(start, session.style) << " " << line << "\n";
    start = " ";
  }
}

void AddListOfNewest(CLI::App& noun, Session& session, const std::string& help,
                     std::function<ExitCode(uint32_t)> show) {
  auto count = std::make_shared<uint32_t>(20);
  auto watch = std::make_shared<bool>(false);
  CLI::App* list = noun.add_subcommand("list", help);
  list->add_option("-n,--count", *count, "how many")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  list->add_flag("--watch", *watch, "again every two seconds");
  list->callback([&session, count, watch, show = std::move(show)] {
    session.action = [&session, count, watch, show] {
      return session.Repeat(*watch, [count, show] { return show(*count); });
    };
  });
}

std::unique_ptr<CLI::App> MakeApp(Session& session) {
  auto app = std::make_unique<CLI::App>(
      "Lockstep: an anycast fleet in step. Speaks to the controller on this machine.", "lockstep");
  app->require_subcommand(1);
  app->fallthrough();
  app->add_option("--socket", session.socket, "the controller's admin socket")
      ->envname("LOCKSTEP_SOCKET")
      ->capture_default_str();
  app->add_option_function<std::string>(
         "-o,--output", [&session](const std::string& format) { session.json = format == "json"; },
         "how to print: table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->default_str("table");
  AddOverview(*app, session);
  AddNodes(*app, session);
  AddTokens(*app, session);
  AddSites(*app, session);
  AddPolicy(*app, session);
  AddQuicKeys(*app, session);
  AddAltSvc(*app, session);
  AddLint(*app, session);
  AddCertificates(*app, session);
  AddOrders(*app, session);
  AddGenerations(*app, session);
  AddCompletion(*app, session);
  // Options are of the whole program: they may stand before or after the verb.
  for (CLI::App* noun : app->get_subcommands({})) {
    noun->fallthrough();
    for (CLI::App* verb : noun->get_subcommands({})) verb->fallthrough();
  }
  return app;
}

int Main(int argc, const char* const* argv, std::istream& in, std::ostream& out, std::ostream& err,
         const Clock& clock) {
  rpc::ConfigureProcess();
  Session session(in, out, err, clock);
  session.style.colour = WantsColour(out);
  const std::unique_ptr<CLI::App> app = MakeApp(session);
  try {
    app->parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help
    return app->exit(asked, out, err);
  } catch (const CLI::ParseError& error) {
    err << "lockstep: " << FindWrongWord(*app, argc, argv).value_or(Printable(error.what()))
        << "\nlockstep: try --help\n";
    return static_cast<int>(ExitCode::kUsage);
  }
  LS_CHECK(session.action != nullptr);
  const ExitCode code = session.action();
  // What a full disk or a closed pipe took was not said: a token is lost, a list is cut short.
  if (!out.flush() && code == ExitCode::kOk) {
    err << "lockstep: cannot write to standard output\n";
    return static_cast<int>(ExitCode::kFailed);
  }
  return static_cast<int>(code);
}

}  // namespace lockstep::controller::cli

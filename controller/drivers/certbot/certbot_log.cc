#include "controller/drivers/certbot/certbot_log.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <optional>
#include <vector>

namespace lockstep::controller::drivers::certbot {
namespace {

constexpr size_t kMaxWords = 2000;
constexpr size_t kMaxProblems = 100;
constexpr std::string_view kErrorUrn = "urn:ietf:params:acme:error:";

// One error of the CA: RFC 8555 §6.7.
struct Problem {
  std::string host;    // empty if it is about the whole order
  std::string type;    // "unauthorized"
  std::string detail;  // the CA's own words
};

std::string Clean(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) {
    text.remove_suffix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) {
    text.remove_prefix(1);
  }
  std::string out;
  for (const char c : text.substr(0, kMaxWords)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n' || c == '\t') {
      out += ' ';
    } else if (byte < 0x20 || byte == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
      out += escaped;
    } else {
      out += c;
    }
  }
  return out;
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// "2026-11-21 22:48:46,010:ERROR:certbot._internal.log:..." begins an entry of the log.
bool IsEntry(std::string_view line) {
  constexpr std::string_view kShape = "dddd-dd-dd dd:dd:dd,";
  if (line.size() <= kShape.size()) return false;
  for (size_t i = 0; i < kShape.size(); ++i) {
    const bool is_digit = std::isdigit(static_cast<unsigned char>(line[i])) != 0;
    if (kShape[i] == 'd' ? !is_digit : line[i] != kShape[i]) return false;
  }
  return true;
}

std::optional<std::string_view> AfterPrefix(std::string_view line, std::string_view prefix) {
  if (!line.starts_with(prefix)) return std::nullopt;
  return line.substr(prefix.size());
}

// What follows the last `marker` at the start of a line, up to the next entry of the log or
// traceback.
std::optional<std::string> LastMessage(const std::vector<std::string_view>& lines,
                                       std::string_view marker) {
  std::optional<std::string> message;
  bool inside = false;
  for (const std::string_view line : lines) {
    if (const auto rest = AfterPrefix(line, marker)) {
      message = std::string(*rest);
      inside = true;
    } else if (IsEntry(line) || line.starts_with("During handling of") ||
               line.starts_with("Traceback ")) {
      inside = false;
    } else if (inside && message->size() < kMaxWords) {
      *message += '\n' + std::string(line);
    }
  }
  return message;
}

std::string TypeOf(std::string_view urn) {
  if (urn.starts_with(kErrorUrn)) urn.remove_prefix(kErrorUrn.size());
  return Clean(urn);
}

// "urn:ietf:params:acme:error:rateLimited :: There were too many requests :: too many ...": type,
// certbot's own description of it, the CA's words.
Problem ParseError(const std::string& message) {
  Problem problem;
  const size_t first = message.find(" :: ");
  problem.type = TypeOf(std::string_view(message).substr(0, first));
  if (first == std::string::npos) return problem;
  const size_t second = message.find(" :: ", first + 4);
  problem.detail =
      Clean(std::string_view(message).substr(second == std::string::npos ? first + 4 : second + 4));
  return problem;
}

// The block that certbot prints when challenges failed: "  Domain: a\n  Type:   dns\n  Detail: b".
std::vector<Problem> ParseFailedChallenges(const std::vector<std::string_view>& lines) {
  std::vector<Problem> problems;
  for (const std::string_view line : lines) {
    if (const auto host = AfterPrefix(line, "  Domain: ")) {
      if (problems.size() == kMaxProblems) break;
      problems.push_back({Clean(*host), "", ""});
    } else if (problems.empty()) {
      continue;
    } else if (const auto type = AfterPrefix(line, "  Type: ")) {
      problems.back().type = TypeOf(Clean(*type));
    } else if (const auto detail = AfterPrefix(line, "  Detail: ")) {
      problems.back().detail = Clean(*detail);
    }
  }
  return problems;
}

struct Meaning {
  std::string_view type;
  Code code;
  std::string_view words;
};
constexpr std::array kMeanings = {
    Meaning{"unauthorized", Code::kFailedPrecondition, "the CA did not get the right answer"},
    Meaning{"incorrectResponse", Code::kFailedPrecondition, "the CA did not get the right answer"},
    Meaning{"connection", Code::kFailedPrecondition, "the CA could not connect"},
    Meaning{"dns", Code::kFailedPrecondition, "the CA could not resolve the name"},
    Meaning{"caa", Code::kFailedPrecondition, "the name's CAA records forbid this CA"},
    Meaning{"tls", Code::kFailedPrecondition, "the CA was redirected to a broken TLS server"},
    Meaning{"rejectedIdentifier", Code::kFailedPrecondition, "the CA does not issue for the name"},
    Meaning{"unsupportedIdentifier", Code::kFailedPrecondition,
            "the CA does not issue for such names"},
    Meaning{"rateLimited", Code::kResourceExhausted, "a rate limit of the CA is used up"},
    Meaning{"badNonce", Code::kUnavailable, "the CA refused two nonces in a row; try again"},
    Meaning{"serverInternal", Code::kUnavailable, "the CA has a problem of its own; try later"},
    Meaning{"accountDoesNotExist", Code::kFailedPrecondition,
            "the CA does not know our account (if the CA was reset, move the accounts directory "
            "away)"},
    Meaning{"userActionRequired", Code::kFailedPrecondition,
            "the CA wants its account's owner to act, often to agree to new terms"},
    Meaning{"externalAccountRequired", Code::kFailedPrecondition,
            "the CA wants an external account binding, which Lockstep has not"},
    Meaning{"invalidContact", Code::kFailedPrecondition, "the CA refuses the contact address"},
    Meaning{"unsupportedContact", Code::kFailedPrecondition, "the CA refuses the contact address"},
};

Failure FromProblems(const std::vector<Problem>& problems) {
  Failure failure;
  std::string words;
  Code code = Code::kFailedPrecondition;
  for (const Problem& problem : problems) {
    const auto* meaning = std::find_if(kMeanings.begin(), kMeanings.end(),
                                       [&](const Meaning& m) { return m.type == problem.type; });
    const bool known = meaning != kMeanings.end();
    if (known) code = meaning->code;
    const std::string of_host = problem.host.empty() ? "" : problem.host + ": ";
    words += (words.empty() ? "" : "; ") + of_host +
             (known ? std::string(meaning->words) : "the CA refused (" + problem.type + ")");
    failure.ca_error += (failure.ca_error.empty() ? "" : "; ") + of_host + problem.type +
                        (problem.detail.empty() ? "" : ": " + problem.detail);
  }
  failure.status = Status(code, words.substr(0, kMaxWords));
  failure.ca_error.resize(std::min(failure.ca_error.size(), kMaxWords));
  return failure;
}

// The last words of the run that are not known to say nothing.
std::string LastWords(const std::vector<std::string_view>& lines) {
  constexpr std::string_view kEntry = ":ERROR:certbot._internal.log:";
  std::string last;
  for (const std::string_view line : lines) {
    std::string_view words = line;
    if (IsEntry(line)) {
      const size_t at = line.find(kEntry);
      if (at == std::string_view::npos) continue;
      words = line.substr(at + kEntry.size());
    }
    const bool says_nothing = words.find_first_not_of(" -\r") == std::string_view::npos ||
                              words.starts_with("An unexpected error occurred") ||
                              words.starts_with("Ask for help or search for solutions") ||
                              words.starts_with("Saving debug log to");
    if (!says_nothing) last = Clean(words);
  }
  return last;
}

Failure FromWords(const std::string& words) {
  const auto holds = [&](std::string_view part) { return words.find(part) != std::string::npos; };
  if (holds("CERTIFICATE_VERIFY_FAILED")) {
    return {FailedPrecondition("the certificate of the CA's own server is not trusted "
                               "(acme.ca_bundle names whom to trust): " +
                               words),
            ""};
  }
  if (holds("Requesting ") || holds("requests.exceptions.") || holds("Max retries exceeded") ||
      holds("Connection refused") || holds("timed out")) {
    return {Unavailable("the CA cannot be reached: " + words), ""};
  }
  if (holds("Another instance of Certbot is already running")) {
    return {Aborted("another certbot holds this lineage's directory"), ""};
  }
  return {FailedPrecondition(words.empty() ? "certbot failed without a word" : "certbot: " + words),
          ""};
}

}  // namespace

Failure ExplainFailure(std::string_view log, std::string_view output) {
  const std::vector<std::string_view> all = Lines(log);
  // How the run ended; what came before it was dealt with (a nonce that was asked again).
  const auto end = std::find_if(all.rbegin(), all.rend(), [](std::string_view line) {
    return line.ends_with(":Exiting abnormally:");
  });
  const std::vector<std::string_view> ending(end == all.rend() ? all.begin() : end.base() - 1,
                                             all.end());
  // The hook program's words: ours already.
  if (const auto refused = LastMessage(ending, "certbot.errors.PluginError: ")) {
    return {FailedPrecondition(Clean(*refused)), ""};
  }
  if (const auto error = LastMessage(ending, "acme.messages.Error: ")) {
    return FromProblems({ParseError(*error)});
  }
  const auto in_challenges = [](const std::vector<std::string_view>& lines) {
    return std::any_of(lines.begin(), lines.end(), [](std::string_view line) {
      return line.find("Some challenges have failed") != std::string_view::npos;
    });
  };
  const std::vector<std::string_view> printed = Lines(output);
  if (in_challenges(ending) || in_challenges(printed)) {
    std::vector<Problem> problems = ParseFailedChallenges(all);
    if (problems.empty()) problems = ParseFailedChallenges(printed);
    if (!problems.empty()) return FromProblems(problems);
  }
  std::string words = LastWords(ending);
  if (words.empty()) words = LastWords(printed);
  return FromWords(words);
}

}  // namespace lockstep::controller::drivers::certbot

#include <algorithm>
#include <tuple>

#include "common/base/encoding.h"
#include "common/base/hostname.h"
#include "common/conf/conf.h"
#include "common/conf/state.h"
#include "common/conf/words.h"
#include "common/fsutil/files.h"

namespace lockstep::conf {
namespace internal {

void State::Report(const toml::node* where, std::string text) {
  Error error = {.text = std::move(text)};
  if (where != nullptr) {
    error.line = where->source().begin.line;
    error.column = where->source().begin.column;
  }
  errors.push_back(std::move(error));
}

std::string Join(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : std::string(path) + "." + std::string(key);
}

}  // namespace internal

namespace {

using internal::Error;
using internal::State;

constexpr size_t kMaxBytes = size_t{4} << 20;

std::string Render(const std::string& name, const Error& error) {
  if (error.line == 0) return name + ": " + error.text;
  return name + ":" + std::to_string(error.line) + ":" + std::to_string(error.column) + ": " +
         error.text;
}

// A key from the file as it is shown: as it stands if it is plain.
std::string Shown(std::string_view key) {
  const bool plain = key.size() <= 80 && std::ranges::all_of(key, [](unsigned char c) {
                       return c > 0x20 && c < 0x7f && c != '`';
                     });
  return plain ? std::string(key) : Quoted(key);
}

void AddUnknownKeys(const toml::table& table, const State::Opened& opened,
                    std::vector<Error>& errors) {
  for (const auto& [key, value] : table) {
    if (opened.asked.contains(key.str())) continue;
    std::string text = "unknown key `" + internal::Join(opened.path, Shown(key.str())) + "`";
    if (const std::optional<std::string> nearest = FindNearest(key.str(), opened.asked)) {
      text += " (did you mean `" + *nearest + "`?)";
    }
    errors.push_back({.line = key.source().begin.line,
                      .column = key.source().begin.column,
                      .text = std::move(text)});
  }
}

// toml++ writes sentences and quotes the file as it stands; our messages are no sentences and show
// control and non-ASCII bytes as escapes.
std::string AsMessage(std::string_view description) {
  while (description.ends_with('.') || description.ends_with('\n')) description.remove_suffix(1);
  std::string text;
  for (const char c : description) {
    if (c >= 0x20 && c < 0x7f) {
      text.push_back(c);
    } else {
      text += "\\x" + HexEncode({&c, 1});
    }
  }
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

}  // namespace

Result<Document> Document::FromFile(const std::string& path) {
  LS_ASSIGN_OR_RETURN(const std::string text, fsutil::ReadFile(path, kMaxBytes));
  return FromText(text, path);
}

Result<Document> Document::FromText(std::string_view text, std::string name) {
  if (text.size() > kMaxBytes) return InvalidArgument(name + ": longer than 4 MiB");
  auto state = std::make_unique<State>();
  state->name = std::move(name);
  try {
    state->root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    const toml::source_position at = error.source().begin;
    return InvalidArgument(
        Render(state->name,
               {.line = at.line, .column = at.column, .text = AsMessage(error.description())}));
  } catch (const std::logic_error&) {
    return InvalidArgument(state->name + ": not TOML: a bracket or key is malformed");
  }
  return Document(std::move(state));
}

Document::Document(std::unique_ptr<State> state) : state_(std::move(state)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Table Document::root() const { return Table(state_.get(), &state_->root, ""); }

Status Document::Finish() const {
  std::vector<Error> errors = state_->errors;
  for (const auto& [table, opened] : state_->opened) AddUnknownKeys(*table, opened, errors);
  if (errors.empty()) return Status::Ok();
  std::ranges::stable_sort(errors, {}, [](const Error& error) {
    return std::tuple(error.line == 0, error.line, error.column);
  });
  std::string text;
  for (const Error& error : errors) {
    text += (text.empty() ? "" : "\n") + Render(state_->name, error);
  }
  return InvalidArgument(std::move(text));
}

}  // namespace lockstep::conf

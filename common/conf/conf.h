// TOML → typed values, with every error reported at once.
//
//   LS_ASSIGN_OR_RETURN(conf::Document document,
//   conf::Document::FromFile("/etc/lockstep/controller.toml")); conf::Table root = document.root();
//   config.state_dir = root.Required<std::string>("state_dir");
//   config.admin_group = root.Or<std::string>("admin_group", "lockstep");
//   config.deadline = root.Or<Micros>("deadline", Seconds(90));
//   conf::Table agents = root.RequiredTable("agents");
//   config.agent_listen = agents.Required<Endpoint>("listen");
//   LS_RETURN_IF_ERROR(document.Finish());   // all errors, one per line
//
// A getter that finds an error remembers it with file:line:column and the key's path and returns a
// default, so reading goes on. A key that was never asked for is an error too, with the nearest
// known key suggested. Readable types: std::string, bool, int64_t, Micros ("30s", "5m", "12h",
// "7d", "250ms"), Percentage ("10%"), every type with `static Result<T> Parse(std::string_view)`
// (Hostname, IpAddress, Endpoint, NodeName, ...), and std::vector of these.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ip.h"
#include "common/status/status.h"

namespace lockstep::conf {

// "10%", 0 to 100, also with decimals ("0.5%").
struct Percentage {
  double percent = 0;
  static Result<Percentage> Parse(std::string_view text);
  friend bool operator==(const Percentage&, const Percentage&) = default;
};

// "250ms", "30s", "5m", "12h", "7d"; not negative.
Result<Micros> ParseDuration(std::string_view text);

struct Range {
  int64_t lowest = std::numeric_limits<int64_t>::min();
  int64_t highest = std::numeric_limits<int64_t>::max();
};

template <typename T>
concept ParsedFromText = requires(std::string_view text) {
  { T::Parse(text) } -> std::same_as<Result<T>>;
};

// The word in the file and what it means.
template <typename T>
using Words = std::initializer_list<std::pair<std::string_view, T>>;

namespace internal {
struct State;  // the parsed document and its errors; toml++ stays out of this header

// One value of the document and where it stands.
class Value {
 public:
  Value(State* state, const void* node, std::string path)
      : state_(state), node_(node), path_(std::move(path)) {}
  // Each remembers an error and returns nothing if the value is of another type.
  std::optional<std::string> Text() const;
  std::optional<bool> Bool() const;
  std::optional<int64_t> Integer(Range range) const;
  std::optional<std::vector<Value>> Elements() const;
  void Reject(const std::string& why) const;

 private:
  State* state_;
  const void* node_;  // toml::node
  std::string path_;  // "agents.listen", "sites[2].names[0]"
};

template <typename T>
struct Reading;  // static std::optional<T> From(const Value&)

template <>
struct Reading<std::string> {
  static std::optional<std::string> From(const Value& value) { return value.Text(); }
};
template <>
struct Reading<bool> {
  static std::optional<bool> From(const Value& value) { return value.Bool(); }
};
template <>
struct Reading<int64_t> {
  static std::optional<int64_t> From(const Value& value) { return value.Integer({}); }
};
template <typename T, typename Parse>
std::optional<T> FromText(const Value& value, Parse parse) {
  const std::optional<std::string> text = value.Text();
  if (!text) return std::nullopt;
  Result<T> parsed = parse(*text);
  if (parsed.ok()) return std::move(parsed).value();
  value.Reject(parsed.status().message());
  return std::nullopt;
}
template <>
struct Reading<Micros> {
  static std::optional<Micros> From(const Value& value) {
    return FromText<Micros>(value, ParseDuration);
  }
};
template <ParsedFromText T>
struct Reading<T> {
  static std::optional<T> From(const Value& value) { return FromText<T>(value, T::Parse); }
};
template <typename T>
struct Reading<std::vector<T>> {
  static std::optional<std::vector<T>> From(const Value& value) {
    const std::optional<std::vector<Value>> elements = value.Elements();
    if (!elements) return std::nullopt;
    std::vector<T> out;
    for (const Value& element : *elements) {
      if (std::optional<T> read = Reading<T>::From(element)) out.push_back(*std::move(read));
    }
    return out;
  }
};
}  // namespace internal

// A table of the document. Valid as long as its Document; cheap to copy.
class Table {
 public:
  // Must be there; a default-made T after an error.
  template <typename T>
  T Required(std::string_view key) const {
    const std::optional<internal::Value> value = Get(key);
    if (!value) return T();
    return internal::Reading<T>::From(*value).value_or(T());
  }
  // May be absent.
  template <typename T>
  std::optional<T> Optional(std::string_view key) const {
    const std::optional<internal::Value> value = Find(key);
    if (!value) return std::nullopt;
    return internal::Reading<T>::From(*value);
  }
  template <typename T>
  T Or(std::string_view key, T otherwise) const {
    return Optional<T>(key).value_or(std::move(otherwise));
  }

  int64_t RequiredInteger(std::string_view key, Range range) const;
  int64_t IntegerOr(std::string_view key, Range range, int64_t otherwise) const;
  // Absolute, without "..".
  std::string RequiredPath(std::string_view key) const;
  std::string PathOr(std::string_view key, std::string otherwise) const;
  Micros DurationOr(std::string_view key, Micros lowest, Micros highest, Micros otherwise) const;
  // At least one address that other machines can dial, none of them twice.
  std::vector<IpAddress> RequiredHostAddresses(std::string_view key) const;

  template <typename T>
  T RequiredWord(std::string_view key, Words<T> words) const {
    const std::optional<internal::Value> value = Get(key);
    return value ? Word(*value, words).value_or(T()) : T();
  }
  template <typename T>
  T WordOr(std::string_view key, Words<T> words, T otherwise) const {
    const std::optional<internal::Value> value = Find(key);
    return value ? Word(*value, words).value_or(otherwise) : otherwise;
  }

  // A nested table; an empty one after an error, so that what is required in it is reported too.
  Table RequiredTable(std::string_view key) const;
  // An absent table reads as an empty one: every key takes its default.
  Table TableOr(std::string_view key) const;
  std::optional<Table> FindTable(std::string_view key) const;
  // An array of tables ([[site]]); empty if absent.
  std::vector<Table> Tables(std::string_view key) const;

  bool Has(std::string_view key) const;
  std::vector<std::string> Keys() const;
  // Remembers an error that the caller found, at `key` (or at the table if there is no such key).
  void Reject(std::string_view key, const std::string& why) const;

 private:
  friend class Document;
  Table(internal::State* state, const void* table, std::string path);
  std::optional<internal::Value> Find(std::string_view key) const;  // marks the key as known
  std::optional<internal::Value> Get(std::string_view key) const;   // absent is an error
  template <typename T>
  static std::optional<T> Word(const internal::Value& value, Words<T> words) {
    const std::optional<std::string> text = value.Text();
    if (!text) return std::nullopt;
    std::string known;
    for (const auto& [word, meaning] : words) {
      if (word == *text) return meaning;
      known += (known.empty() ? "" : ", ") + std::string(word);
    }
    value.Reject("must be one of " + known);
    return std::nullopt;
  }

  internal::State* state_;
  const void* table_;  // toml::table, null if absent
  std::string path_;
};

class Document {
 public:
  // At most 4 MiB. A syntax error is the only one then, since nothing could be read.
  static Result<Document> FromFile(const std::string& path);
  // `name` stands where the file's name would: "site.toml:3:1: ...".
  static Result<Document> FromText(std::string_view text, std::string name);
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  Table root() const;
  // Call once all keys were asked for. INVALID_ARGUMENT with one error per line, in file order.
  Status Finish() const;

 private:
  explicit Document(std::unique_ptr<internal::State> state);
  std::unique_ptr<internal::State> state_;
};

}  // namespace lockstep::conf

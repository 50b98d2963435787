#include "common/conf/conf.h"

#include <algorithm>

#include "common/base/hostname.h"
#include "common/conf/state.h"

namespace lockstep::conf {
namespace internal {
namespace {

const toml::node* Node(const void* node) { return static_cast<const toml::node*>(node); }

}  // namespace

void Value::Reject(const std::string& why) const {
  state_->Report(Node(node_), "`" + path_ + "`: " + why);
}

std::optional<std::string> Value::Text() const {
  const toml::value<std::string>* text = Node(node_)->as_string();
  if (text == nullptr) {
    Reject("must be text in quotes");
    return std::nullopt;
  }
  if (text->get().find('\0') != std::string::npos) {
    Reject("holds a NUL character");
    return std::nullopt;
  }
  return text->get();
}

std::optional<bool> Value::Bool() const {
  const toml::value<bool>* value = Node(node_)->as_boolean();
  if (value != nullptr) return value->get();
  Reject("must be true or false");
  return std::nullopt;
}

std::optional<int64_t> Value::Integer(Range range) const {
  const toml::value<int64_t>* value = Node(node_)->as_integer();
  if (value == nullptr) {
    Reject("must be a whole number");
    return std::nullopt;
  }
  if (value->get() >= range.lowest && value->get() <= range.highest) return value->get();
  if (range.highest == std::numeric_limits<int64_t>::max()) {
    Reject("must be at least " + std::to_string(range.lowest));
  } else {
    Reject("must be between " + std::to_string(range.lowest) + " and " +
           std::to_string(range.highest));
  }
  return std::nullopt;
}

std::optional<std::vector<Value>> Value::Elements() const {
  const toml::array* array = Node(node_)->as_array();
  if (array == nullptr) {
    Reject("must be a list in square brackets");
    return std::nullopt;
  }
  std::vector<Value> elements;
  for (const toml::node& element : *array) {
    elements.emplace_back(state_, &element, path_ + "[" + std::to_string(elements.size()) + "]");
  }
  return elements;
}

}  // namespace internal

namespace {

const toml::table* AsTable(const void* table) { return static_cast<const toml::table*>(table); }

}  // namespace

Table::Table(internal::State* state, const void* table, std::string path)
    : state_(state), table_(table), path_(std::move(path)) {
  if (table_ != nullptr) state_->opened.try_emplace(AsTable(table_)).first->second.path = path_;
}

std::optional<internal::Value> Table::Find(std::string_view key) const {
  if (table_ == nullptr) return std::nullopt;
  state_->opened[AsTable(table_)].asked.emplace(key);
  const toml::node* node = AsTable(table_)->get(key);
  if (node == nullptr) return std::nullopt;
  // A toml::node by its own address: `node` is what Value casts back to.
  return internal::Value(state_, node, internal::Join(path_, key));
}

std::optional<internal::Value> Table::Get(std::string_view key) const {
  std::optional<internal::Value> value = Find(key);
  if (!value) state_->Report(AsTable(table_), "missing key `" + internal::Join(path_, key) + "`");
  return value;
}

int64_t Table::RequiredInteger(std::string_view key, Range range) const {
  const std::optional<internal::Value> value = Get(key);
  return value ? value->Integer(range).value_or(range.lowest) : range.lowest;
}

int64_t Table::IntegerOr(std::string_view key, Range range, int64_t otherwise) const {
  const std::optional<internal::Value> value = Find(key);
  return value ? value->Integer(range).value_or(otherwise) : otherwise;
}

namespace {

// Why other machines cannot dial an address; empty if they can.
std::string WhyNotDialled(const IpAddress& address) {
  if (address.IsUnspecified()) return "is no machine's address";
  if (address.IsLoopback()) return "is a loopback address: no other machine can reach it";
  if (address.IsLinkLocal()) return "is a link-local address: only its own network can reach it";
  if (address.IsMulticast()) return "is a multicast address";
  return "";
}

std::optional<std::string> PathIn(const internal::Value& value) {
  std::optional<std::string> text = value.Text();
  if (!text) return std::nullopt;
  if (!text->starts_with('/')) {
    value.Reject("must be an absolute path, not " + Quoted(*text));
    return std::nullopt;
  }
  if ((*text + "/").find("/../") != std::string::npos) {
    value.Reject("must not contain \"..\": " + Quoted(*text));
    return std::nullopt;
  }
  return text;
}

}  // namespace

std::string Table::RequiredPath(std::string_view key) const {
  const std::optional<internal::Value> value = Get(key);
  return value ? PathIn(*value).value_or("") : "";
}

std::string Table::PathOr(std::string_view key, std::string otherwise) const {
  const std::optional<internal::Value> value = Find(key);
  return value ? PathIn(*value).value_or(std::move(otherwise)) : otherwise;
}

std::vector<IpAddress> Table::RequiredHostAddresses(std::string_view key) const {
  std::vector<IpAddress> out;
  const std::optional<internal::Value> value = Get(key);
  const auto elements = value ? value->Elements() : std::nullopt;
  if (!elements) return out;
  if (elements->empty()) value->Reject("must hold at least one address");
  for (const internal::Value& element : *elements) {
    const std::optional<IpAddress> address = internal::Reading<IpAddress>::From(element);
    if (!address) continue;
    if (const std::string why = WhyNotDialled(*address); !why.empty()) {
      element.Reject(address->ToString() + " " + why);
    } else if (std::ranges::find(out, *address) != out.end()) {
      element.Reject(address->ToString() + " is listed twice");
    } else {
      out.push_back(*address);
    }
  }
  return out;
}

Micros Table::DurationOr(std::string_view key, Micros lowest, Micros highest,
                         Micros otherwise) const {
  const std::optional<internal::Value> value = Find(key);
  if (!value) return otherwise;
  const std::optional<Micros> duration = internal::Reading<Micros>::From(*value);
  if (!duration) return otherwise;
  if (*duration >= lowest && *duration <= highest) return *duration;
  value->Reject("must be between " + FormatDuration(lowest) + " and " + FormatDuration(highest));
  return otherwise;
}

Table Table::RequiredTable(std::string_view key) const {
  if (!Has(key)) {
    if (table_ != nullptr) state_->opened[AsTable(table_)].asked.emplace(key);
    state_->Report(AsTable(table_), "missing table `" + internal::Join(path_, key) + "`");
  }
  return TableOr(key);
}

Table Table::TableOr(std::string_view key) const {
  return FindTable(key).value_or(Table(state_, nullptr, internal::Join(path_, key)));
}

std::optional<Table> Table::FindTable(std::string_view key) const {
  if (!Find(key)) return std::nullopt;
  const toml::node* node = AsTable(table_)->get(key);
  const std::string path = internal::Join(path_, key);
  if (node->is_table()) return Table(state_, node->as_table(), path);
  state_->Report(node, "`" + path + "`: must be a table");
  return std::nullopt;
}

std::vector<Table> Table::Tables(std::string_view key) const {
  std::vector<Table> tables;
  if (!Find(key)) return tables;
  const toml::node* node = AsTable(table_)->get(key);
  const std::string path = internal::Join(path_, key);
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    state_->Report(node, "`" + path + "`: must be an array of tables: write [[" + path + "]]");
    return tables;
  }
  size_t index = 0;
  for (const toml::node& element : *array) {
    const std::string at = path + "[" + std::to_string(index++) + "]";
    if (element.is_table()) {
      tables.push_back(Table(state_, element.as_table(), at));
    } else {
      state_->Report(&element, "`" + at + "`: must be a table");
    }
  }
  return tables;
}

bool Table::Has(std::string_view key) const {
  return table_ != nullptr && AsTable(table_)->contains(key);
}

std::vector<std::string> Table::Keys() const {
  std::vector<std::string> keys;
  if (table_ == nullptr) return keys;
  for (const auto& [key, value] : *AsTable(table_)) keys.emplace_back(key.str());
  return keys;
}

void Table::Reject(std::string_view key, const std::string& why) const {
  const toml::node* node = table_ == nullptr ? nullptr : AsTable(table_)->get(key);
  if (node == nullptr) node = AsTable(table_);
  state_->Report(node, "`" + internal::Join(path_, key) + "`: " + why);
}

}  // namespace lockstep::conf

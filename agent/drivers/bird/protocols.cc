#include "agent/drivers/bird/protocols.h"

#include <algorithm>
#include <string_view>

namespace lockstep::agent::drivers::bird {
namespace {

constexpr int kProtocolRow = 1002;

// The next word of `rest`, which is left behind it.
std::string NextWord(std::string_view* rest) {
  const size_t start = rest->find_first_not_of(' ');
  if (start == std::string_view::npos) {
    *rest = {};
    return "";
  }
  rest->remove_prefix(start);
  const std::string_view word = rest->substr(0, rest->find(' '));
  rest->remove_prefix(word.size());
  return std::string(word);
}

bool LooksLikeTime(std::string_view text) {
  return text.size() >= 5 && text[2] == ':' && text[0] >= '0' && text[0] <= '2';
}

}  // namespace

bool IsSymbol(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool Protocol::SpeaksToOthers() const {
  return kind == "BGP" || kind == "OSPF" || kind == "RIP" || kind == "Babel";
}

std::string Protocol::ToString() const {
  std::string out = name + " " + kind + " " + state;
  if (!since.empty()) out += " since " + since;
  if (!info.empty()) out += ": " + info;
  return out;
}

std::vector<Protocol> ParseProtocols(const Reply& reply) {
  std::vector<Protocol> out;
  for (const Reply::Line& line : reply.lines) {
    if (line.code != kProtocolRow) continue;
    std::string_view rest = line.text;
    Protocol row;
    row.name = NextWord(&rest);
    row.kind = NextWord(&rest);
    row.table = NextWord(&rest);
    row.state = NextWord(&rest);
    if (row.state != "up" && row.state != "down" && row.state != "start" && row.state != "stop") {
      continue;
    }
    row.since = NextWord(&rest);
    // "iso long" has a date and a time.
    std::string_view after = rest;
    if (const std::string next = NextWord(&after); LooksLikeTime(next)) {
      row.since += " " + next;
      rest = after;
    }
    const size_t start = rest.find_first_not_of(' ');
    const size_t end = rest.find_last_not_of(' ');
    if (start != std::string_view::npos)
      row.info = std::string(rest.substr(start, end - start + 1));
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace lockstep::agent::drivers::bird

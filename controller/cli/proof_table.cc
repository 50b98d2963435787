#include "controller/cli/proof_table.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "controller/cli/words.h"

namespace lockstep::controller::cli {
namespace {

// local v4, local v6, outside v4, outside v6
constexpr size_t kWays = 4;

size_t WayOf(const v1::NodeProof& proof) {
  const bool outside = proof.observer() != proof.node();
  const bool v6 = proof.observation().address().find(':') != std::string::npos;
  return (outside ? 2U : 0U) + (v6 ? 1U : 0U);
}

const char* KindName(types::v1::ProbeKind kind) {
  switch (kind) {
    case types::v1::PROBE_KIND_CHALLENGE:
      return "http";
    case types::v1::PROBE_KIND_TLS:
      return "tls";
    case types::v1::PROBE_KIND_QUIC:
      return "quic";
    case types::v1::PROBE_KIND_SITE:
      return "site";
    default:
      return "?";
  }
}

// What is known of one name on one node by one way of looking.
struct Cell {
  int good = 0;
  int bad = 0;
  WallTime at;  // the latest
};
using Row = std::array<Cell, kWays>;

std::string Render(const Cell& cell, const google::protobuf::Timestamp* since) {
  if (cell.good + cell.bad == 0) return "-";
  const int looks = cell.good + cell.bad;
  std::string text(cell.bad > 0 ? kNo : kYes);
  if (looks > 1) text += " " + std::to_string(cell.good) + "/" + std::to_string(looks);
  if (since == nullptr) {
    google::protobuf::Timestamp at;
    at.set_seconds(ToUnixMicros(cell.at) / 1'000'000);
    return text + " " + TimeOfDay(at).substr(0, 8);
  }
  return text + " +" + FormatDuration(std::max(Micros(0), Micros(cell.at - ToTime(*since))));
}

void Merge(Row& into, const Row& from) {
  for (size_t way = 0; way < kWays; ++way) {
    into[way].good += from[way].good;
    into[way].bad += from[way].bad;
    into[way].at = std::max(into[way].at, from[way].at);
  }
}

bool IsBad(const Row& row) {
  return std::ranges::any_of(row, [](const Cell& cell) { return cell.bad > 0; });
}

}  // namespace

std::string DescribeProof(const v1::NodeProof& proof) {
  const auto& seen = proof.observation();
  std::string text =
      std::string(KindName(seen.kind())) + " " + HostName(seen.host()) + " on " + seen.address();
  if (proof.observer() != proof.node()) text += ", seen by " + proof.observer();
  if (proof.good()) return text + ": good";
  return text + ": " + (proof.problem().empty() ? seen.error() : proof.problem());
}

void PrintProofs(const Session& session,
                 const google::protobuf::RepeatedPtrField<v1::NodeProof>& proofs,
                 const google::protobuf::Timestamp* since) {
  using Group = std::pair<std::string, int>;  // node, kind
  std::map<Group, std::map<std::string, Row>> groups;
  bool several_kinds = false;
  for (const v1::NodeProof& proof : proofs) {
    several_kinds = several_kinds || proof.observation().kind() != proofs[0].observation().kind();
    Row& row = groups[{proof.node(), proof.observation().kind()}][proof.observation().host()];
    Cell& cell = row[WayOf(proof)];
    ++(proof.good() ? cell.good : cell.bad);
    cell.at = std::max(cell.at, ToTime(proof.observation().observed_at()));
  }
  Table table({"NODE", "BY", "ITSELF v4", "ITSELF v6", "OTHERS v4", "OTHERS v6", "NAMES"});
  const auto add = [&](const Group& group, const Row& row, const std::string& names) {
    table.Add({group.first, KindName(static_cast<types::v1::ProbeKind>(group.second)),
               Render(row[0], since), Render(row[1], since), Render(row[2], since),
               Render(row[3], since), names});
  };
  for (const auto& [group, hosts] : groups) {
    Row good{};
    std::vector<std::string> good_names;
    for (const auto& [host, row] : hosts) {
      if (IsBad(row)) {
        add(group, row, HostName(host));
      } else {
        Merge(good, row);
        good_names.push_back(HostName(host));
      }
    }
    if (good_names.size() == 1) add(group, good, good_names.front());
    if (good_names.size() > 1) add(group, good, std::to_string(good_names.size()) + " names");
  }
  table.Print(session.out, session.style, "nothing was seen", 2);
  std::set<std::string> problems;
  for (const v1::NodeProof& proof : proofs) {
    if (!proof.good()) problems.insert(proof.node() + ": " + DescribeProof(proof));
  }
  for (const std::string& problem : problems) PrintProblem(session, problem);
}

}  // namespace lockstep::controller::cli

#include <map>

#include "controller/store/sqlite/tables.h"

namespace lockstep::controller::store::sqlite {
namespace {

using Ledgers = std::map<std::string, model::LedgerState>;

model::Alternative ReadAlternative(const Query& row, int column) {
  return {row.Text(column), row.Text(column + 1), static_cast<uint16_t>(row.Number(column + 2))};
}

}  // namespace

void PromiseTable::ReadOpen(Ledgers* ledgers) {
  Query values = connection_.Ask("SELECT site, node, epoch, generation FROM alt_svc_values");
  while (values.Next()) {
    auto& node = (*ledgers)[values.Text(0)].nodes[values.Parsed<NodeName>(1)];
    node.open[{values.Number(2), values.Number(3)}];
  }
  Query offers = connection_.Ask(
      "SELECT site, node, epoch, generation, protocol, host, port, max_age_s FROM alt_svc_offers");
  while (offers.Next()) {
    auto& node = (*ledgers)[offers.Text(0)].nodes[offers.Parsed<NodeName>(1)];
    node.open[{offers.Number(2), offers.Number(3)}].emplace(ReadAlternative(offers, 4),
                                                            Seconds(offers.Integer(7)));
  }
}

void PromiseTable::ReadClosed(Ledgers* ledgers) {
  Query holds =
      connection_.Ask("SELECT site, node, protocol, host, port, ends_at FROM alt_svc_holds");
  while (holds.Next()) {
    auto& node = (*ledgers)[holds.Text(0)].nodes[holds.Parsed<NodeName>(1)];
    node.closed.emplace(ReadAlternative(holds, 2), holds.Time(5));
  }
}

Result<std::vector<model::SitePromise>> PromiseTable::List() {
  return Guarded(connection_, [&]() -> Result<std::vector<model::SitePromise>> {
    Ledgers ledgers;
    ReadOpen(&ledgers);
    ReadClosed(&ledgers);
    std::vector<model::SitePromise> out;
    Query sites = connection_.Ask(
        "SELECT site, phase, max_age_s, step_backs, switched_off FROM alt_svc_sites ORDER BY site");
    while (sites.Next()) {
      model::SitePromise promise;
      promise.site = sites.Text(0);
      promise.ramp.phase = sites.Enum(1, model::RampPhase::kSilent, model::RampPhase::kClearing);
      promise.ramp.max_age = Seconds(sites.Integer(2));
      promise.ramp.step_backs = static_cast<uint32_t>(sites.Number(3));
      promise.switched_off = sites.Bool(4);
      promise.ledger = std::move(ledgers[promise.site]);
      out.push_back(std::move(promise));
    }
    return out;
  });
}

void PromiseTable::WriteLedger(const std::string& site, const NodeName& name,
                               const model::NodeLedger& node) {
  for (const auto& [generation, offer] : node.open) {
    connection_.Execute(
        "INSERT INTO alt_svc_values (site, node, epoch, generation) VALUES (?, ?, ?, ?)", site,
        name, generation.epoch, generation.number);
    for (const auto& [alternative, max_age] : offer) {
      connection_.Execute(
          "INSERT INTO alt_svc_offers (site, node, epoch, generation, protocol, host, port, "
          "max_age_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
          site, name, generation.epoch, generation.number, alternative.protocol, alternative.host,
          uint32_t{alternative.port}, int64_t{max_age.count()});
    }
  }
  for (const auto& [alternative, end] : node.closed) {
    connection_.Execute(
        "INSERT INTO alt_svc_holds (site, node, protocol, host, port, ends_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        site, name, alternative.protocol, alternative.host, uint32_t{alternative.port}, end);
  }
}

Status PromiseTable::Put(const std::vector<model::SitePromise>& promises) {
  return Guarded(connection_, [&]() -> Status {
    for (const model::SitePromise& promise : promises) {
      connection_.Execute("DELETE FROM alt_svc_sites WHERE site = ?", promise.site);
      connection_.Execute(
          "INSERT INTO alt_svc_sites (site, phase, max_age_s, step_backs, switched_off) "
          "VALUES (?, ?, ?, ?, ?)",
          promise.site, promise.ramp.phase, int64_t{promise.ramp.max_age.count()},
          promise.ramp.step_backs, promise.switched_off);
      for (const auto& [name, node] : promise.ledger.nodes) WriteLedger(promise.site, name, node);
    }
    return Status::Ok();
  });
}

Status PromiseTable::Delete(const std::string& site) {
  return Guarded(connection_, [&]() -> Status {
    const auto gone = connection_.Execute("DELETE FROM alt_svc_sites WHERE site = ?", site);
    return gone > 0 ? Status::Ok() : NotFound("nothing is promised for site " + site);
  });
}

Result<model::KeepingState> PromiseTable::GetKeeping() {
  return Guarded(connection_, [&]() -> Result<model::KeepingState> {
    model::KeepingState out;
    Query nodes = connection_.Ask(
        "SELECT node, broken_since_at, works_since_at, marked_since_at, relapses FROM http3_nodes");
    while (nodes.Next()) {
      out.nodes.emplace(
          nodes.Parsed<NodeName>(0),
          model::NodeKeeping{nodes.OptionalTime(1), nodes.OptionalTime(2), nodes.OptionalTime(3),
                             static_cast<uint32_t>(nodes.Number(4))});
    }
    Query sites = connection_.Ask("SELECT site, since_at FROM http3_sites_at_fault");
    while (sites.Next()) out.at_fault_since.emplace(sites.Text(0), sites.Time(1));
    return out;
  });
}

Status PromiseTable::PutKeeping(const model::KeepingState& keeping) {
  return Guarded(connection_, [&]() -> Status {
    connection_.Execute("DELETE FROM http3_nodes");
    for (const auto& [name, node] : keeping.nodes) {
      connection_.Execute(
          "INSERT INTO http3_nodes (node, broken_since_at, works_since_at, marked_since_at, "
          "relapses) VALUES (?, ?, ?, ?, ?)",
          name, node.broken_since, node.works_since, node.marked_since, node.relapses);
    }
    connection_.Execute("DELETE FROM http3_sites_at_fault");
    for (const auto& [site, since] : keeping.at_fault_since) {
      connection_.Execute("INSERT INTO http3_sites_at_fault (site, since_at) VALUES (?, ?)", site,
                          since);
    }
    return Status::Ok();
  });
}

}  // namespace lockstep::controller::store::sqlite

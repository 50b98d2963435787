#include "controller/promises/records.h"

#include "controller/edge/ramp.h"

namespace lockstep::controller::promises {

Record::Record(edge::Ledger::Options options, const model::SitePromise& stored)
    : site(stored.site),
      ramp(edge::Resume(stored.ramp)),
      switched_off(stored.switched_off),
      ledger(options, stored.ledger) {}

model::SitePromise Record::Stored() const { return {site, ramp, switched_off, ledger.state()}; }

Records::Records(edge::Ledger::Options options, const std::vector<model::SitePromise>& stored)
    : options_(options) {
  for (const model::SitePromise& promise : stored) {
    records_.try_emplace(promise.site, options_, promise);
  }
}

const Record* Records::Find(const std::string& site) const {
  const auto found = records_.find(site);
  return found == records_.end() ? nullptr : &found->second;
}

Record& Records::Of(const std::string& site) {
  return records_.try_emplace(site, options_, model::SitePromise{site, {}, false, {}})
      .first->second;
}

std::set<std::string> Records::Book(const planner::Plan& plan, model::GenerationId generation) {
  std::map<std::string, edge::Offer> offers;
  // A site that is gone says nothing any more.
  for (const auto& [site, record] : records_) offers[site];
  for (const planner::ServedSite& site : plan.sites) offers[site.name] = OfferOf(site.alt_svc);
  std::set<std::string> changed;
  for (const auto& [site, offer] : offers) {
    if (offer.empty() && !records_.contains(site)) continue;
    for (const auto& [node, part] : plan.node_parts) {
      if (Of(site).ledger.MaySend(node, generation, offer)) changed.insert(site);
    }
  }
  return changed;
}

std::set<std::string> Records::BookUnknown(const std::vector<std::string>& sites,
                                           const std::vector<NodeName>& nodes, uint64_t epoch,
                                           Seconds longest) {
  const edge::Offer offer = {{edge::SameHostHttp3(), longest}};
  std::set<std::string> changed;
  for (const std::string& site : sites) {
    for (const NodeName& node : nodes) {
      if (Of(site).ledger.MaySend(node, {epoch, 0}, offer)) changed.insert(site);
    }
  }
  return changed;
}

std::vector<model::SitePromise> Records::Stored(const std::set<std::string>& sites) const {
  std::vector<model::SitePromise> out;
  for (const std::string& site : sites) {
    if (const Record* record = Find(site)) out.push_back(record->Stored());
  }
  return out;
}

edge::Offer OfferOf(const std::string& alt_svc) {
  if (alt_svc.empty()) return {};
  const auto parsed = edge::ParseAltSvc(alt_svc);
  return parsed.ok() ? edge::OfferOf(*parsed) : edge::Offer();
}

}  // namespace lockstep::controller::promises

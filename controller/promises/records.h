// Records: what each site promises, with the ledger of what nodes may have told clients; and how
// generations are booked in it. No I/O.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "controller/edge/ledger.h"
#include "controller/model/generation.h"
#include "controller/model/promise.h"
#include "controller/planner/planner.h"

namespace lockstep::controller::promises {

// One site's record in memory.
struct Record {
  Record(edge::Ledger::Options options, const model::SitePromise& stored);

  model::SitePromise Stored() const;

  std::string site;
  model::RampState ramp;
  bool switched_off = false;
  edge::Ledger ledger;
};

class Records {
 public:
  explicit Records(edge::Ledger::Options options,
                   const std::vector<model::SitePromise>& stored = {});

  std::map<std::string, Record>& all() { return records_; }
  const std::map<std::string, Record>& all() const { return records_; }
  const Record* Find(const std::string& site) const;
  // Made if there is none.
  Record& Of(const std::string& site);

  // Every node of the plan may serve it from now on, under this number. Returns the sites whose
  // records this changed: to be stored before the generation is sent to anybody.
  std::set<std::string> Book(const planner::Plan& plan, model::GenerationId generation);

  // A database that does not know what was promised since it was copied: any of the nodes may have
  // told clients of any of the sites for as long as `longest`. `epoch`: the one that begins.
  std::set<std::string> BookUnknown(const std::vector<std::string>& sites,
                                    const std::vector<NodeName>& nodes, uint64_t epoch,
                                    Seconds longest);

  std::vector<model::SitePromise> Stored(const std::set<std::string>& sites) const;

 private:
  const edge::Ledger::Options options_;
  std::map<std::string, Record> records_;
};

// What a site of a plan tells clients to hold. What this release did not write itself is nothing.
edge::Offer OfferOf(const std::string& alt_svc);

inline model::GenerationId IdOf(const model::Generation& generation) {
  return {generation.epoch_counter, generation.number};
}

}  // namespace lockstep::controller::promises

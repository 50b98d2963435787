// Sites: the desired state, in memory and stored.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "common/status/status.h"
#include "common/task/executor.h"
#include "controller/model/site.h"
#include "controller/sites/changes.h"
#include "controller/store/database.h"

namespace lockstep::controller::sites {

struct ApplyRequest {
  std::string text;           // a site file
  std::string file_name;      // as messages name it
  bool dry_run = false;       // only says what would change
  bool allow_shrink = false;  // law 3
  bool replace_all = false;   // what is stored and not in the file is deleted
};

// Lives on the state strand.
class Sites {
 public:
  // `state` is the strand. `loaded`: what the store holds (LoadSites). All outlive it.
  Sites(store::Database& database, task::Executor& state, std::vector<model::Site> loaded);

  const SiteMap& sites() const { return sites_; }
  // By name.
  std::vector<model::Site> List() const;
  // Null if absent; valid until the next change.
  const model::Site* Find(const std::string& name) const;
  // The site that serves a host; null if none does.
  const model::Site* FindByHost(const Hostname& host) const;

  // `done` on the state strand, after the observer. Changes are made one after another, each
  // judged against what the one before left. INVALID_ARGUMENT for a file with errors,
  // ALREADY_EXISTS for a host of another site, FAILED_PRECONDITION for a shrink.
  void Apply(ApplyRequest request, std::function<void(Result<std::vector<SiteChange>>)> done);
  // NOT_FOUND; FAILED_PRECONDITION as for Apply.
  void Delete(std::string name, bool allow_shrink, std::function<void(Status)> done);

  // Called when the sites have changed and are stored; `cause` in words: "site www applied",
  // "3 sites applied, 1 deleted".
  void OnChange(std::function<void(const std::string& cause)> observer) {
    observer_ = std::move(observer);
  }

 private:
  using Finish = std::function<void(Status)>;
  // Runs `change` once the changes before it have ended; it calls Next() when it is done.
  void Enqueue(std::function<void()> change);
  void Next();
  void ApplyNow(const ApplyRequest& request,
                const std::function<void(Result<std::vector<SiteChange>>)>& done);
  // Stores the difference to `result`, then takes it over.
  void Store(SiteMap result, std::vector<SiteChange> changes, Finish finish);

  store::Database& database_;
  task::Executor& state_;
  SiteMap sites_;
  std::function<void(const std::string&)> observer_ = [](const std::string&) {};
  std::deque<std::function<void()>> waiting_;
  bool busy_ = false;
};

// What the store holds; at start-up.
Result<std::vector<model::Site>> LoadSites(store::Database& database);

}  // namespace lockstep::controller::sites

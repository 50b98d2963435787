#include "controller/sites/sites.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "controller/sites/site_file.h"

namespace lockstep::controller::sites {
namespace {

using Kind = SiteChange::Kind;

std::string Counted(size_t count, const std::string& first, const std::string& verb) {
  return (count == 1 ? "site " + first : std::to_string(count) + " sites") + " " + verb;
}

// "site www applied, 3 sites deleted".
std::string CauseOf(const std::vector<SiteChange>& changes) {
  size_t applied = 0;
  size_t deleted = 0;
  std::string first_applied;
  std::string first_deleted;
  for (const SiteChange& change : changes) {
    if (change.kind == Kind::kUnchanged) continue;
    const bool is_deletion = change.kind == Kind::kDelete;
    if ((is_deletion ? deleted : applied)++ > 0) continue;
    (is_deletion ? first_deleted : first_applied) = change.site;
  }
  std::string cause = applied > 0 ? Counted(applied, first_applied, "applied") : "";
  if (deleted > 0) {
    cause += (cause.empty() ? "" : ", ") + Counted(deleted, first_deleted, "deleted");
  }
  return cause;
}

}  // namespace

Sites::Sites(store::Database& database, task::Executor& state, std::vector<model::Site> loaded)
    : database_(database), state_(state) {
  for (model::Site& site : loaded) {
    std::string name = site.name;
    sites_.emplace(std::move(name), std::move(site));
  }
}

std::vector<model::Site> Sites::List() const {
  std::vector<model::Site> sites;
  sites.reserve(sites_.size());
  for (const auto& [name, site] : sites_) sites.push_back(site);
  return sites;
}

const model::Site* Sites::Find(const std::string& name) const {
  const auto found = sites_.find(name);
  return found == sites_.end() ? nullptr : &found->second;
}

const model::Site* Sites::FindByHost(const Hostname& host) const {
  for (const auto& [name, site] : sites_) {
    if (std::find(site.hosts.begin(), site.hosts.end(), host) != site.hosts.end()) return &site;
  }
  return nullptr;
}

void Sites::Apply(ApplyRequest request, std::function<void(Result<std::vector<SiteChange>>)> done) {
  Enqueue(
      [this, request = std::move(request), done = std::move(done)] { ApplyNow(request, done); });
}

void Sites::ApplyNow(const ApplyRequest& request,
                     const std::function<void(Result<std::vector<SiteChange>>)>& done) {
  const auto end = [&](Result<std::vector<SiteChange>> result) {
    done(std::move(result));
    Next();
  };
  Result<std::vector<model::Site>> wanted = ParseSites(request.text, request.file_name);
  if (!wanted.ok()) return end(wanted.status());
  if (wanted->empty() && !request.replace_all) {
    return end(InvalidArgument(request.file_name + ": holds no [[site]]"));
  }
  const WallTime now = state_.clock().Now();
  for (model::Site& site : *wanted) site.updated_at = now;
  Result<SiteMap> result = ResultOf(sites_, *wanted, request.replace_all);
  if (!result.ok()) return end(result.status());
  const Status shrink = CheckShrink(sites_.size(), result->size(), request.allow_shrink);
  if (!shrink.ok()) return end(shrink);
  std::vector<SiteChange> changes = Diff(sites_, *wanted, request.replace_all);
  const bool any = std::any_of(changes.begin(), changes.end(), [](const SiteChange& change) {
    return change.kind != Kind::kUnchanged;
  });
  if (request.dry_run || !any) return end(std::move(changes));
  Store(*std::move(result), changes, [this, changes, done](Status status) {
    done(status.ok() ? Result(changes) : Result<std::vector<SiteChange>>(status));
    Next();
  });
}

void Sites::Delete(std::string name, bool allow_shrink, std::function<void(Status)> done) {
  Enqueue([this, name = std::move(name), allow_shrink, done = std::move(done)] {
    Status status = sites_.contains(name)
                        ? CheckShrink(sites_.size(), sites_.size() - 1, allow_shrink)
                        : NotFound("no site " + Quoted(name));
    if (!status.ok()) {
      done(std::move(status));
      return Next();
    }
    SiteMap result = sites_;
    result.erase(name);
    Store(std::move(result), {{Kind::kDelete, name, {}}}, [this, done](Status stored) {
      done(std::move(stored));
      Next();
    });
  });
}

void Sites::Store(SiteMap result, std::vector<SiteChange> changes, Finish finish) {
  std::vector<model::Site> puts;
  std::vector<std::string> deletions;
  for (const SiteChange& change : changes) {
    if (change.kind == Kind::kDelete) deletions.push_back(change.site);
    if (change.kind == Kind::kCreate || change.kind == Kind::kUpdate) {
      puts.push_back(result.at(change.site));
    }
  }
  database_.Run(
      [puts = std::move(puts), deletions = std::move(deletions)](store::Stores& stores) -> Status {
        for (const std::string& name : deletions) LS_RETURN_IF_ERROR(stores.sites.Delete(name));
        return stores.sites.Put(puts);
      },
      [this, result = std::move(result), cause = CauseOf(changes),
       finish = std::move(finish)](Status status) mutable {
        if (status.ok()) {
          sites_ = std::move(result);
          observer_(cause);
        }
        finish(std::move(status));
      },
      state_);
}

void Sites::Enqueue(std::function<void()> change) {
  waiting_.push_back(std::move(change));
  if (!busy_) Next();
}

void Sites::Next() {
  if (waiting_.empty()) {
    busy_ = false;
    return;
  }
  busy_ = true;
  std::function<void()> change = std::move(waiting_.front());
  waiting_.pop_front();
  change();
}

Result<std::vector<model::Site>> LoadSites(store::Database& database) {
  std::vector<model::Site> sites;
  LS_RETURN_IF_ERROR(database.RunNow([&](store::Stores& stores) -> Status {
    LS_ASSIGN_OR_RETURN(sites, stores.sites.List());
    return Status::Ok();
  }));
  return sites;
}

}  // namespace lockstep::controller::sites

#include "controller/sites/changes.h"

#include <algorithm>
#include <set>

#include "controller/sites/site_file.h"

namespace lockstep::controller::sites {
namespace {

// Beyond this many cells the table of DiffLines is not worth its time: bodies may be long.
constexpr size_t kMaxDiffCells = 1'000'000;

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

// The changed lines, by the longest common subsequence.
std::vector<std::string> DiffLines(const std::vector<std::string>& before,
                                   const std::vector<std::string>& after) {
  std::vector<std::string> changes;
  const size_t rows = before.size();
  const size_t columns = after.size();
  const bool compare = (rows + 1) * (columns + 1) <= kMaxDiffCells;
  // common[i][j]: length of the longest common subsequence of before[i..] and after[j..].
  std::vector<std::vector<size_t>> common;
  if (compare) {
    common.assign(rows + 1, std::vector<size_t>(columns + 1, 0));
    for (size_t i = rows; i-- > 0;) {
      for (size_t j = columns; j-- > 0;) {
        common[i][j] = before[i] == after[j] ? common[i + 1][j + 1] + 1
                                             : std::max(common[i + 1][j], common[i][j + 1]);
      }
    }
  }
  size_t i = 0;
  size_t j = 0;
  while (i < rows || j < columns) {
    if (i < rows && j < columns && before[i] == after[j]) {
      ++i;
      ++j;
    } else if (j == columns || (i < rows && (!compare || common[i + 1][j] >= common[i][j + 1]))) {
      changes.push_back("-" + before[i++]);
    } else {
      changes.push_back("+" + after[j++]);
    }
  }
  return changes;
}

bool SameSite(const model::Site& a, const model::Site& b) {
  return a.name == b.name && a.hosts == b.hosts && a.content == b.content;
}

// Stored and not wanted, if that means deletion.
std::vector<std::string> Deletions(const SiteMap& stored, const std::vector<model::Site>& wanted,
                                   bool replace_all) {
  std::vector<std::string> names;
  if (!replace_all) return names;
  std::set<std::string> kept;
  for (const model::Site& site : wanted) kept.insert(site.name);
  for (const auto& [name, site] : stored) {
    if (!kept.contains(name)) names.push_back(name);
  }
  return names;
}

}  // namespace

std::vector<SiteChange> Diff(const SiteMap& stored, const std::vector<model::Site>& wanted,
                             bool replace_all) {
  std::vector<SiteChange> changes;
  for (const model::Site& site : wanted) {
    const auto found = stored.find(site.name);
    if (found == stored.end()) {
      changes.push_back(
          {SiteChange::Kind::kCreate, site.name, DiffLines({}, Lines(RenderSite(site)))});
    } else if (SameSite(found->second, site)) {
      changes.push_back({SiteChange::Kind::kUnchanged, site.name, {}});
    } else {
      changes.push_back({SiteChange::Kind::kUpdate, site.name,
                         DiffLines(Lines(RenderSite(found->second)), Lines(RenderSite(site)))});
    }
  }
  for (const std::string& name : Deletions(stored, wanted, replace_all)) {
    changes.push_back(
        {SiteChange::Kind::kDelete, name, DiffLines(Lines(RenderSite(stored.at(name))), {})});
  }
  return changes;
}

Result<SiteMap> ResultOf(const SiteMap& stored, const std::vector<model::Site>& wanted,
                         bool replace_all) {
  SiteMap result = stored;
  for (const std::string& name : Deletions(stored, wanted, replace_all)) result.erase(name);
  for (const model::Site& site : wanted) {
    model::Site& place = result[site.name];
    if (!SameSite(place, site)) place = site;
  }
  std::map<Hostname, std::string> holders;
  for (const auto& [name, site] : result) {
    for (const Hostname& host : site.hosts) {
      const auto [holder, is_new] = holders.emplace(host, name);
      if (is_new) continue;
      return AlreadyExists("host " + host.Display() + " of site " + name + " belongs to site " +
                           holder->second + " already");
    }
  }
  return result;
}

Status CheckShrink(size_t before, size_t after, bool allowed) {
  if (allowed || after >= before || (after > 0 && after * 2 >= before)) return Status::Ok();
  const std::string left = after == 0 ? "no site" : "only " + std::to_string(after);
  return FailedPrecondition("this would leave " + left + " of " + std::to_string(before) +
                            ": if that is meant, allow it (--allow-shrink)");
}

}  // namespace lockstep::controller::sites

#include <type_traits>

#include "controller/store/sqlite/tables.h"

namespace lockstep::controller::store::sqlite {

model::Site SiteTable::Read(const Query& row) {
  model::Site site;
  site.name = row.Text(0);
  const std::string kind = row.Text(1);
  if (kind == "preset") {
    site.content = model::Preset{static_cast<int>(row.Integer(2)), row.Text(3), row.Text(4)};
  } else if (kind == "file_root") {
    site.content = model::FileRoot{row.Text(5)};
  } else {
    model::Upstream upstream;
    upstream.tls = row.Bool(6);
    Query servers = connection_.Ask(
        "SELECT server FROM site_servers WHERE site = ? ORDER BY ordinal", site.name);
    while (servers.Next()) upstream.servers.push_back(servers.Text(0));
    site.content = std::move(upstream);
  }
  site.updated_at = row.Time(7);
  Query hosts =
      connection_.Ask("SELECT host FROM site_hosts WHERE site = ? ORDER BY ordinal", site.name);
  while (hosts.Next()) site.hosts.push_back(hosts.Parsed<Hostname>(0));
  return site;
}

Result<std::optional<model::Site>> SiteTable::Find(const std::string& name) {
  return Guarded(connection_, [&]() -> Result<std::optional<model::Site>> {
    Query query = connection_.Ask(
        "SELECT name, kind, status, content_type, body, path, tls, updated_at FROM sites "
        "WHERE name = ?",
        name);
    if (!query.Next()) return std::optional<model::Site>();
    return std::optional(Read(query));
  });
}

Result<std::vector<model::Site>> SiteTable::List() {
  return Guarded(connection_, [&]() -> Result<std::vector<model::Site>> {
    std::vector<model::Site> sites;
    Query query = connection_.Ask(
        "SELECT name, kind, status, content_type, body, path, tls, updated_at FROM sites "
        "ORDER BY name");
    while (query.Next()) sites.push_back(Read(query));
    return sites;
  });
}

void SiteTable::Write(const model::Site& site) {
  const auto* preset = std::get_if<model::Preset>(&site.content);
  const auto* root = std::get_if<model::FileRoot>(&site.content);
  const auto* upstream = std::get_if<model::Upstream>(&site.content);
  connection_.Execute(
      "INSERT INTO sites (name, kind, status, content_type, body, path, tls, updated_at) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, "
      "status = excluded.status, content_type = excluded.content_type, body = excluded.body, "
      "path = excluded.path, tls = excluded.tls, updated_at = excluded.updated_at",
      site.name, preset ? "preset" : (root ? "file_root" : "upstream"), preset ? preset->status : 0,
      preset ? preset->content_type : std::string(), preset ? preset->body : std::string(),
      root ? root->path : std::string(), upstream && upstream->tls, site.updated_at);
  connection_.Execute("DELETE FROM site_servers WHERE site = ?", site.name);
  for (size_t i = 0; upstream && i < upstream->servers.size(); ++i) {
    connection_.Execute("INSERT INTO site_servers (site, ordinal, server) VALUES (?, ?, ?)",
                        site.name, i, upstream->servers[i]);
  }
}

Status SiteTable::WriteHosts(const model::Site& site) {
  for (size_t i = 0; i < site.hosts.size(); ++i) {
    const int64_t written = connection_.Execute(
        "INSERT INTO site_hosts (host, site, ordinal) VALUES (?, ?, ?) "
        "ON CONFLICT (host) DO NOTHING",
        site.hosts[i], site.name, i);
    if (written != 0) continue;
    Query holder = connection_.Ask("SELECT site FROM site_hosts WHERE host = ?", site.hosts[i]);
    const std::string other = holder.Next() ? holder.Text(0) : "";
    return AlreadyExists("host " + site.hosts[i].Display() + " of site " + site.name +
                         " belongs to site " + other + " already");
  }
  return Status::Ok();
}

Status SiteTable::Put(const std::vector<model::Site>& sites) {
  return Guarded(connection_, [&]() -> Status {
    for (const model::Site& site : sites) {
      Write(site);
      connection_.Execute("DELETE FROM site_hosts WHERE site = ?", site.name);
    }
    for (const model::Site& site : sites) LS_RETURN_IF_ERROR(WriteHosts(site));
    return Status::Ok();
  });
}

Status SiteTable::Delete(const std::string& name) {
  return Guarded(connection_, [&]() -> Status {
    if (connection_.Execute("DELETE FROM sites WHERE name = ?", name) == 0) {
      return NotFound("no site " + Quoted(name));
    }
    return Status::Ok();
  });
}

}  // namespace lockstep::controller::store::sqlite

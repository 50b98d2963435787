#include "controller/sites/site_file.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "common/base/ip.h"
#include "common/conf/conf.h"

namespace lockstep::controller::sites {
namespace {

// What a site is called: its host name, or any word of the same characters.
struct SiteName {
  std::string text;
  static Result<SiteName> Parse(std::string_view text) {
    const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    if (!std::all_of(text.begin(), text.end(), is_ascii)) {
      LS_ASSIGN_OR_RETURN(const Hostname host, Hostname::Parse(text));
      return SiteName{host.ascii()};
    }
    const auto is_allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    };
    if (text.empty() || text.size() > 253 || text.front() == '-' || text.front() == '.' ||
        !std::all_of(text.begin(), text.end(), is_allowed)) {
      return InvalidArgument(
          "must be 1-253 of a-z 0-9 . and -, beginning with a letter or digit: " + Quoted(text));
    }
    return SiteName{std::string(text)};
  }
};

// Where an upstream listens: "10.0.0.5:8080", "[2001:db8::5]:8080", "origin.example:443".
struct Server {
  std::string text;
  static Result<Server> Parse(std::string_view text) {
    const Result<Endpoint> endpoint = Endpoint::Parse(text);
    if (endpoint.ok()) {
      const IpAddress& address = endpoint->address;
      if (endpoint->port == 0) return InvalidArgument("port 0 cannot be reached: " + Quoted(text));
      if (address.IsLinkLocal() || address.IsMulticast() || address.IsUnspecified()) {
        return InvalidArgument("no server can be at " + address.ToString() +
                               ": link-local, multicast and unspecified addresses are refused");
      }
      return Server{endpoint->ToString()};
    }
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || text.find(':') != colon) {
      return InvalidArgument("must be host:port or [address]:port: " + Quoted(text));
    }
    LS_ASSIGN_OR_RETURN(const Hostname host, Hostname::Parse(text.substr(0, colon)));
    const std::string digits(text.substr(colon + 1));
    const bool is_number =
        !digits.empty() && digits.size() <= 5 &&
        std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!is_number || std::stoi(digits) < 1 || std::stoi(digits) > 65535) {
      return InvalidArgument("port must be 1-65535: " + Quoted(text));
    }
    return Server{host.ascii() + ":" + std::to_string(std::stoi(digits))};
  }
};

bool HoldsControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  });
}

model::Preset ReadPreset(const conf::Table& table) {
  model::Preset preset;
  preset.status = static_cast<int>(table.IntegerOr("status", {200, 599}, preset.status));
  preset.content_type = table.Or("content_type", preset.content_type);
  if (preset.content_type.empty() || preset.content_type.size() > 255 ||
      HoldsControl(preset.content_type)) {
    table.Reject("content_type", "must be 1-255 characters on one line");
  }
  preset.body = table.Or("body", std::string());
  if (preset.body.size() > kMaxBodyBytes) {
    table.Reject("body", "is " + std::to_string(preset.body.size()) + " bytes long; at most " +
                             std::to_string(kMaxBodyBytes) + " are served from memory");
  }
  return preset;
}

model::FileRoot ReadFileRoot(const conf::Table& table) {
  model::FileRoot root{table.RequiredPath("path")};
  if (HoldsControl(root.path)) {
    table.Reject("path", "must not contain control characters: " + Quoted(root.path));
  } else if (!root.path.empty() && root.path.find_first_not_of('/') == std::string::npos) {
    table.Reject("path", "must not be the root of the file system");
  } else if (root.path.size() > 1024) {
    table.Reject("path", "must be at most 1024 characters");
  }
  return root;
}

model::Upstream ReadUpstream(const conf::Table& table) {
  model::Upstream upstream;
  const auto servers = table.Required<std::vector<Server>>("servers");
  for (const Server& server : servers) upstream.servers.push_back(server.text);
  if (servers.size() > kMaxServers) {
    table.Reject("servers", "must list at most " + std::to_string(kMaxServers) + " servers");
  }
  upstream.tls = table.Or("tls", false);
  return upstream;
}

void ReadContent(const conf::Table& table, model::Site& site) {
  const std::optional<conf::Table> preset = table.FindTable("preset");
  const std::optional<conf::Table> root = table.FindTable("file_root");
  const std::optional<conf::Table> upstream = table.FindTable("upstream");
  if (preset.has_value() + root.has_value() + upstream.has_value() != 1) {
    table.Reject("preset", "give exactly one of preset, file_root and upstream");
  }
  if (preset) site.content = ReadPreset(*preset);
  if (root) site.content = ReadFileRoot(*root);
  if (upstream) site.content = ReadUpstream(*upstream);
}

void ReadHosts(const conf::Table& table, model::Site& site) {
  if (auto hosts = table.Optional<std::vector<Hostname>>("hosts")) {
    site.hosts = *std::move(hosts);
    return;
  }
  if (site.name.empty() || table.Has("hosts")) return;  // reported
  Result<Hostname> host = Hostname::Parse(site.name);
  if (host.ok()) {
    site.hosts.push_back(*std::move(host));
  } else {
    table.Reject("name", "is no host name, so give hosts: " + host.status().message());
  }
}

// What one site may hold, and that no host is held twice in the file.
void CheckHosts(const conf::Table& table, const model::Site& site,
                std::map<Hostname, std::string>& holders) {
  if (site.hosts.size() > kMaxHosts) {
    table.Reject("hosts", "must list at most " + std::to_string(kMaxHosts) +
                              " host names, what one certificate may hold");
  }
  for (const Hostname& host : site.hosts) {
    const auto [holder, is_new] = holders.emplace(host, site.name);
    if (is_new) continue;
    table.Reject("hosts", "host " + host.Display() +
                              (holder->second == site.name
                                   ? " is listed twice"
                                   : " belongs to site " + holder->second + " already"));
  }
}

// Lists without an element, told apart from lists whose elements were all refused: those have their
// errors already.
void CheckEmptyLists(const conf::Table& table, const model::Site& site) {
  if (site.hosts.empty()) table.Reject("hosts", "must list at least one host name");
  const auto* upstream = std::get_if<model::Upstream>(&site.content);
  if (upstream != nullptr && upstream->servers.empty()) {
    table.RequiredTable("upstream").Reject("servers", "must list at least one server");
  }
}

}  // namespace

Result<std::vector<model::Site>> ParseSites(std::string_view text, const std::string& file_name) {
  LS_ASSIGN_OR_RETURN(const conf::Document document, conf::Document::FromText(text, file_name));
  std::vector<model::Site> sites;
  std::map<std::string, size_t> names;
  std::map<Hostname, std::string> holders;
  const std::vector<conf::Table> tables = document.root().Tables("site");
  for (const conf::Table& table : tables) {
    model::Site site;
    site.name = table.Required<SiteName>("name").text;
    if (!site.name.empty() && !names.emplace(site.name, sites.size()).second) {
      table.Reject("name", "site " + site.name + " is in this file twice");
    }
    ReadHosts(table, site);
    CheckHosts(table, site, holders);
    ReadContent(table, site);
    sites.push_back(std::move(site));
  }
  LS_RETURN_IF_ERROR(document.Finish());
  for (size_t i = 0; i < sites.size(); ++i) CheckEmptyLists(tables[i], sites[i]);
  LS_RETURN_IF_ERROR(document.Finish());
  return sites;
}

}  // namespace lockstep::controller::sites

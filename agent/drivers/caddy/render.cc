#include "agent/drivers/caddy/render.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "common/base/encoding.h"
#include "common/crypto/digest.h"
#include "common/snapshot/mark.h"

namespace lockstep::agent::drivers::caddy {
namespace {

using nlohmann::json;
using reconcile::Desired;

std::string Digest16(std::string_view bytes) {
  return HexEncode(crypto::Sha256(bytes)).substr(0, 16);
}

json HostList(const std::vector<Hostname>& hosts) {
  json out = json::array();
  for (const Hostname& host : hosts) out.push_back(host.ascii());
  return out;
}

json Route(json hosts, json handlers) {
  return {{"match", {{{"host", std::move(hosts)}}}},
          {"handle", std::move(handlers)},
          {"terminal", true}};
}

// Says on the wire which version of a site is served. It is part of the route that the site's
// content comes from, so that one is never there without the other.
json MarkHandler(const std::map<std::string, std::string>& mark_by_host) {
  const std::string path = snapshot::kMarkPath;
  json mappings = json::array();
  for (const auto& [host, mark] : mark_by_host) {
    mappings.push_back({{"input", host}, {"outputs", {mark}}});
  }
  const json find = {{"handler", "map"},
                     {"source", "{http.request.host}"},
                     {"destinations", {"{lockstep.mark}"}},
                     {"mappings", std::move(mappings)}};
  // The pattern too: a Host that Caddy takes for one of ours and that is spelt otherwise has no
  // mark.
  const json answer = {
      {"match",
       {{{"path", {path + "{lockstep.mark}"}}, {"path_regexp", {{"pattern", "/[0-9a-f]{32}$"}}}}}},
      {"handle",
       {{{"handler", "static_response"},
         {"status_code", 200},
         {"headers",
          {{"Content-Type", {"text/plain; charset=utf-8"}}, {"Cache-Control", {"no-store"}}}},
         {"body", "{lockstep.mark}"}}}},
      {"terminal", true}};
  // One look at the path is all that other requests pay.
  const json marks = {
      {"match", {{{"method", {"GET", "HEAD"}}, {"path", {path + "*"}}}}},
      {"handle",
       json::array({find, {{"handler", "subroute"}, {"routes", json::array({answer})}}})}};
  return {{"handler", "subroute"}, {"routes", json::array({marks})}};
}

json CatchAll(int status) {
  return {{"handle", {{{"handler", "static_response"}, {"status_code", status}}}}};
}

// Both of these are needed: the deferred one misses the answers that Caddy makes of errors (404 of
// a file server, 502), the other one what an origin sends. Caddy's own value promises 30 days.
json StripAltSvc() {
  const json response = {{"delete", {"Alt-Svc"}}};
  json deferred = response;
  deferred["deferred"] = true;
  return {{"handle",
           {{{"handler", "headers"}, {"response", response}},
            {{"handler", "headers"}, {"response", std::move(deferred)}}}}};
}

// Both of these are needed, as above; the names that have a value must not be stripped of it.
json SetAltSvc(const std::string& value) {
  const json response = {{"set", {{"Alt-Svc", {EscapePlaceholders(value)}}}}};
  json deferred = response;
  deferred["deferred"] = true;
  return json::array({{{"handler", "headers"}, {"response", response}},
                      {{"handler", "headers"}, {"response", std::move(deferred)}}});
}

// One value for each name and never two: what is not set is stripped.
void AppendAltSvc(const Desired& desired, json* routes) {
  std::map<std::string, std::set<std::string>> hosts_of;
  std::set<std::string> promised;
  for (const reconcile::Site& site : desired.sites) {
    if (site.alt_svc.empty()) continue;
    for (const Hostname& host : site.secure_hosts) {
      hosts_of[site.alt_svc].insert(host.ascii());
      promised.insert(host.ascii());
    }
  }
  json strip = StripAltSvc();
  if (!promised.empty()) strip["match"] = {{{"not", {{{"host", promised}}}}}};
  routes->push_back(std::move(strip));
  for (const auto& [value, hosts] : hosts_of) {
    routes->push_back({{"match", {{{"host", hosts}}}}, {"handle", SetAltSvc(value)}});
  }
}

// Who speaks to the client: Caddy, or lockstep-quicd, which passes requests on over loopback.
enum class Front { kCaddy, kQuicd };

// What lockstep-quicd says of the client, kept out of reach of everything behind it.
constexpr char kQuicdProtocol[] = "lockstep_protocol";
constexpr char kQuicdClient[] = "lockstep_client";
constexpr char kQuicdScheme[] = "lockstep_scheme";

std::string Var(std::string_view name) { return "{http.vars." + std::string(name) + "}"; }

json ReverseProxy(const reconcile::Upstream& upstream, Front front) {
  json servers = json::array();
  for (const std::string& server : upstream.servers) servers.push_back({{"dial", server}});
  json out = {{"handler", "reverse_proxy"},
              {"upstreams", std::move(servers)},
              {"headers", {{"response", {{"delete", {"Alt-Svc"}}}}}}};
  if (upstream.tls) out["transport"] = {{"protocol", "http"}, {"tls", json::object()}};
  if (front == Front::kQuicd) {
    // Caddy's own would name loopback, and plaintext.
    out["headers"]["request"] = {
        {"set",
         {{"X-Forwarded-For", {Var(kQuicdClient)}}, {"X-Forwarded-Proto", {Var(kQuicdScheme)}}}}};
  }
  return out;
}

json ContentHandler(const reconcile::Site& site, const Desired& desired, Front front) {
  if (const auto* preset = std::get_if<reconcile::Preset>(&site.content)) {
    const std::string type =
        preset->content_type.empty() ? "text/plain; charset=utf-8" : preset->content_type;
    return {
        {"handler", "static_response"},
        {"status_code", preset->status},
        {"headers", {{"Content-Type", {EscapePlaceholders(type)}}}},
        {"body", RenderPresetBody(preset->body, desired.node, desired.pop,
                                  front == Front::kQuicd ? Var(kQuicdProtocol) : kCaddyProtocol)}};
  }
  if (const auto* root = std::get_if<reconcile::FileRoot>(&site.content)) {
    return {{"handler", "file_server"}, {"root", EscapePlaceholders(root->path)}};
  }
  return ReverseProxy(std::get<reconcile::Upstream>(site.content), front);
}

// Hosts by what they are answered with: sites of the same content share a route, since Caddy tries
// routes one after the other but looks into a long list of hosts by bisection.
class RouteTable {
 public:
  void Add(const json& handler, const Hostname& host, const SiteMark& mark) {
    entries_[handler.dump()][host.ascii()] = mark.str();
  }
  bool empty() const { return entries_.empty(); }
  void AppendTo(json* routes) const {
    for (const auto& [handler, marks] : entries_) {
      routes->push_back(Route(HostsOf(marks), {MarkHandler(marks), json::parse(handler)}));
    }
  }
  // Where a site is only a way to its origin.
  void AppendUnmarkedTo(json* routes) const {
    for (const auto& [handler, marks] : entries_) {
      routes->push_back(Route(HostsOf(marks), json::array({json::parse(handler)})));
    }
  }

 private:
  using MarkByHost = std::map<std::string, std::string>;

  static json HostsOf(const MarkByHost& marks) {
    json out = json::array();
    for (const auto& [host, mark] : marks) out.push_back(host);
    return out;
  }

  std::map<std::string, MarkByHost> entries_;  // by the handler's text
};

struct Tables {
  RouteTable http, https, origins;
  RouteTable plain;  // of lockstep-quicd: the same sites as https
  std::set<std::string> redirected;
};

Tables SortSites(const Desired& desired) {
  Tables out;
  for (const reconcile::Site& site : desired.sites) {
    const json handler = ContentHandler(site, desired, Front::kCaddy);
    const json behind_quicd = ContentHandler(site, desired, Front::kQuicd);
    const bool has_origin = std::holds_alternative<reconcile::Upstream>(site.content);
    const std::set<Hostname> secure(site.secure_hosts.begin(), site.secure_hosts.end());
    for (const Hostname& host : site.hosts) {
      if (has_origin) out.origins.Add(handler, host, site.mark);
      if (!secure.contains(host)) out.http.Add(handler, host, site.mark);
    }
    for (const Hostname& host : secure) {
      out.https.Add(handler, host, site.mark);
      out.plain.Add(behind_quicd, host, site.mark);
      out.redirected.insert(host.ascii());
    }
  }
  return out;
}

// Files at once and without a reload, whoever the Host is; then whoever answers misses; then an
// origin that may run its own HTTP-01. Without the pattern `%00` and names that are too long are
// answered 500, and a POST gets the file.
json ChallengeRoute(const RenderSettings& settings, const RouteTable& origins) {
  const std::string prefix = "/.well-known/acme-challenge";
  const std::string pattern = R"(^/\.well-known/acme-challenge/[A-Za-z0-9_-]{16,128}$)";
  // A token has no extension, so Caddy would send it without a type.
  const json type = {
      {"handler", "headers"},
      {"response", {{"deferred", true}, {"set", {{"Content-Type", {"text/plain"}}}}}}};
  const json into = {{"handler", "rewrite"}, {"strip_path_prefix", prefix}};
  const json files = {{"handler", "file_server"},
                      {"root", EscapePlaceholders(settings.challenge_directory)},
                      {"pass_thru", true},
                      {"canonical_uris", false},
                      {"index_names", json::array()}};
  const json back = {{"handler", "rewrite"}, {"uri", prefix + "{http.request.uri.path}"}};
  json miss = {{"handler", "reverse_proxy"},
               {"upstreams", {{{"dial", "unix/" + settings.miss_socket}}}},
               {"transport",
                {{"protocol", "http"}, {"dial_timeout", "1s"}, {"response_header_timeout", "5s"}}}};
  if (!origins.empty()) {
    json routes = json::array();
    origins.AppendUnmarkedTo(&routes);
    routes.push_back({{"handle", {{{"handler", "copy_response"}}}}});
    miss["handle_response"] =
        json::array({{{"match", {{"status_code", {404}}}}, {"routes", std::move(routes)}}});
  }
  return {{"match", {{{"method", {"GET", "HEAD"}}, {"path_regexp", {{"pattern", pattern}}}}}},
          {"handle", json::array({type, into, files, back, std::move(miss)})},
          {"terminal", true}};
}

// Every address by name: with ":443" Caddy answers UDP from the interface's address and HTTP/3 over
// a service address times out.
json ListenList(const Desired& desired, uint16_t port) {
  json out = json::array();
  for (const IpAddress& address : ListenAddresses(desired)) {
    out.push_back(Endpoint{address, port}.ToString());
  }
  return out;
}

json HttpServer(const Desired& desired, const RenderSettings& settings, const Tables& tables) {
  json routes = json::array({ChallengeRoute(settings, tables.origins), StripAltSvc()});
  if (!tables.redirected.empty()) {
    const std::string port =
        settings.https_port == 443 ? "" : ":" + std::to_string(settings.https_port);
    routes.push_back(
        Route(tables.redirected,
              {{{"handler", "static_response"},
                {"status_code", 308},
                {"headers",
                 {{"Location", {"https://{http.request.host}" + port + "{http.request.uri}"}}}}}}));
  }
  tables.http.AppendTo(&routes);
  routes.push_back(CatchAll(404));
  return {{"listen", ListenList(desired, settings.http_port)},
          {"protocols", {"h1"}},
          {"automatic_https", {{"disable", true}}},
          {"routes", std::move(routes)}};
}

// The certificates that are the one to serve for some host, and for each such host which.
std::map<const reconcile::Certificate*, std::vector<Hostname>> ServedCertificates(
    const Desired& desired) {
  std::map<const reconcile::Certificate*, std::vector<Hostname>> out;
  for (const auto& [host, certificate] : reconcile::CertificateByHost(desired)) {
    out[certificate].push_back(host);
  }
  return out;
}

// Which name gets which certificate is never left to Caddy: a chain may have more names than those
// that the snapshot says it answers.
json ConnectionPolicies(const Desired& desired) {
  const auto served = ServedCertificates(desired);
  json out = json::array();
  for (const reconcile::Certificate& certificate : desired.certificates) {
    const auto found = served.find(&certificate);
    if (found == served.end()) continue;
    out.push_back({{"match", {{"sni", HostList(found->second)}}},
                   {"certificate_selection", {{"any_tag", {certificate.name}}}}});
  }
  // For names of none of these: Caddy refuses the handshake, or takes what a chain has besides.
  out.push_back(json::object());
  return out;
}

json HttpsServer(const Desired& desired, const RenderSettings& settings, const Tables& tables,
                 Http3 http3) {
  json routes = json::array();
  AppendAltSvc(desired, &routes);
  tables.https.AppendTo(&routes);
  routes.push_back(CatchAll(421));
  json protocols = {"h1", "h2"};
  if (http3 == Http3::kOn && !desired.certificates.empty()) protocols.push_back("h3");
  return {{"listen", ListenList(desired, settings.https_port)},
          {"protocols", std::move(protocols)},
          {"automatic_https", {{"disable", true}}},
          {"tls_connection_policies", ConnectionPolicies(desired)},
          {"routes", std::move(routes)}};
}

// For lockstep-quicd alone: the same sites as on 443, over loopback. Nobody else has the key, and
// nothing behind the first two routes sees it.
json PlainServer(const RenderSettings& settings, const Tables& tables) {
  const auto field = [](const char* name) {
    return "{http.request.header." + std::string(name) + "}";
  };
  const json stranger = {
      {"match", {{{"not", {{{"header", {{"Lockstep-Key", {settings.plain_key}}}}}}}}}},
      {"handle", {{{"handler", "static_response"}, {"status_code", 403}}}},
      {"terminal", true}};
  const json remember = {{"handler", "vars"},
                         {kQuicdProtocol, field("Lockstep-Protocol")},
                         {kQuicdClient, field("X-Forwarded-For")},
                         {kQuicdScheme, field("X-Forwarded-Proto")}};
  const json forget = {{"handler", "headers"},
                       {"request", {{"delete", {"Lockstep-Key", "Lockstep-Protocol"}}}}};
  json routes = json::array({stranger, {{"handle", {remember, forget}}}, StripAltSvc()});
  tables.plain.AppendTo(&routes);
  routes.push_back(CatchAll(421));
  return {{"listen", {settings.plain_listener.ToString()}},
          {"protocols", {"h1"}},
          // Longer than lockstep-quicd keeps an idle connection (drivers/quicd/render.cc).
          {"idle_timeout", "120s"},
          {"automatic_https", {{"disable", true}}},
          {"routes", std::move(routes)}};
}

json Servers(const Desired& desired, const RenderSettings& settings, Http3 http3) {
  const Tables tables = SortSites(desired);
  const bool caddy_has_udp = desired.quic_server == reconcile::QuicServer::kCaddy;
  json out = {{"http", HttpServer(desired, settings, tables)},
              {caddy_has_udp ? "https" : kHttpsOverTcpOnly,
               HttpsServer(desired, settings, tables, caddy_has_udp ? http3 : Http3::kOff)}};
  if (desired.quic_server == reconcile::QuicServer::kQuicd) {
    out["quicd"] = PlainServer(settings, tables);
  }
  return out;
}

json Certificates(const Desired& desired, std::string* digest) {
  const auto served = ServedCertificates(desired);
  crypto::Sha256Stream stream;
  json out = json::array();
  for (const reconcile::Certificate& certificate : desired.certificates) {
    if (!served.contains(&certificate)) continue;
    out.push_back({{"certificate", certificate.chain_pem},
                   {"key", certificate.key_pem},
                   {"tags", {certificate.name}}});
    stream.Update(crypto::Sha256(certificate.name));
    stream.Update(crypto::Sha256(certificate.chain_pem));
    stream.Update(crypto::Sha256(certificate.key_pem));
  }
  // Which name gets which certificate is part of a QUIC listener's TLS configuration too.
  stream.Update(ConnectionPolicies(desired).dump());
  *digest = HexEncode(stream.Finish()).substr(0, 16);
  return out;
}

json TlsApp(json certificates) {
  // Without the issuer, Caddy's own HTTP-01 solver logs two errors for each challenge request. With
  // stapling, a reload would wait for every CA's OCSP responder.
  const json issuer = {
      {"module", "acme"},
      {"challenges", {{"http", {{"disabled", true}}}, {"tls-alpn", {{"disabled", true}}}}}};
  return {{"certificates", {{"load_pem", std::move(certificates)}}},
          {"automation", {{"policies", {{{"issuers", {issuer}}}}}}},
          {"disable_ocsp_stapling", true}};
}

// In every config: a load without it, accepted or refused, closes the socket and opens an admin
// endpoint without any authentication on 127.0.0.1:2019. What persists would hold our keys.
json AdminBlock(const RenderSettings& settings) {
  return {{"listen", "unix/" + settings.admin_socket}, {"config", {{"persist", false}}}};
}

}  // namespace

std::vector<IpAddress> ListenAddresses(const Desired& desired) {
  std::set<IpAddress> out(desired.service_addresses.begin(), desired.service_addresses.end());
  out.insert(desired.node_addresses.begin(), desired.node_addresses.end());
  return {out.begin(), out.end()};
}

std::string RenderAdmin(const RenderSettings& settings) { return AdminBlock(settings).dump(); }

std::string RenderHold(const RenderSettings& settings, const IpAddress& address) {
  const Endpoint endpoint{address, settings.https_port};
  const json server = {{"listen", {"udp/" + endpoint.ToString()}},
                       {"protocols", {"h1"}},
                       {"automatic_https", {{"disable", true}}}};
  const json config = {{"@id", kHoldId},
                       {"admin", AdminBlock(settings)},
                       {"apps", {{"http", {{"servers", {{"hold", server}}}}}}}};
  return config.dump();
}

std::string EscapePlaceholders(std::string_view text) {
  // Caddy takes the backslashes off again only where the text holds an opening brace.
  if (text.find('{') == std::string_view::npos) return std::string(text);
  std::string out;
  for (const char c : text) {
    if (c == '{' || c == '}') out += '\\';
    out += c;
  }
  return out;
}

std::string RenderPresetBody(std::string_view body, const NodeName& node, const PopName& pop,
                             std::string_view protocol) {
  // Filled in left to right in one pass: what a value brings in is never looked at again.
  constexpr std::string_view kNode = "{node}", kPop = "{pop}", kProtocol = "{protocol}";
  std::string filled, escaped;
  bool has_protocol = false;
  while (!body.empty()) {
    if (body.starts_with(kProtocol)) {
      has_protocol = true;
      escaped += protocol;
      body.remove_prefix(kProtocol.size());
      continue;
    }
    std::string piece(1, body.front());
    size_t taken = 1;
    if (body.starts_with(kNode)) {
      piece = node.str();
      taken = kNode.size();
    } else if (body.starts_with(kPop)) {
      piece = pop.str();
      taken = kPop.size();
    }
    filled += piece;
    if (piece == "{" || piece == "}") escaped += '\\';
    escaped += piece;
    body.remove_prefix(taken);
  }
  return has_protocol || filled.find('{') != std::string::npos ? escaped : filled;
}

Result<RenderedConfig> RenderConfig(const Desired& desired, const RenderSettings& settings,
                                    Http3 http3) try {
  RenderedConfig out;
  const json config = {{"admin", AdminBlock(settings)},
                       {"apps",
                        {{"http",
                          {{"http_port", settings.http_port},
                           {"https_port", settings.https_port},
                           {"grace_period", std::to_string(settings.grace_period.count()) + "s"},
                           {"servers", Servers(desired, settings, http3)}}},
                         {"tls", TlsApp(Certificates(desired, &out.id.certificates))}}}};
  std::string text = config.dump();
  out.id.config = Digest16(text);
  text.insert(1, R"("@id":")" + out.id.ToString() + R"(",)");
  out.json = crypto::Secret(std::move(text));
  return out;
} catch (const json::exception&) {
  return InvalidArgument("caddy config holds a text that is no UTF-8");
}

}  // namespace lockstep::agent::drivers::caddy

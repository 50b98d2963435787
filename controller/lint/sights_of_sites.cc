#include "controller/lint/sights_of_sites.h"

#include <algorithm>
#include <set>

#include "controller/planner/edge.h"
#include "controller/promises/sights.h"
#include "lockstep/types/v1/observation.pb.h"

namespace lockstep::controller::lint {
namespace {

using edge::LintInput;
using types::v1::Observation;

constexpr size_t kMaxHosts = 16;  // whose handshakes are looked at

WallTime ToTime(const google::protobuf::Timestamp& at) {
  return FromUnixMicros(at.seconds() * 1'000'000 + at.nanos() / 1000);
}

template <typename T>
void AddNew(T one, std::vector<T>* to) {
  if (std::ranges::find(*to, one) == to->end()) to->push_back(std::move(one));
}

// One node and what it serves of the site.
struct Served {
  const fleet::LiveNode& live;
  const planner::Plan& plan;
  const planner::ServedSite& site;
};

// The newest look of each observer, if it was one at the node's present agent.
class Looks {
 public:
  Looks(const fleet::Fleet& fleet, const Served& served) : fleet_(fleet), served_(served) {}

  // `see` gets each proof with its observation.
  template <typename See>
  void ForEach(model::ProbeKind kind, const Hostname& host, const std::string& token,
               const See& see) const {
    for (const model::ProofSubject& subject : SubjectsOf(kind, host, token)) {
      const auto found = fleet_.book().find(subject);
      if (found == fleet_.book().end()) continue;
      const model::Proof& proof = found->second;
      Observation seen;
      if (proof.boot_id != served_.live.boot_id || !seen.ParseFromString(proof.observation)) {
        continue;
      }
      see(proof, seen);
    }
  }

 private:
  std::vector<model::ProofSubject> SubjectsOf(model::ProbeKind kind, const Hostname& host,
                                              const std::string& token) const {
    const NodeName& node = served_.live.node.name;
    std::vector<model::ProofSubject> out;
    for (const IpAddress& address : fleet_.service_addresses()) {
      out.push_back({node, kind, host, token, address, false});
    }
    if (kind == model::ProbeKind::kQuic) {
      std::ranges::move(promises::WitnessedHttp3(served_.live, host), std::back_inserter(out));
      return out;
    }
    for (const IpAddress& own : served_.live.node.addresses) {
      out.push_back({node, kind, host, token, own, true});
    }
    return out;
  }

  const fleet::Fleet& fleet_;
  const Served& served_;
};

// All names for which the node serves the certificate with this leaf; none: it is unknown.
std::vector<std::string> NamesOf(const planner::Plan& plan, const std::string& leaf) {
  std::vector<std::string> out;
  for (const planner::ServedCertificate& served : plan.served) {
    if (served.leaf_sha256 == leaf) out.push_back(served.host.ascii());
  }
  return out;
}

bool AddAnswers(const Looks& looks, const Served& served, SiteFacts* facts) {
  std::vector<LintInput::Response> seen;
  looks.ForEach(model::ProbeKind::kSite, served.site.host, served.site.mark,
                [&](const model::Proof&, const Observation& observation) {
                  const types::v1::HttpSeen& http = observation.http();
                  if (!http.has_alt_svc()) return;
                  LintInput::Response response;
                  response.node = served.live.node.name;
                  response.protocol = "h1";
                  response.status = static_cast<int>(http.status());
                  const auto& fields = http.alt_svc().fields();
                  response.alt_svc.assign(fields.begin(), fields.end());
                  response.age = Seconds(http.alt_svc().age_seconds());
                  AddNew(std::move(response), &seen);
                });
  std::ranges::move(seen, std::back_inserter(facts->input.responses));
  return !seen.empty();
}

bool PromisesHttp3(const LintInput& input) {
  const auto has = [](const edge::AltSvc& value) {
    return std::ranges::any_of(value.entries, [](const edge::AltSvcEntry& entry) {
      return entry.alternative == edge::SameHostHttp3();
    });
  };
  return has(input.wanted) || (input.before && has(*input.before));
}

bool AddHandshakes(const Looks& looks, const Served& served, SiteFacts* facts) {
  std::vector<LintInput::Handshake> seen;
  const auto& hosts = served.site.secure_hosts;
  for (size_t i = 0; i < std::min(hosts.size(), kMaxHosts); ++i) {
    looks.ForEach(model::ProbeKind::kQuic, hosts[i], "",
                  [&](const model::Proof& proof, const Observation& observation) {
                    const types::v1::TlsSeen& tls = observation.quic().tls();
                    LintInput::Handshake handshake{served.live.node.name,
                                                   edge::SameHostHttp3(),
                                                   hosts[i],
                                                   proof.good ? "" : proof.problem,
                                                   NamesOf(served.plan, tls.leaf_sha256()),
                                                   ToTime(tls.not_after())};
                    // That it is nobody's certificate is the barrier's to say.
                    if (proof.good && handshake.certificate_names.empty()) return;
                    AddNew(std::move(handshake), &seen);
                  });
  }
  std::ranges::move(seen, std::back_inserter(facts->input.handshakes));
  return !seen.empty();
}

std::optional<Endpoint> ToEndpoint(const std::string& text) {
  const auto parsed = Endpoint::Parse(text);
  return parsed.ok() ? std::optional(*parsed) : std::nullopt;
}

LintInput::Transport ToTransport(const NodeName& node, const types::v1::QuicSeen& quic) {
  const types::v1::TransportParameters& said = quic.parameters();
  LintInput::Transport out;
  out.node = node;
  out.disable_active_migration = said.disable_active_migration();
  out.preferred_v4 = ToEndpoint(said.preferred_ipv4());
  out.preferred_v6 = ToEndpoint(said.preferred_ipv6());
  if (said.has_connection_id_bytes()) out.connection_id_bytes = said.connection_id_bytes();
  out.preferred_answers = quic.move_error().empty();
  return out;
}

// What the policy says of the node, whatever it shows.
void AddSituation(const model::EdgePolicy& policy, const model::Node& node, const std::string& site,
                  LintInput::Transport* out) {
  using model::Situation;
  const planner::NodeEdge of_node = planner::ResolveNode(policy, node);
  for (const Situation situation :
       {of_node.situation.value, planner::ResolveSite(policy, site).situation.value}) {
    out->roaming_forbidden |=
        situation == Situation::kHyperLocal || situation == Situation::kEmbedded;
    out->behind_balancer |=
        situation == Situation::kFourTupleLb || situation == Situation::kTwoTupleLb;
  }
  out->own_addresses = node.addresses;
  for (const model::PreferredAddress& address : of_node.addresses) {
    AddNew(address.advertised, &out->own_addresses);
  }
}

bool AddMigration(const Looks& looks, const Served& served, const model::EdgePolicy& policy,
                  SiteFacts* facts) {
  std::vector<LintInput::Transport> seen;
  const model::Node& node = served.live.node;
  const auto& hosts = served.site.secure_hosts;
  for (size_t i = 0; i < std::min(hosts.size(), kMaxHosts); ++i) {
    looks.ForEach(model::ProbeKind::kQuic, hosts[i], "",
                  [&](const model::Proof&, const Observation& observation) {
                    if (!observation.quic().has_parameters()) return;
                    LintInput::Transport transport = ToTransport(node.name, observation.quic());
                    AddSituation(policy, node, facts->site, &transport);
                    AddNew(std::move(transport), &seen);
                  });
  }
  std::ranges::move(seen, std::back_inserter(facts->input.transports));
  return !seen.empty();
}

const planner::ServedSite* FindSite(const planner::Plan& plan, const std::string& name) {
  const auto found = std::ranges::find(plan.sites, name, &planner::ServedSite::name);
  return found == plan.sites.end() ? nullptr : &*found;
}

}  // namespace

void AddSights(const fleet::Fleet& fleet, const publish::Publisher& publisher,
               const model::EdgePolicy& policy, SiteFacts* facts) {
  const bool promises_http3 = PromisesHttp3(facts->input);
  const bool is_rolling_out = publisher.newest_generation() != publisher.proved_generation();
  size_t nodes = 0;
  size_t answers = 0;
  size_t handshakes = 0;
  size_t migrations = 0;
  bool is_secure = false;
  for (const auto& [name, live] : fleet.nodes()) {
    if (!live.CountsAsAnnouncing()) continue;
    ++nodes;
    const publish::Release* release = live.connected ? publisher.FindApplied(name) : nullptr;
    const planner::ServedSite* site =
        release == nullptr ? nullptr : FindSite(*release->plan, facts->site);
    if (site == nullptr) continue;
    const Served served{live, *release->plan, *site};
    const Looks looks(fleet, served);
    is_secure = is_secure || !site->secure_hosts.empty();
    answers += AddAnswers(looks, served, facts) ? 1 : 0;
    if (promises_http3) handshakes += AddHandshakes(looks, served, facts) ? 1 : 0;
    if (!is_rolling_out) migrations += AddMigration(looks, served, policy, facts) ? 1 : 0;
  }
  if (!is_secure) {
    facts->not_looked_at.emplace_back("nodes: none was seen to serve the site over TLS");
    return;
  }
  facts->SetSeen(Aspect::kAnswers, answers, nodes, "node");
  facts->not_looked_at.emplace_back("answers over HTTP/2 and HTTP/3");
  if (promises_http3) {
    facts->SetSeen(Aspect::kHandshakes, handshakes, nodes, "node");
  } else {
    facts->whole.insert(Aspect::kHandshakes);  // there is no alternative to shake hands with
  }
  if (is_rolling_out) {
    facts->not_looked_at.emplace_back("migration: a rollout is under way");
  } else {
    facts->SetSeen(Aspect::kMigration, migrations, nodes, "node");
  }
}

}  // namespace lockstep::controller::lint

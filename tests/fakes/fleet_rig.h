// A controller's fleet over stores in memory, with a hand-turned clock and nodes that a test plays.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/encoding.h"
#include "common/crypto/digest.h"
#include "common/look/observer.h"
#include "controller/fleet/fleet.h"
#include "controller/fleet/journal.h"
#include "controller/store/database.h"
#include "tests/fakes/fake_agent_link.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/memory_stores.h"

namespace lockstep::fakes {

inline NodeName Node(const std::string& name) { return *NodeName::Parse(name); }
inline Hostname Host(const std::string& name) { return *Hostname::Parse(name); }
inline IpAddress Ip(const std::string& text) { return *IpAddress::Parse(text); }

// How a node answers looks at its listeners.
struct Shown {
  std::map<std::string, std::string> leaf_by_host;  // TLS and QUIC
  std::map<std::string, std::string> body_by_token;
  std::map<std::string, std::string> mark_by_host = {};
};

inline types::v1::Observation SeenTls(types::v1::ProbeKind kind, const std::string& host,
                                      const std::string& address, const std::string& leaf) {
  types::v1::Observation out;
  out.set_kind(kind);
  out.set_host(host);
  out.set_address(address);
  const bool quic = kind == types::v1::PROBE_KIND_QUIC;
  auto* tls = quic ? out.mutable_quic()->mutable_tls() : out.mutable_tls();
  tls->set_leaf_sha256(leaf);
  tls->set_alpn(quic ? "h3" : "h2");
  return out;
}

inline types::v1::Observation SeenBody(const std::string& host, const std::string& token,
                                       const std::string& address, const std::string& body,
                                       uint32_t status = 200) {
  types::v1::Observation out;
  out.set_kind(types::v1::PROBE_KIND_CHALLENGE);
  out.set_host(host);
  out.set_token(token);
  out.set_address(address);
  out.mutable_http()->set_status(status);
  out.mutable_http()->set_body_sha256(crypto::Sha256(body));
  return out;
}

inline types::v1::Observation SeenMark(const std::string& host, const std::string& mark,
                                       const std::string& address, const std::string& body,
                                       uint32_t status = 200) {
  types::v1::Observation out = SeenBody(host, mark, address, body, status);
  out.set_kind(types::v1::PROBE_KIND_SITE);
  return out;
}

class FleetRig {
 public:
  static constexpr const char* kService4 = "203.0.113.10";
  static constexpr const char* kService6 = "2001:db8:a::10";

  FleetRig()
      : state(clock),
        database(backend, state),
        journal(database, state),
        fleet({{Ip(kService4), Ip(kService6)}, Seconds(10), "0.0.0"}, database, state, journal) {
    fleet.SetLink(&link);
    journal.Watch([this](const controller::model::Event& event) { events.push_back(event); });
  }

  // Stored and loaded; "ams1" of pop "ams" at 10.77.0.<place>.
  void Enrol(const std::vector<std::string>& names) {
    std::vector<controller::model::Node> nodes;
    for (const std::string& name : names) {
      controller::model::Node node;
      node.name = Node(name);
      node.pop = *PopName::Parse(name.substr(0, name.size() - 1));
      node.addresses = {Ip("10.77.0." + std::to_string(++places_))};
      node.agent_version = "0.0.0";
      nodes.push_back(node);
      LS_CHECK(
          database
              .RunNow([&](controller::store::Stores& stores) { return stores.nodes.Create(node); })
              .ok());
    }
    fleet.Load(nodes, {}, {1, std::string(16, 'e')});
  }

  agent::v1::Hello HelloOf(const std::string& name) const {
    agent::v1::Hello hello;
    hello.set_agent_version("0.0.0");
    hello.set_boot_id(std::string(16, 'b'));
    const controller::fleet::LiveNode* live = fleet.Find(Node(name));
    if (live != nullptr) {
      for (const IpAddress& address : live->node.addresses) {
        hello.add_addresses(address.ToString());
      }
    }
    return hello;
  }
  // Of an agent that knows the marks of sites.
  agent::v1::Hello MarkingHelloOf(const std::string& name) const {
    agent::v1::Hello hello = HelloOf(name);
    hello.add_capabilities(look::kSiteCapability);
    return hello;
  }
  // Opens a new stream; what runs because of it has run.
  Status Connect(const std::string& name, const agent::v1::Hello& hello) {
    const auto welcome = fleet.OnHello(Node(name), ++sessions_[name], hello);
    state.RunAll();
    return welcome.status();
  }
  Status Connect(const std::string& name) { return Connect(name, HelloOf(name)); }
  void Disconnect(const std::string& name) {
    fleet.OnClosed(Node(name), sessions_[name], Unavailable("gone"));
    state.RunAll();
  }
  void Say(const std::string& name, const agent::v1::AgentMessage& message) {
    fleet.OnMessage(Node(name), sessions_[name], message);
    state.RunAll();
  }
  uint64_t session(const std::string& name) { return sessions_[name]; }

  // The node's own look at everything that `shown` names, on every service address.
  void ShowLocally(const std::string& name, const Shown& shown) {
    agent::v1::AgentMessage message;
    for (const char* address : {kService4, kService6}) {
      AddObservations(shown, address, message.mutable_proof_report()->mutable_observations());
    }
    Say(name, message);
  }
  // What another one sees through the node's own addresses.
  void ShowToWitness(const std::string& name, const Shown& shown) {
    const auto* live = fleet.Find(Node(name));
    for (const IpAddress& address : live->node.addresses) {
      google::protobuf::RepeatedPtrField<types::v1::Observation> seen;
      AddObservations(shown, address.ToString(), &seen);
      for (const auto& observation : seen) {
        fleet.RecordWitnessed(live->node.name, live->boot_id, "witness", observation);
      }
    }
    state.RunAll();
  }
  void Show(const std::string& name, const Shown& shown) {
    ShowLocally(name, shown);
    ShowToWitness(name, shown);
  }

  bool HasEvent(const std::string& kind) const {
    for (const auto& event : events) {
      if (event.kind == kind) return true;
    }
    return false;
  }

  FakeClock clock;
  ManualExecutor state;
  MemoryBackend backend;
  controller::store::Database database;
  FakeAgentLink link;
  controller::fleet::Journal journal;
  controller::fleet::Fleet fleet;
  std::vector<controller::model::Event> events;

 private:
  static void AddObservations(const Shown& shown, const std::string& address,
                              google::protobuf::RepeatedPtrField<types::v1::Observation>* out) {
    for (const auto& [host, leaf] : shown.leaf_by_host) {
      *out->Add() = SeenTls(types::v1::PROBE_KIND_TLS, host, address, leaf);
      *out->Add() = SeenTls(types::v1::PROBE_KIND_QUIC, host, address, leaf);
    }
    for (const auto& [token, body] : shown.body_by_token) {
      *out->Add() = SeenBody("www.example.test", token, address, body);
    }
    for (const auto& [host, mark] : shown.mark_by_host) {
      *out->Add() = SeenMark(host, mark, address, mark);
    }
  }

  int places_ = 0;
  std::map<std::string, uint64_t> sessions_;
};

}  // namespace lockstep::fakes

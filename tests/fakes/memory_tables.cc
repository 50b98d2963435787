#include "tests/fakes/memory_tables.h"

#include <algorithm>
#include <type_traits>

#include "common/base/encoding.h"
#include "common/crypto/digest.h"

namespace lockstep::fakes {

namespace model = controller::model;

namespace {

template <typename Map, typename Key>
std::optional<typename Map::mapped_type> FindIn(const Map& map, const Key& key) {
  const auto found = map.find(key);
  if (found == map.end()) return std::nullopt;
  return found->second;
}

template <typename Map>
std::vector<typename Map::mapped_type> ValuesOf(const Map& map) {
  std::vector<typename Map::mapped_type> values;
  values.reserve(map.size());
  for (const auto& [key, value] : map) values.push_back(value);
  return values;
}

template <typename T>
Result<T> OrNotFound(std::optional<T> found, const std::string& what) {
  if (!found) return NotFound("no " + what);
  return *std::move(found);
}

}  // namespace

Result<std::optional<model::Node>> MemoryNodes::Find(const NodeName& name) {
  return FindIn(tables_.nodes, name);
}
Result<model::Node> MemoryNodes::Get(const NodeName& name) {
  return OrNotFound(FindIn(tables_.nodes, name), "node " + name.str());
}
Result<std::vector<model::Node>> MemoryNodes::List() { return ValuesOf(tables_.nodes); }
Status MemoryNodes::Create(const model::Node& node) {
  if (tables_.nodes.emplace(node.name, node).second) return Status::Ok();
  return AlreadyExists("node " + node.name.str() + " exists already");
}
Status MemoryNodes::Update(const model::Node& node) {
  const auto found = tables_.nodes.find(node.name);
  if (found == tables_.nodes.end()) return NotFound("no node " + node.name.str());
  found->second = node;
  return Status::Ok();
}
Status MemoryNodes::Delete(const NodeName& name) {
  if (tables_.nodes.erase(name) == 0) return NotFound("no node " + name.str());
  std::erase_if(tables_.proofs, [&](const auto& entry) { return entry.first.node == name; });
  return Status::Ok();
}

Result<std::optional<model::JoinToken>> MemoryTokens::Find(const std::string& id) {
  return FindIn(tables_.tokens, id);
}
Result<std::vector<model::JoinToken>> MemoryTokens::List() {
  std::vector<model::JoinToken> tokens = ValuesOf(tables_.tokens);
  std::sort(tokens.begin(), tokens.end(), [](const auto& a, const auto& b) {
    return std::tie(a.created_at, a.id) > std::tie(b.created_at, b.id);
  });
  return tokens;
}
Status MemoryTokens::Create(const model::JoinToken& token) {
  if (tables_.tokens.emplace(token.id, token).second) return Status::Ok();
  return AlreadyExists("token " + token.id + " exists already");
}
Status MemoryTokens::Redeem(const std::string& id, const std::string& spki_sha256) {
  const auto found = tables_.tokens.find(id);
  if (found == tables_.tokens.end()) return NotFound("no token " + Quoted(id));
  model::JoinToken& token = found->second;
  if (token.revoked) return FailedPrecondition("token " + id + " was revoked");
  if (token.used_by_spki_sha256.value_or(spki_sha256) != spki_sha256) {
    return AlreadyExists("token " + id + " was used by another key");
  }
  token.used_by_spki_sha256 = spki_sha256;
  return Status::Ok();
}
Status MemoryTokens::Revoke(const std::string& id) {
  const auto found = tables_.tokens.find(id);
  if (found == tables_.tokens.end()) return NotFound("no token " + Quoted(id));
  found->second.revoked = true;
  return Status::Ok();
}
Result<size_t> MemoryTokens::Prune(WallTime time) {
  return std::erase_if(tables_.tokens,
                       [&](const auto& entry) { return entry.second.expires_at < time; });
}

Result<std::optional<model::Site>> MemorySites::Find(const std::string& name) {
  return FindIn(tables_.sites, name);
}
Result<std::vector<model::Site>> MemorySites::List() { return ValuesOf(tables_.sites); }
Status MemorySites::Put(const std::vector<model::Site>& sites) {
  std::map<std::string, model::Site> wanted = tables_.sites;
  for (const model::Site& site : sites) wanted.insert_or_assign(site.name, site);
  std::map<Hostname, std::string> holders;
  for (const auto& [name, site] : wanted) {
    for (const Hostname& host : site.hosts) {
      const auto [holder, is_new] = holders.emplace(host, name);
      if (is_new) continue;
      return AlreadyExists("host " + host.Display() + " of site " + name + " belongs to site " +
                           holder->second + " already");
    }
  }
  tables_.sites = std::move(wanted);
  return Status::Ok();
}
Status MemorySites::Delete(const std::string& name) {
  if (tables_.sites.erase(name) == 0) return NotFound("no site " + Quoted(name));
  return Status::Ok();
}

Result<std::optional<model::Certificate>> MemoryCertificates::FindNewest(const std::string& name) {
  LS_ASSIGN_OR_RETURN(const std::vector<model::Certificate> revisions, ListRevisions(name));
  if (revisions.empty()) return std::optional<model::Certificate>();
  return std::optional(revisions.front());
}
Result<std::optional<model::Certificate>> MemoryCertificates::Find(const std::string& name,
                                                                   uint64_t revision) {
  return FindIn(tables_.certificates, std::pair(name, revision));
}
Result<std::vector<model::Certificate>> MemoryCertificates::List() {
  std::map<std::string, model::Certificate> newest;
  for (const auto& [key, certificate] : tables_.certificates) {
    newest.insert_or_assign(key.first, certificate);
  }
  return ValuesOf(newest);
}
Result<std::vector<model::Certificate>> MemoryCertificates::ListRevisions(const std::string& name) {
  std::vector<model::Certificate> revisions;
  for (const auto& [key, certificate] : tables_.certificates) {
    if (key.first == name) revisions.insert(revisions.begin(), certificate);
  }
  return revisions;
}
Result<uint64_t> MemoryCertificates::Create(const model::Certificate& certificate) {
  const uint64_t revision = ++tables_.newest_revisions[certificate.name];
  model::Certificate stored = certificate;
  stored.revision = revision;
  tables_.certificates.emplace(std::pair(certificate.name, revision), std::move(stored));
  return revision;
}
Status MemoryCertificates::MarkRevoked(const std::string& name, uint64_t revision) {
  const auto found = tables_.certificates.find(std::pair(name, revision));
  if (found == tables_.certificates.end()) {
    return NotFound("no certificate " + Quoted(name) + " revision " + std::to_string(revision));
  }
  found->second.revoked = true;
  return Status::Ok();
}
Result<size_t> MemoryCertificates::Prune(size_t keep) {
  std::map<std::string, size_t> kept;
  size_t pruned = 0;
  for (auto entry = tables_.certificates.end(); entry != tables_.certificates.begin();) {
    --entry;
    if (++kept[entry->first.first] <= std::max<size_t>(keep, 1)) continue;
    entry = tables_.certificates.erase(entry);
    ++pruned;
  }
  return pruned;
}
Status MemoryCertificates::Delete(const std::string& name) {
  const size_t gone = std::erase_if(tables_.certificates,
                                    [&](const auto& entry) { return entry.first.first == name; });
  return gone == 0 ? NotFound("no certificate " + Quoted(name)) : Status::Ok();
}

Result<std::optional<model::RenewalState>> MemoryRenewals::Find(const std::string& certificate) {
  return FindIn(tables_.renewals, certificate);
}
Result<std::vector<model::RenewalState>> MemoryRenewals::List() {
  return ValuesOf(tables_.renewals);
}
Status MemoryRenewals::Put(const model::RenewalState& state) {
  tables_.renewals.insert_or_assign(state.certificate, state);
  return Status::Ok();
}
Status MemoryRenewals::Delete(const std::string& certificate) {
  tables_.renewals.erase(certificate);
  return Status::Ok();
}

Result<std::optional<model::Order>> MemoryOrders::Find(const OrderId& id) {
  return FindIn(tables_.orders, id);
}
Result<model::Order> MemoryOrders::Get(const OrderId& id) {
  return OrNotFound(FindIn(tables_.orders, id), "order " + id.str());
}
std::vector<model::Order> MemoryOrders::OldestFirst() const {
  std::vector<model::Order> orders = ValuesOf(tables_.orders);
  std::sort(orders.begin(), orders.end(), [](const auto& a, const auto& b) {
    return std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id);
  });
  return orders;
}
Result<std::vector<model::Order>> MemoryOrders::List(size_t limit,
                                                     const std::optional<OrderId>& before) {
  std::vector<model::Order> orders = OldestFirst();
  std::reverse(orders.begin(), orders.end());
  if (before) {
    const auto place = std::find_if(orders.begin(), orders.end(),
                                    [&](const auto& order) { return order.id == *before; });
    if (place == orders.end()) return NotFound("no order " + before->str());
    orders.erase(orders.begin(), place + 1);
  }
  if (orders.size() > limit) orders.resize(limit);
  return orders;
}
Result<std::vector<model::Order>> MemoryOrders::ListOpen() {
  std::vector<model::Order> orders = OldestFirst();
  std::erase_if(orders, [](const auto& order) { return model::IsEnded(order.state); });
  return orders;
}
Status MemoryOrders::Create(const model::Order& order) {
  if (tables_.orders.emplace(order.id, order).second) return Status::Ok();
  return AlreadyExists("order " + order.id.str() + " exists already");
}
Status MemoryOrders::Update(const model::Order& order) {
  const auto found = tables_.orders.find(order.id);
  if (found == tables_.orders.end()) return NotFound("no order " + order.id.str());
  found->second = order;
  return Status::Ok();
}
Result<size_t> MemoryOrders::Prune(size_t keep) {
  std::vector<model::Order> orders = OldestFirst();
  std::erase_if(orders, [](const auto& order) { return !model::IsEnded(order.state); });
  if (orders.size() <= keep) return size_t{0};
  orders.resize(orders.size() - keep);
  for (const model::Order& order : orders) {
    tables_.orders.erase(order.id);
    tables_.order_proofs.erase(order.id);
  }
  return orders.size();
}

Result<std::vector<model::Challenge>> MemoryChallenges::List() {
  return ValuesOf(tables_.challenges);
}
Status MemoryChallenges::Put(const std::vector<model::Challenge>& challenges) {
  for (const model::Challenge& challenge : challenges) {
    tables_.challenges.insert_or_assign(
        std::tuple(challenge.order.str(), challenge.host.ascii(), challenge.token.str()),
        challenge);
  }
  return Status::Ok();
}
Status MemoryChallenges::DeleteOf(const OrderId& order) {
  std::erase_if(tables_.challenges, [&](const auto& entry) { return entry.second.order == order; });
  return Status::Ok();
}

Result<std::optional<model::Generation>> MemoryGenerations::Find(uint64_t number) {
  return FindIn(tables_.generations, number);
}
Result<model::Generation> MemoryGenerations::Get(uint64_t number) {
  return OrNotFound(FindIn(tables_.generations, number), "generation " + std::to_string(number));
}
Result<std::optional<model::Generation>> MemoryGenerations::FindNewest() {
  if (tables_.generations.empty()) return std::optional<model::Generation>();
  return std::optional(tables_.generations.rbegin()->second);
}
Result<std::optional<model::Generation>> MemoryGenerations::FindLastKnownGood() {
  std::optional<model::Generation> newest;
  for (const auto& [number, generation] : tables_.generations) {
    if (generation.state == model::GenerationState::kLastKnownGood) newest = generation;
  }
  return newest;
}
Result<std::vector<model::Generation>> MemoryGenerations::List(size_t limit, uint64_t before) {
  std::vector<model::Generation> generations;
  for (auto entry = tables_.generations.rbegin(); entry != tables_.generations.rend(); ++entry) {
    if (generations.size() == limit) break;
    if (before != 0 && entry->first >= before) continue;
    generations.push_back(entry->second);
    generations.back().resources.clear();
  }
  return generations;
}
Status MemoryGenerations::Create(const model::Generation& generation) {
  const uint64_t newest = tables_.generations.empty() ? 0 : tables_.generations.rbegin()->first;
  if (generation.number <= newest) {
    return FailedPrecondition("generation " + std::to_string(generation.number) +
                              " is not newer than generation " + std::to_string(newest));
  }
  model::Generation& stored = tables_.generations[generation.number];
  stored = generation;
  std::sort(stored.resources.begin(), stored.resources.end(), [](const auto& a, const auto& b) {
    return std::tie(a.type, a.name) < std::tie(b.type, b.name);
  });
  return Status::Ok();
}
Status MemoryGenerations::Update(const model::Generation& generation) {
  const auto found = tables_.generations.find(generation.number);
  if (found == tables_.generations.end()) {
    return NotFound("no generation " + std::to_string(generation.number));
  }
  found->second.state = generation.state;
  found->second.problem = generation.problem;
  found->second.ended_at = generation.ended_at;
  return Status::Ok();
}
Result<size_t> MemoryGenerations::Prune(size_t keep) {
  LS_ASSIGN_OR_RETURN(const std::optional<model::Generation> good, FindLastKnownGood());
  std::set<uint64_t> kept;
  for (auto entry = tables_.generations.rbegin(); entry != tables_.generations.rend(); ++entry) {
    if (kept.size() < std::max<size_t>(keep, 1)) kept.insert(entry->first);
  }
  return std::erase_if(tables_.generations, [&](const auto& entry) {
    return entry.second.ended_at && !kept.contains(entry.first) &&
           !(good && good->number == entry.first);
  });
}

Result<std::optional<std::string>> MemoryResources::Find(const std::string& sha256) {
  return FindIn(tables_.resources, sha256);
}
Status MemoryResources::Put(const std::string& sha256, const std::string& body) {
  if (crypto::Sha256(body) != sha256) {
    return InvalidArgument("a resource body does not hash to " + HexEncode(sha256));
  }
  tables_.resources.emplace(sha256, body);
  return Status::Ok();
}
Result<size_t> MemoryResources::Prune() {
  std::set<std::string> named;
  for (const auto& [number, generation] : tables_.generations) {
    for (const auto& resource : generation.resources) named.insert(resource.sha256);
  }
  return std::erase_if(tables_.resources,
                       [&](const auto& entry) { return !named.contains(entry.first); });
}

Result<std::vector<model::Proof>> MemoryProofs::List() { return ValuesOf(tables_.proofs); }
Result<std::vector<model::Proof>> MemoryProofs::ListOf(const OrderId& order) {
  std::vector<model::Proof> proofs = ValuesOf(tables_.proofs);
  std::erase_if(proofs, [&](const auto& proof) { return proof.order != order || order.empty(); });
  return proofs;
}
Status MemoryProofs::Put(const std::vector<model::Proof>& proofs) {
  for (const model::Proof& proof : proofs) {
    const auto found = tables_.proofs.find(proof.subject);
    if (found != tables_.proofs.end() && found->second.observed_at > proof.observed_at) continue;
    tables_.proofs.insert_or_assign(proof.subject, proof);
  }
  return Status::Ok();
}
Status MemoryProofs::Keep(const OrderId& order, const std::vector<model::Proof>& proofs) {
  if (!tables_.orders.contains(order)) return NotFound("no order " + order.str());
  model::ProofBook& kept = tables_.order_proofs[order];
  kept.clear();
  for (const model::Proof& proof : proofs) kept.insert_or_assign(proof.subject, proof);
  return Status::Ok();
}
Result<std::vector<model::Proof>> MemoryProofs::ListKept(const OrderId& order) {
  const auto found = tables_.order_proofs.find(order);
  if (found == tables_.order_proofs.end()) return std::vector<model::Proof>();
  return ValuesOf(found->second);
}
Status MemoryProofs::DeleteOf(const NodeName& node) {
  std::erase_if(tables_.proofs, [&](const auto& entry) { return entry.first.node == node; });
  return Status::Ok();
}
Result<size_t> MemoryProofs::Prune(WallTime time) {
  return std::erase_if(tables_.proofs,
                       [&](const auto& entry) { return entry.second.observed_at < time; });
}

Result<uint64_t> MemoryEvents::Create(const model::Event& event) {
  const uint64_t id = ++tables_.newest_event;
  model::Event stored = event;
  stored.id = id;
  tables_.events.emplace(id, std::move(stored));
  return id;
}
Result<std::vector<model::Event>> MemoryEvents::List(size_t limit, uint64_t before_id,
                                                     const std::string& subject) {
  std::vector<model::Event> events = ValuesOf(tables_.events);
  std::erase_if(events, [&](const auto& event) {
    return (before_id != 0 && event.id >= before_id) ||
           (!subject.empty() && event.subject != subject);
  });
  if (events.size() > limit) {
    events.erase(events.begin(), events.end() - static_cast<std::ptrdiff_t>(limit));
  }
  return events;
}
Result<std::vector<model::Event>> MemoryEvents::ListAfter(uint64_t after_id, size_t limit) {
  std::vector<model::Event> events = ValuesOf(tables_.events);
  std::erase_if(events, [&](const auto& event) { return event.id <= after_id; });
  if (events.size() > limit) events.resize(limit);
  return events;
}
Result<size_t> MemoryEvents::Prune(size_t keep) {
  size_t pruned = 0;
  while (tables_.events.size() > keep) {
    tables_.events.erase(tables_.events.begin());
    ++pruned;
  }
  return pruned;
}

Result<std::optional<model::Epoch>> MemoryMeta::FindEpoch() { return tables_.epoch; }
Status MemoryMeta::PutEpoch(const model::Epoch& epoch) {
  if (tables_.epoch && *tables_.epoch != epoch && epoch.counter <= tables_.epoch->counter) {
    return FailedPrecondition("epoch " + std::to_string(epoch.counter) + " does not follow epoch " +
                              std::to_string(tables_.epoch->counter));
  }
  tables_.epoch = epoch;
  return Status::Ok();
}
Result<uint64_t> MemoryMeta::CreateStart(const std::string& id, WallTime started_at) {
  for (const auto& start : tables_.starts) {
    if (start.id == id) return AlreadyExists("this start is in the list already");
  }
  const auto& generations = tables_.generations;
  const uint64_t newest = generations.empty() ? 0 : generations.rbegin()->first;
  tables_.starts.push_back({tables_.starts.size() + 1, id, started_at, newest + 1});
  return tables_.starts.back().ordinal;
}
Result<std::vector<controller::store::Start>> MemoryMeta::ListStarts() { return tables_.starts; }
Result<std::optional<std::string>> MemoryMeta::FindFlag(const std::string& name) {
  return FindIn(tables_.flags, name);
}
Status MemoryMeta::PutFlag(const std::string& name, const std::string& value) {
  tables_.flags.insert_or_assign(name, value);
  return Status::Ok();
}
Status MemoryMeta::DeleteFlag(const std::string& name) {
  tables_.flags.erase(name);
  return Status::Ok();
}

Result<std::optional<controller::store::StoredPolicy>> MemoryPolicy::Find() {
  return tables_.policy;
}
Status MemoryPolicy::Put(const controller::store::StoredPolicy& policy) {
  tables_.policy = policy;
  return Status::Ok();
}

Result<std::optional<model::QuicKeys>> MemoryQuicKeys::Find() { return tables_.quic_keys; }
Status MemoryQuicKeys::Put(const model::QuicKeys& keys) {
  tables_.quic_keys = keys;
  return Status::Ok();
}

Result<std::vector<model::SitePromise>> MemoryPromises::List() {
  std::vector<model::SitePromise> out;
  for (const auto& [site, promise] : tables_.promises) out.push_back(promise);
  return out;
}
Status MemoryPromises::Put(const std::vector<model::SitePromise>& promises) {
  for (model::SitePromise promise : promises) {
    promise.ramp.held_since.reset();
    tables_.promises.insert_or_assign(promise.site, promise);
  }
  return Status::Ok();
}
Status MemoryPromises::Delete(const std::string& site) {
  if (tables_.promises.erase(site) > 0) return Status::Ok();
  return NotFound("nothing is promised for site " + site);
}
Result<model::KeepingState> MemoryPromises::GetKeeping() { return tables_.keeping; }
Status MemoryPromises::PutKeeping(const model::KeepingState& keeping) {
  tables_.keeping = keeping;
  return Status::Ok();
}

}  // namespace lockstep::fakes

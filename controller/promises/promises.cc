#include "controller/promises/promises.h"

#include <algorithm>
#include <utility>

#include "controller/planner/edge.h"

namespace lockstep::controller::promises {
namespace {

using agent::v1::AnnounceWish;

constexpr Micros kTick = Seconds(1);
constexpr Micros kLongestPause = Seconds(30);  // a new start of an agent voids proofs in silence
constexpr size_t kWatchedHosts = 16;           // of a node, in one round
constexpr int kShare = 20;  // looking takes a twentieth of the strand at the most

Seconds ToSeconds(Micros duration) { return std::chrono::duration_cast<Seconds>(duration); }

bool OffersHttp3(const edge::Ledger& ledger, WallTime now) {
  return ledger.Ends(now).contains(edge::SameHostHttp3());
}

// The first node that the policy leaves without a QUIC server; its name, or empty.
std::string NodeWithoutServer(const model::EdgePolicy& policy,
                              const std::vector<model::Node>& nodes) {
  for (const model::Node& node : nodes) {
    const auto server = planner::ResolveNode(policy, node).quic_server;
    if (server.value == model::QuicServer::kNone) return node.name.str();
  }
  return "";
}

// Whether a node that comes with this generation may tell clients what the ledger does not expect
// of it: something older than what was closed, or anything after it was taken for silent.
bool MaySayMore(const model::LedgerState& ledger, const fleet::LiveNode& live, uint64_t serving) {
  if (ledger.nodes.empty() || !live.CountsAsAnnouncing()) return false;
  const auto found = ledger.nodes.find(live.node.name);
  if (found == ledger.nodes.end() || found->second.open.empty()) return true;
  return serving < found->second.open.begin()->first.number;
}

}  // namespace

Promises::Promises(Options options, store::Database& database, task::Executor& state,
                   fleet::Journal& journal, fleet::Fleet& fleet, witness::Witnesses& witnesses,
                   const publish::Publisher& publisher, std::vector<model::SitePromise> stored,
                   model::KeepingState keeping)
    : options_(std::move(options)),
      database_(database),
      state_(state),
      journal_(journal),
      fleet_(fleet),
      witnesses_(witnesses),
      publisher_(publisher),
      records_(options_.ledger, stored) {
  keeping_.state = std::move(keeping);
}

void Promises::Start(Sources sources, std::function<void(const std::string&)> changed) {
  sources_ = std::move(sources);
  changed_ = std::move(changed);
  state_.PostAfter(kTick, [this] { Tick(); });
}

std::map<std::string, std::string> Promises::Values() const {
  std::map<std::string, std::string> out;
  for (const auto& [site, record] : records_.all()) {
    std::string value = edge::RenderAltSvc(edge::ValueOf(record.ramp));
    if (!value.empty()) out.emplace(site, std::move(value));
  }
  return out;
}

edge::AltSvc Promises::ValueOf(const std::string& site) const {
  const Record* record = records_.Find(site);
  return record == nullptr ? edge::AltSvc() : edge::ValueOf(record->ramp);
}

void Promises::Tick() {
  state_.PostAfter(kTick, [this] { Tick(); });
  if (flushing_ || !publisher_.read_only_reason().empty()) return;
  if (has_looked_ && !keeping_unsaved_) TellNodes();
  Watch();
  if (state_.clock().Mono() < not_before_) return;
  if (!is_due_ && state_.clock().Now() < look_at_) return;
  const MonoTime began = state_.clock().Mono();
  Look();
  // Its cost grows with nodes times sites.
  not_before_ = state_.clock().Mono() + (state_.clock().Mono() - began) * kShare;
  Flush([this](const Status& stored) { has_looked_ = has_looked_ || stored.ok(); });
}

// Nobody says of himself that his packets do not arrive, and proofs stand until they are refuted.
void Promises::Watch() {
  const MonoTime now = state_.clock().Mono();
  const publish::Release* stable = publisher_.stable();
  if (stable == nullptr || now < watched_at_ + options_.watch) return;
  watched_at_ = now;
  const WallTime at = state_.clock().Now();
  std::vector<Hostname> hosts;
  for (const planner::ServedSite& site : stable->plan->sites) {
    const Record* record = records_.Find(site.name);
    if (record == nullptr || site.secure_hosts.empty()) continue;
    const bool matters = WhyUnwanted(*record).empty() || OffersHttp3(record->ledger, at);
    if (matters) hosts.push_back(site.secure_hosts.front());
  }
  if (hosts.empty()) return;
  std::vector<model::ProofSubject> ask;
  const size_t count = std::min(hosts.size(), kWatchedHosts);
  for (const auto& [name, live] : fleet_.nodes()) {
    if (!live.connected || live.node.banned) continue;
    for (size_t i = 0; i < count; ++i) {
      auto subjects = WitnessedHttp3(live, hosts[(watch_round_ + i) % hosts.size()]);
      std::ranges::move(subjects, std::back_inserter(ask));
    }
  }
  watch_round_ += count;
  witnesses_.Ask(ask);
}

void Promises::Look() {
  const WallTime now = state_.clock().Now();
  is_due_ = false;
  look_at_ = now + kLongestPause;
  without_server_ = NodeWithoutServer(sources_.policy(), fleet_.EnrolledNodes());
  const std::vector<std::string> sites = sources_.sites();
  Sights sights(fleet_, publisher_);
  std::map<std::string, SiteSight> seen;
  for (const std::string& site : sites) {
    SiteSight& sight = seen.emplace(site, sights.Look(site)).first->second;
    witnesses_.Ask(sight.ask_witness);
    KeepBooks(site, sight, now);
  }
  KeepNodes(seen, &sights, now);
  for (const auto& [site, sight] : seen) Climb(site, sight, now);
  Forget(sites, now);
}

void Promises::KeepBooks(const std::string& site, const SiteSight& sight, WallTime now) {
  edge::Ledger& ledger = records_.Of(site).ledger;
  bool changed = false;
  for (const auto& [name, node] : sight.nodes) {
    if (node.generation.number == 0) continue;
    // A node that comes back from a withdrawal says again what it is told to.
    changed |= ledger.MaySend(name, node.generation, OfferOf(node.value));
    if (node.not_shown.empty()) changed |= ledger.Proved(name, node.generation, now);
  }
  for (const auto& [name, live] : fleet_.nodes()) {
    if (!live.CountsAsAnnouncing()) changed |= ledger.Silent(name, now);
  }
  changed |= ledger.Prune(now);
  if (changed) unsaved_.insert(site);
}

void Promises::KeepNodes(const std::map<std::string, SiteSight>& seen, Sights* sights,
                         WallTime now) {
  edge::KeepingFacts facts;
  for (const auto& [name, live] : fleet_.nodes()) {
    facts.nodes[name].available =
        live.connected && live.CountsAsAnnouncing() && !live.node.banned && live.suspect.empty();
    facts.nodes[name].returning = live.IsReturning();
  }
  for (const auto& [site, sight] : seen) {
    if (!OffersHttp3(records_.Of(site).ledger, now)) continue;
    for (const auto& [name, live] : fleet_.nodes()) {
      std::optional<edge::Sight> http3;
      // Back on the service addresses it is judged by what it shows there.
      const bool serves = live.IsReturning() && live.CountsAsAnnouncing() && !live.marked;
      if (live.IsFollowing() && !serves) {
        http3 = sights->LookAtWithdrawn(live, site);
      } else if (const auto found = sight.nodes.find(name); found != sight.nodes.end()) {
        http3 = found->second.http3;
      }
      if (http3) facts.nodes[name].sites[site] = *http3;
    }
  }
  const edge::Keeping before =
      std::exchange(keeping_, edge::Keep(keeping_.state, facts, options_.keeping, now));
  if (keeping_.state != before.state) keeping_unsaved_ = true;
  if (keeping_.look_at) look_at_ = std::min(look_at_, *keeping_.look_at);
  TellOfNodes(before);
}

// Of a controller that may not change anything they hear nothing, and go on as they were.
void Promises::TellNodes() {
  std::set<NodeName> marked;
  for (const auto& [name, why] : keeping_.withdraw) marked.insert(name);
  fleet_.SetMarked(marked);
  for (const auto& [name, live] : fleet_.nodes()) {
    if (live.connected && !live.node.banned) TellNode(live);
  }
}

std::optional<AnnounceWish::Wish> Promises::WishFor(const NodeName& node) const {
  if (!keeping_.withdraw.contains(node)) return AnnounceWish::WISH_ANNOUNCED;
  switch (keeping_.marked) {
    case edge::Marked::kWithdraw:
      return AnnounceWish::WISH_WITHDRAWN;
    case edge::Marked::kWithoutHttp3:
      return AnnounceWish::WISH_WITHOUT_QUIC;
    case edge::Marked::kAsItIs:
      break;
  }
  return std::nullopt;
}

void Promises::TellNode(const fleet::LiveNode& live) {
  const NodeName& name = live.node.name;
  const auto wanted = WishFor(name);
  if (!wanted) return;
  Told& told = told_[name];
  const bool knows = told.session == live.session;
  if (knows && told.wish == *wanted) return;
  // Who follows no other wish has nothing to return from.
  const bool is_away = knows || live.IsFollowing();
  if (*wanted == AnnounceWish::WISH_ANNOUNCED && !is_away) return;
  agent::v1::ControllerMessage message;
  AnnounceWish* wish = message.mutable_announce_wish();
  wish->set_wish(*wanted);
  if (*wanted != AnnounceWish::WISH_ANNOUNCED) {
    wish->set_reason(keeping_.withdraw.at(name));
    const int64_t micros = ToUnixMicros(*keeping_.state.nodes.at(name).marked_since);
    wish->mutable_since()->set_seconds(micros / 1'000'000);
    wish->mutable_since()->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1000);
  }
  // What could not be sent is said at the next tick.
  if (fleet_.link().Send(name, std::move(message)).ok()) told = {live.session, *wanted};
}

void Promises::TellOfNodes(const edge::Keeping& before) {
  for (const auto& [name, why] : keeping_.withdraw) {
    if (!before.withdraw.contains(name)) journal_.Error("http3.lost", name.str(), why);
  }
  for (const auto& [name, why] : before.withdraw) {
    if (keeping_.withdraw.contains(name)) continue;
    journal_.Info("http3.back", name.str(), "HTTP/3 has worked for long enough again");
  }
  const bool called_back = keeping_.state.floor.called_back;
  if (called_back == before.state.floor.called_back) return;
  if (called_back && !keeping_.withdraw.empty()) {
    journal_.Error("http3.called_back", "fleet",
                   "fewer than " + std::to_string(options_.keeping.floor) +
                       " nodes stay announced: those withdrawn for HTTP/3 return without it");
  }
}

std::string Promises::WhyUnwanted(const Record& record) const {
  if (record.switched_off) return "an operator has switched it off";
  const model::EdgePolicy& policy = sources_.policy();
  if (const auto wanted = planner::ResolveSite(policy, record.site).alt_svc; !wanted.value) {
    return "the policy (" + wanted.from + ") does not want it";
  }
  return without_server_.empty() ? "" : without_server_ + " has no QUIC server by the policy";
}

edge::RampFacts Promises::FactsOf(const Record& record, const SiteSight& sight,
                                  WallTime now) const {
  edge::RampFacts facts;
  facts.wanted = WhyUnwanted(record).empty();
  facts.proved = !sight.nodes.empty();
  facts.value_shown = !sight.nodes.empty();
  facts.missing = "no node counts as announcing";
  const std::string value = edge::RenderAltSvc(edge::ValueOf(record.ramp));
  for (const auto& [name, node] : sight.nodes) {
    if (!node.no_http3.empty() && facts.proved) {
      facts.proved = false;
      facts.missing = node.no_http3;
    }
    facts.value_shown = facts.value_shown && node.not_shown.empty() && node.value == value;
  }
  if (const auto back = keeping_.step_back.find(record.site); back != keeping_.step_back.end()) {
    facts.step_back = true;
    facts.step_back_reason = back->second;
  }
  facts.run_out = !OffersHttp3(record.ledger, now);
  return facts;
}

edge::RampOptions Promises::RampOptionsOf(const std::string& site) const {
  const planner::SiteEdge policy = planner::ResolveSite(sources_.policy(), site);
  edge::RampOptions out;
  out.floor = ToSeconds(policy.alt_svc_floor.value);
  // The two may come from different levels.
  out.ceiling = std::max(ToSeconds(policy.alt_svc_ceiling.value), out.floor);
  out.rungs = options_.rungs;
  out.after_step_back = options_.after_step_back;
  return out;
}

void Promises::Climb(const std::string& site, const SiteSight& sight, WallTime now) {
  Record& record = records_.Of(site);
  const edge::RampFacts facts = FactsOf(record, sight, now);
  edge::RampStep step = edge::Advance(record.ramp, facts, RampOptionsOf(site), now);
  if (!facts.wanted) step.note = WhyUnwanted(record);
  if (step.look_at) look_at_ = std::min(look_at_, *step.look_at);
  seen_[site] = {step.note, step.look_at, sight};
  const model::RampState before = std::exchange(record.ramp, step.state);
  if (edge::Resume(before) == edge::Resume(record.ramp)) return;
  unsaved_.insert(site);
  const std::string value = edge::RenderAltSvc(step.value);
  if (value == edge::RenderAltSvc(edge::ValueOf(before))) return;
  cause_ += (cause_.empty() ? "" : "; ") + ("Alt-Svc of " + site + ": ") +
            (value.empty() ? "none" : value);
  const bool taken_back = record.ramp.phase == model::RampPhase::kClearing;
  journal_.Record(taken_back ? model::Severity::kWarning : model::Severity::kInfo,
                  taken_back ? "alt_svc.taken_back" : "alt_svc.changed", site, step.note);
}

// A site that is gone says nothing; what its clients hold is remembered for as long as they may.
void Promises::Forget(const std::vector<std::string>& sites, WallTime now) {
  std::vector<std::string> gone;
  for (auto& [site, record] : records_.all()) {
    if (std::ranges::find(sites, site) != sites.end()) continue;
    record.ramp = {};
    for (const auto& [name, live] : fleet_.nodes()) {
      const publish::Release* release = publisher_.FindApplied(name);
      if (release == nullptr) continue;
      // There is nothing of it to be seen: that the node took the rest has to do.
      const model::GenerationId generation = IdOf(release->generation);
      if (record.ledger.Proved(name, generation, now)) unsaved_.insert(site);
    }
    if (record.ledger.Prune(now)) unsaved_.insert(site);
    if (record.ledger.state().nodes.empty()) gone.push_back(site);
  }
  for (const std::string& site : gone) {
    records_.all().erase(site);
    seen_.erase(site);
    unsaved_.erase(site);
    forgotten_.insert(site);
  }
}

void Promises::Flush(std::function<void(const Status&)> done) {
  const auto saved = std::exchange(unsaved_, {});
  const auto deleted = std::exchange(forgotten_, {});
  const bool with_keeping = std::exchange(keeping_unsaved_, false);
  if (saved.empty() && deleted.empty() && !with_keeping && cause_.empty()) return done({});
  flushing_ = true;
  database_.Run(
      [put = records_.Stored(saved), deleted, with_keeping,
       keeping = keeping_.state](store::Stores& stores) -> Status {
        LS_RETURN_IF_ERROR(stores.promises.Put(put));
        for (const std::string& site : deleted) (void)stores.promises.Delete(site);
        return with_keeping ? stores.promises.PutKeeping(keeping) : Status::Ok();
      },
      [this, saved, deleted, with_keeping, done = std::move(done)](const Status& status) {
        flushing_ = false;
        if (status.ok()) {
          const std::string cause = std::exchange(cause_, "");
          if (!cause.empty()) changed_(cause);
          return done(status);
        }
        journal_.Error("alt_svc.not_stored", "fleet", status.message());
        unsaved_.insert(saved.begin(), saved.end());
        forgotten_.insert(deleted.begin(), deleted.end());
        keeping_unsaved_ = keeping_unsaved_ || with_keeping;
        is_due_ = true;
        done(status);
      },
      state_);
}

void Promises::Switch(const std::vector<std::string>& sites, bool on,
                      std::function<void(Result<std::vector<std::string>>)> done) {
  if (flushing_) return done(Aborted("promises are being stored at this moment; try again"));
  std::vector<std::string> changed;
  for (const std::string& site : sites) {
    Record& record = records_.Of(site);
    if (record.switched_off != on) continue;
    record.switched_off = !on;
    unsaved_.insert(site);
    changed.push_back(site);
  }
  Look();
  Flush([changed, done = std::move(done)](const Status& status) {
    if (!status.ok()) return done(status);
    done(changed);
  });
}

void Promises::DeclareGone(const NodeName& node,
                           std::function<void(Result<std::vector<std::string>>)> done) {
  if (flushing_) return done(Aborted("promises are being stored at this moment; try again"));
  const fleet::LiveNode* live = fleet_.Find(node);
  if (live != nullptr && live->connected) {
    return done(FailedPrecondition("node " + node.str() + " is connected: it is not gone"));
  }
  std::vector<std::string> changed;
  for (auto& [site, record] : records_.all()) {
    if (!record.ledger.Silent(node, state_.clock().Now())) continue;
    unsaved_.insert(site);
    changed.push_back(site);
  }
  if (changed.empty()) {
    return done(NotFound("node " + node.str() + " may be telling clients of no alternative"));
  }
  Flush([this, node, changed, done = std::move(done)](const Status& status) {
    if (!status.ok()) return done(status);
    journal_.Warning("node.gone", node.str(),
                     "an operator vouches that it answers nobody: what clients hold of it ends");
    is_due_ = true;
    done(changed);
  });
}

store::Transaction Promises::Book(const model::Generation& generation, const planner::Plan& plan) {
  const auto sites = records_.Book(plan, IdOf(generation));
  return [put = records_.Stored(sites)](store::Stores& stores) { return stores.promises.Put(put); };
}

void Promises::OnProved(const model::Generation&) { is_due_ = true; }

// A value that did not go through is not tried again with the next change of something else: that
// would fail with it.
void Promises::OnRolledBack(const model::Generation&, const std::string&) {
  is_due_ = true;
  const publish::Release* stable = publisher_.stable();
  if (stable == nullptr) return;
  for (const planner::ServedSite& site : stable->plan->sites) {
    if (records_.Find(site.name) == nullptr) continue;
    Record& record = records_.Of(site.name);
    const std::string value = edge::RenderAltSvc(edge::ValueOf(record.ramp));
    if (record.ramp.phase != model::RampPhase::kAdvertising || value == site.alt_svc) continue;
    const edge::Offer offer = OfferOf(site.alt_svc);
    const auto served = offer.find(edge::SameHostHttp3());
    record.ramp.phase =
        served == offer.end() ? model::RampPhase::kSilent : model::RampPhase::kAdvertising;
    record.ramp.max_age = served == offer.end() ? Seconds(0) : served->second;
    record.ramp.held_since.reset();
    ++record.ramp.step_backs;
    unsaved_.insert(site.name);
    journal_.Warning("alt_svc.taken_back", site.name, value + " was rolled back");
  }
}

Seconds Promises::LongestOf(const std::string& site) const {
  Seconds longest = RampOptionsOf(site).ceiling;
  for (const auto& [name, node] : records_.Find(site)->ledger.state().nodes) {
    for (const auto& [generation, offer] : node.open) {
      for (const auto& [alternative, max_age] : offer) longest = std::max(longest, max_age);
    }
  }
  return longest;
}

// A node that fell back to what it had before says again what was closed already. Which of the
// older values that is nobody asks: it is taken for the longest.
void Promises::OnConnected(const fleet::LiveNode& live, const agent::v1::Hello& hello) {
  is_due_ = true;
  if (hello.serving_generation() == 0) return;
  for (auto& [site, record] : records_.all()) {
    if (!MaySayMore(record.ledger.state(), live, hello.serving_generation())) continue;
    // Before everything that this database numbers: the hello does not say of which epoch it is.
    const model::GenerationId older{0, hello.serving_generation()};
    const edge::Offer longest = {{edge::SameHostHttp3(), LongestOf(site)}};
    if (record.ledger.MaySend(live.node.name, older, longest)) unsaved_.insert(site);
  }
  if (!unsaved_.empty() && !flushing_) Flush([](const Status&) {});
}

}  // namespace lockstep::controller::promises

#include "agent/challenge/lane.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/log/log.h"

namespace lockstep::agent::challenge {

struct Lane::Proof {
  // One look, and what makes it right.
  struct Item {
    Challenge challenge;
    bool must_show = true;  // false: must be gone
    look::Look look;
    bool right = false;
  };
  uint64_t id = 0;
  std::shared_ptr<const LiveSet> set;
  std::vector<Challenge> gone;
  std::vector<Item> items;
  look::Observations seen;
  std::string error;  // of the directory
  Micros next_retry{0};
};

namespace {

// Renders what the directory must hold; the errors, joined.
std::string WriteFiles(Directory& directory, const std::vector<Challenge>& live,
                       const std::vector<Challenge>& gone) {
  std::string errors;
  const auto note = [&errors](const Status& status) {
    if (!status.ok()) errors += (errors.empty() ? "" : "; ") + status.message();
  };
  std::set<std::string> kept;
  for (const Challenge& challenge : live) {
    if (kept.insert(challenge.token.str()).second) {
      note(directory.Put(challenge.token, challenge.key_authorization));
    }
  }
  for (const Challenge& challenge : gone) {
    if (!kept.contains(challenge.token.str())) note(directory.Remove(challenge.token));
  }
  return errors;
}

}  // namespace

Lane::Lane(Parts parts, LaneEvents& events, LaneSettings settings)
    : parts_(parts), events_(events), settings_(settings) {}

void Lane::OnLaneSet(const agent::v1::LaneSet& message) {
  Result<LiveSet> parsed = ParseLaneSet(message);
  if (!parsed.ok()) {
    log::Error("lane.malformed", {{"error", parsed.status()}});
    agent::v1::LaneAck ack;
    ack.set_sequence(message.sequence());
    ack.set_error(parsed.status().message());
    return events_.OnLaneAck(ack);
  }
  if (parsed->sequence < sequence_of_stream_) {
    log::Warning("lane.stale", {{"sequence", parsed->sequence}, {"held", sequence_of_stream_}});
    return;
  }
  sequence_of_stream_ = parsed->sequence;
  parts_.strand.Cancel(lease_timer_);
  lease_timer_ = parts_.strand.PostAfter(parsed->lease, [this] { OnLeaseEnded(); });
  Take(std::make_shared<const LiveSet>(*std::move(parsed)));
}

void Lane::Take(std::shared_ptr<const LiveSet> set) {
  auto proof = std::make_shared<Proof>();
  proof->id = ++newest_proof_;
  in_step_ = false;
  proof->set = set;
  proof->gone = Gone(live_->challenges, set->challenges);
  proof->next_retry = settings_.first_retry;
  if (live_->sequence != set->sequence) {
    log::Info("lane.set", {{"sequence", set->sequence},
                           {"live", set->challenges.size()},
                           {"gone", proof->gone.size()}});
  }
  live_ = std::move(set);
  events_.OnLiveSet(live_);
  Write(proof);
}

void Lane::Write(const std::shared_ptr<Proof>& proof) {
  parts_.writer.Post([this, proof](std::stop_token) {
    proof->error = WriteFiles(parts_.directory, proof->set->challenges, proof->gone);
    parts_.strand.Post([this, proof] {
      for (const IpAddress& address : listeners_) {
        const auto add = [&](const Challenge& challenge, bool must_show) {
          proof->items.push_back({challenge, must_show,
                                  look::Look{types::v1::PROBE_KIND_CHALLENGE, address,
                                             challenge.host, challenge.token}});
        };
        for (const Challenge& challenge : proof->set->challenges) add(challenge, true);
        for (const Challenge& challenge : proof->gone) add(challenge, false);
      }
      if (listeners_.empty() && !proof->set->challenges.empty() && proof->error.empty()) {
        proof->error = "this node has no snapshot yet, and so no listeners to look at";
      }
      proof->seen.resize(proof->items.size());
      Look(proof);
    });
  });
}

void Lane::Look(const std::shared_ptr<Proof>& proof) {
  std::vector<size_t> which;
  std::vector<look::Look> looks;
  for (size_t i = 0; i < proof->items.size(); ++i) {
    if (proof->items[i].right) continue;
    which.push_back(i);
    looks.push_back(proof->items[i].look);
  }
  const Clock& clock = parts_.strand.clock();
  look::ObserveAll(parts_.looks, parts_.observer, clock, std::move(looks), settings_.look_deadline,
                   clock.Mono() + settings_.all_looks_deadline,
                   [this, proof, which = std::move(which)](look::Observations seen) {
                     parts_.strand.Post([this, proof, which, seen = std::move(seen)]() mutable {
                       OnSeen(proof, which, std::move(seen));
                     });
                   });
}

void Lane::OnSeen(const std::shared_ptr<Proof>& proof, const std::vector<size_t>& which,
                  look::Observations seen) {
  bool all_right = true;
  for (size_t k = 0; k < which.size(); ++k) {
    Proof::Item& item = proof->items[which[k]];
    item.right = ShowsOurBytes(item.challenge, seen[k]) == item.must_show;
    all_right = all_right && item.right;
    proof->seen[which[k]] = std::move(seen[k]);
  }
  agent::v1::LaneAck ack;
  ack.set_sequence(proof->set->sequence);
  ack.set_error(proof->error);
  ack.mutable_observations()->Assign(proof->seen.begin(), proof->seen.end());
  events_.OnLaneAck(ack);
  if (proof->id != newest_proof_) return;
  in_step_ = all_right && proof->error.empty();
  if (all_right) return;
  log::Warning("lane.not_seen", {{"sequence", proof->set->sequence},
                                 {"retry_in", FormatDuration(proof->next_retry)}});
  parts_.strand.PostAfter(proof->next_retry, [this, proof] {
    if (proof->id == newest_proof_) Look(proof);
  });
  proof->next_retry = std::min(proof->next_retry * 2, settings_.longest_retry);
}

void Lane::SetListeners(std::vector<IpAddress> addresses) {
  if (addresses == listeners_) return;
  listeners_ = std::move(addresses);
  if (!live_->challenges.empty()) Take(live_);
}

void Lane::OnLeaseEnded() {
  if (live_->challenges.empty()) return;
  log::Warning("lane.lease_ended",
               {{"sequence", live_->sequence}, {"removed", live_->challenges.size()}});
  auto empty = std::make_shared<LiveSet>();
  empty->sequence = live_->sequence;
  Take(std::move(empty));
}

}  // namespace lockstep::agent::challenge

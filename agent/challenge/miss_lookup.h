// MissLookup: what to answer when a challenge is asked for that this node does not have.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "agent/challenge/challenge_source.h"
#include "agent/challenge/miss_policy.h"
#include "common/task/executor.h"
#include "common/task/worker_pool.h"

namespace lockstep::agent::challenge {

struct MissAnswer {
  enum class Kind { kFound, kNotFound, kOnlyFromDisk, kMethodNotAllowed, kBusy } kind;
  std::string body;  // of kFound: token "." thumbprint
};

struct MissSettings {
  Micros deadline = Seconds(2);              // of a whole miss
  Micros controller_deadline = Millis(900);  // of which
  double per_second = 20;
  size_t peers = 2;
  uint16_t peer_port = 80;
};

// Lives on the strand; questions run on the pool. Asks each (host, token) once at a time however
// many want it, and remembers nothing: a miss now may be a hit in a second.
class MissLookup {
 public:
  using Done = std::function<void(MissAnswer)>;

  // `controller` is asked first. Stop order: the pool, then the strand, then this.
  MissLookup(task::Executor& strand, task::WorkerPool& pool, ChallengeSource& controller,
             uint64_t seed, MissSettings settings = {});

  void SetRules(MissRules rules) { rules_ = std::move(rules); }
  // `done` runs on the strand.
  void OnMiss(const MissRequest& request, Done done);

 private:
  using Key = std::pair<std::string, std::string>;  // host, token
  // One question under way.
  struct Question {
    Hostname host;
    ChallengeToken token;
    std::string expected;
    std::vector<PeerAddress> peers;
  };
  void Ask(Question question);
  // On the pool.
  bool IsFound(const Question& question, std::stop_token stop) const;
  std::vector<PeerAddress> PickPeers();
  void OnAsked(const Key& key, const std::string& body, bool found);

  task::Executor& strand_;
  task::WorkerPool& pool_;
  ChallengeSource& controller_;
  const MissSettings settings_;
  MissRules rules_;
  RateLimit limit_;
  std::mt19937_64 random_;
  std::map<Key, std::vector<Done>> waiting_;
};

}  // namespace lockstep::agent::challenge

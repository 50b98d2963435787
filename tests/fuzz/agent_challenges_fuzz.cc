// Arbitrary bytes as a lane set, and as a request for a challenge that is not on disk: what is
// accepted is well-formed, and no file name or question is made of anything else.
#include <cstddef>
#include <cstdint>
#include <string>

#include "agent/challenge/live_set.h"
#include "agent/challenge/miss_policy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace challenge = lockstep::agent::challenge;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  lockstep::agent::v1::LaneSet set;
  if (set.ParseFromString(bytes)) {
    const auto live = challenge::ParseLaneSet(set);
    if (live.ok()) {
      for (const auto& one : live->challenges) {
        if (one.token.str().find('/') != std::string::npos) __builtin_trap();
      }
    }
  }
  challenge::MissRules rules;
  rules.pull = true;
  rules.thumbprint = std::string(43, 't');
  rules.hosts = {"www.example.test"};
  const size_t half = bytes.find('\x01');
  const challenge::MissRequest request{
      "GET", "/.well-known/acme-challenge/" + bytes.substr(0, half),
      half == std::string::npos ? "www.example.test" : bytes.substr(half + 1), false};
  const challenge::MissRuling ruling = challenge::RuleOn(request, rules);
  if (ruling.verdict == challenge::MissVerdict::kAsk) {
    if (!lockstep::ChallengeToken::Parse(ruling.token->str()).ok()) __builtin_trap();
    if (challenge::ExpectedAnswer(*ruling.token, rules).size() < 16 + 1 + 43) __builtin_trap();
    if (ruling.host.ascii() != "www.example.test") __builtin_trap();
  }
  return 0;
}

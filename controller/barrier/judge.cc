#include "controller/barrier/judge.h"

#include "common/base/encoding.h"

namespace lockstep::controller::barrier {
namespace {

using model::ProbeKind;
using types::v1::Observation;

struct Answer {
  std::string seen;
  std::string problem;
};

Answer ReadHttp(const types::v1::HttpSeen& http) {
  if (http.status() != 200) {
    std::string problem = "answered " + std::to_string(http.status()) + ", not 200";
    if (!http.location().empty()) problem += " (redirects to " + Quoted(http.location()) + ")";
    return {HexEncode(http.body_sha256()), std::move(problem)};
  }
  return {HexEncode(http.body_sha256()), ""};
}

// A mark is answered with itself, or the path is just one of the site's.
Answer ReadSite(const types::v1::HttpSeen& http) {
  Answer answer = ReadHttp(http);
  if (!answer.problem.empty()) {
    answer.problem = "shows another version (its mark: " + answer.problem + ")";
  }
  return answer;
}

Answer ReadTls(const types::v1::TlsSeen& tls, const std::string& alpn) {
  if (tls.leaf_sha256().size() != 64) return {"", "showed no certificate"};
  if (tls.alpn() != alpn) {
    return {tls.leaf_sha256(), "agreed on protocol " + Quoted(tls.alpn()) + ", not " + alpn};
  }
  return {tls.leaf_sha256(), ""};
}

Result<ProbeKind> ReadKind(types::v1::ProbeKind kind) {
  switch (kind) {
    case types::v1::PROBE_KIND_CHALLENGE:
      return ProbeKind::kChallenge;
    case types::v1::PROBE_KIND_TLS:
      return ProbeKind::kTls;
    case types::v1::PROBE_KIND_QUIC:
      return ProbeKind::kQuic;
    case types::v1::PROBE_KIND_SITE:
      return ProbeKind::kSite;
    default:
      return InvalidArgument("observation.kind is not known");
  }
}

Result<Answer> ReadAnswer(ProbeKind kind, const Observation& observation) {
  if (!observation.error().empty()) return Answer{"", observation.error().substr(0, 300)};
  switch (kind) {
    case ProbeKind::kChallenge:
      if (observation.has_http()) return ReadHttp(observation.http());
      break;
    case ProbeKind::kTls:
      if (observation.has_tls()) return ReadTls(observation.tls(), "h2");
      break;
    case ProbeKind::kSite:
      if (observation.has_http()) return ReadSite(observation.http());
      break;
    case ProbeKind::kQuic:
      if (observation.has_quic()) return ReadTls(observation.quic().tls(), "h3");
      break;
  }
  return InvalidArgument("observation has neither an error nor what its kind sees");
}

}  // namespace

Result<model::Proof> ReadObservation(const Observation& observation, const NodeName& node,
                                     const std::string& observer, bool witnessed) {
  model::Proof proof;
  proof.subject.node = node;
  proof.subject.witnessed = witnessed;
  LS_ASSIGN_OR_RETURN(proof.subject.kind, ReadKind(observation.kind()));
  LS_ASSIGN_OR_RETURN(proof.subject.host, Hostname::Parse(observation.host()));
  LS_ASSIGN_OR_RETURN(proof.subject.address, IpAddress::Parse(observation.address()));
  if (proof.subject.kind == ProbeKind::kChallenge) {
    LS_RETURN_IF_ERROR(ChallengeTokenTag::Check(observation.token()));
    proof.subject.token = observation.token();
  }
  if (proof.subject.kind == ProbeKind::kSite) {
    LS_RETURN_IF_ERROR(SiteMarkTag::Check(observation.token()));
    proof.subject.token = observation.token();
  }
  LS_ASSIGN_OR_RETURN(const Answer answer, ReadAnswer(proof.subject.kind, observation));
  proof.observer = observer;
  proof.seen = answer.seen;
  proof.problem = answer.problem;
  proof.good = answer.problem.empty();
  proof.elapsed =
      Micros(observation.elapsed().seconds() * 1'000'000 + observation.elapsed().nanos() / 1000);
  proof.observation = observation.SerializeAsString();
  return proof;
}

}  // namespace lockstep::controller::barrier

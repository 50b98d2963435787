#include "agent/challenge/peer_source.h"

#include <utility>

#include "common/probe/probe.h"

namespace lockstep::agent::challenge {
namespace {

constexpr size_t kMaxAnswerBytes = 1024;

}  // namespace

Result<std::string> PeerSource::Fetch(const Hostname& host, const ChallengeToken& token,
                                      Micros deadline, std::stop_token stop) {
  probe::HttpRequest request;
  request.route.target = {peer_.address, port_};
  request.route.deadline = deadline;
  request.host = host;
  request.path = "/.well-known/acme-challenge/" + token.str();
  request.headers = {{kHopHeader, "1"}};
  request.max_body_bytes = kMaxAnswerBytes;
  probe::HttpObservation seen = probe::HttpGet(request, std::move(stop));
  if (!seen.error.empty()) return Unavailable(seen.error);
  if (seen.status_code == 404) return NotFound("no such challenge");
  if (seen.status_code != 200 || seen.truncated) {
    return Unavailable("answered with status " + std::to_string(seen.status_code));
  }
  return std::move(seen.body);
}

}  // namespace lockstep::agent::challenge

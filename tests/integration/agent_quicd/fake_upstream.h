// A Caddy that is not there: answers requests on the loop's thread, as the real client would.
//
//   /bytes/N     200, N bytes of a pattern (PatternByte)
//   /echo        200, the request's body
//   /fail/NAME   fails before the head: refused, timeout, malformed
//   /break       200 and half a body, then it breaks
//   /hang        never answers
//   else         200, "method path\n" and one line per header
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/quicd/upstream/upstream.h"

namespace lockstep::agent::quicd {

uint8_t PatternByte(size_t offset);

class FakeUpstream final : public upstream::Upstream {
 public:
  // What tests look at; outlives the upstream. From any thread.
  struct Log {
    std::atomic<int> started{0};
    std::atomic<int> finished{0};      // request bodies that came to their end
    std::atomic<int> cancelled{0};     // exchanges destroyed before their end
    std::atomic<size_t> most_held{0};  // response bytes handed over and not released, at most
    std::atomic<int> pauses{0};
    std::atomic<bool> swallow{false};  // keeps request bodies without saying they were written
    std::mutex mutex;
    std::vector<upstream::RequestHead> heads;  // guarded by mutex
  };

  FakeUpstream(loop::Loop& loop, std::shared_ptr<Log> log) : loop_(loop), log_(std::move(log)) {}
  void Configure(upstream::Settings) override {}
  std::unique_ptr<upstream::Exchange> Start(upstream::RequestHead head,
                                            upstream::Listener& listener) override;

 private:
  loop::Loop& loop_;
  const std::shared_ptr<Log> log_;
};

}  // namespace lockstep::agent::quicd

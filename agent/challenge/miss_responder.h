// MissResponder: the HTTP server that the local web server asks for challenges it has no file of.
//
// On a unix socket of mode 0660 that takes the group of its directory; one thread. Answers 200 with
// the key authorization, 404 (the web server may then ask the site's own origin, which may run its
// own HTTP-01), 410 to a peer, 405, or 503 when too much is asked.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/challenge/miss_lookup.h"
#include "common/status/status.h"

namespace lockstep::agent::challenge {

class MissResponder {
 public:
  // Called on the responder's thread, must only post. The answer may come from any thread, or
  // never; what may still give one is gone before the responder is.
  using Handler = std::function<void(MissRequest, std::function<void(MissAnswer)>)>;

  // Binds and serves. A socket file that a crash left is replaced; FAILED_PRECONDITION if something
  // else is in its place.
  static Result<std::unique_ptr<MissResponder>> Start(const std::string& path, Handler handler);
  ~MissResponder();  // Stop()

  // Closes every connection and joins. Idempotent.
  void Stop();

 private:
  class Server;
  explicit MissResponder(std::unique_ptr<Server> server);
  std::unique_ptr<Server> server_;
};

}  // namespace lockstep::agent::challenge

// Controller: the whole of lockstep-controller, started and stopped in one tested order.
#pragma once

#include <memory>

#include "common/status/status.h"
#include "controller/app/config.h"

namespace lockstep::controller::app {

// Starts: store, domain, hook socket, agent listeners, admin socket. Stops in the reverse order, so
// that nobody is let in to a part that has gone.
class Controller {
 public:
  explicit Controller(Config config);
  ~Controller();  // Stop()

  // Everything serves once it returns ok; nothing runs after an error.
  Status Start();
  // Idempotent. Running orders fail; agents serve on.
  void Stop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// `lockstep-controller init`: state directory, fleet CA, key-encryption key, database. Makes what
// is missing and replaces nothing; returns the CA's pin.
Result<std::string> Initialise(const Config& config);

// `lockstep-controller backup FILE`: database, CA and key-encryption key stay separate; this copies
// the database, consistently, while the controller may be running.
Status BackUp(const Config& config, const std::string& to);

// `lockstep-controller recover`: raises the epoch of a stopped controller's database.
Status RecoverDatabase(const Config& config);

}  // namespace lockstep::controller::app

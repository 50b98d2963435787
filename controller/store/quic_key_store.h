// QuicKeyStore: the keys that every lockstep-quicd shares. Implementations that write to disk seal
// them.
#pragma once

#include <optional>

#include "common/status/status.h"
#include "controller/model/quic_keys.h"

namespace lockstep::controller::store {

class QuicKeyStore {
 public:
  virtual ~QuicKeyStore() = default;
  // Empty in a database that has not had them yet. DATA_LOSS if one of them does not open.
  virtual Result<std::optional<model::QuicKeys>> Find() = 0;
  // Replaces all of them: a key that is not in `keys` is gone.
  virtual Status Put(const model::QuicKeys& keys) = 0;
};

}  // namespace lockstep::controller::store

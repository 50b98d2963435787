// ResourceStore: bodies of resources by digest, so that a restarted controller can roll back to the
// content of an older generation. Bodies may hold private keys: implementations that write to disk
// seal them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common/status/status.h"

namespace lockstep::controller::store {

class ResourceStore {
 public:
  virtual ~ResourceStore() = default;
  // `sha256`: 32 bytes. DATA_LOSS if the stored body does not hash to it.
  virtual Result<std::optional<std::string>> Find(const std::string& sha256) = 0;
  // One that is there already is left as it is. INVALID_ARGUMENT if `body` does not hash to
  // `sha256`.
  virtual Status Put(const std::string& sha256, const std::string& body) = 0;
  // Deletes those that no stored generation names; returns how many.
  virtual Result<size_t> Prune() = 0;
};

}  // namespace lockstep::controller::store

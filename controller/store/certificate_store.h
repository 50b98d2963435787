// CertificateStore: every revision of every lineage, private keys included. Implementations that
// write to disk seal the keys; a key that cannot be opened fails the read, naming the lineage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/status/status.h"
#include "controller/model/certificate.h"

namespace lockstep::controller::store {

class CertificateStore {
 public:
  virtual ~CertificateStore() = default;
  // The newest revision of a lineage.
  virtual Result<std::optional<model::Certificate>> FindNewest(const std::string& name) = 0;
  virtual Result<std::optional<model::Certificate>> Find(const std::string& name,
                                                         uint64_t revision) = 0;
  // The newest revision of each lineage, by name.
  virtual Result<std::vector<model::Certificate>> List() = 0;
  // All revisions of a lineage, newest first.
  virtual Result<std::vector<model::Certificate>> ListRevisions(const std::string& name) = 0;
  // Stores it under the next revision of its lineage, from 1, and returns that number; the
  // `revision` of the argument is not looked at. A number is never given twice, not even after
  // Delete.
  virtual Result<uint64_t> Create(const model::Certificate& certificate) = 0;
  virtual Status MarkRevoked(const std::string& name, uint64_t revision) = 0;
  // Keeps the newest `keep` (at least 1) revisions of each lineage; returns how many went.
  virtual Result<size_t> Prune(size_t keep) = 0;
  // All revisions, keys included.
  virtual Status Delete(const std::string& name) = 0;
};

}  // namespace lockstep::controller::store

// NodeStore: the enrolled machines.
#pragma once

#include <optional>
#include <vector>

#include "common/base/names.h"
#include "common/status/status.h"
#include "controller/model/node.h"

namespace lockstep::controller::store {

class NodeStore {
 public:
  virtual ~NodeStore() = default;
  virtual Result<std::optional<model::Node>> Find(const NodeName& name) = 0;
  virtual Result<model::Node> Get(const NodeName& name) = 0;
  // By name.
  virtual Result<std::vector<model::Node>> List() = 0;
  // ALREADY_EXISTS if the name is taken.
  virtual Status Create(const model::Node& node) = 0;
  virtual Status Update(const model::Node& node) = 0;
  // NOT_FOUND if there is no such node. Its proofs go with it.
  virtual Status Delete(const NodeName& name) = 0;
};

}  // namespace lockstep::controller::store

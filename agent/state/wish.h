// The controller's last wish about the announcements, kept for as long as the node has not returned
// from a withdrawal: an agent that starts without a controller changes nothing.
#pragma once

#include <optional>
#include <string>

#include "common/status/status.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::agent::state {

class WishFile {
 public:
  // In the agent's state directory.
  explicit WishFile(const std::string& directory) : path_(directory + "/announce-wish.pb") {}

  // Nothing if there is none, or none that can be read.
  std::optional<agent::v1::AnnounceWish> Find() const;
  Status Put(const agent::v1::AnnounceWish& wish) const;
  // The node has returned.
  Status Remove() const;

 private:
  std::string path_;
};

}  // namespace lockstep::agent::state

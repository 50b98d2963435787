// Protocols: the rows of BIRD's `show protocols`. Pure.
#pragma once

#include <string>
#include <vector>

#include "agent/drivers/bird/reply.h"

namespace lockstep::agent::drivers::bird {

struct Protocol {
  std::string name;
  std::string kind;   // "BGP"
  std::string table;  // "---" where there is none
  std::string state;  // "up", "start", "down"
  std::string since;  // as BIRD's timeformat has it
  std::string info;   // "Established"; "Active        Socket: Connection refused"

  // Whether it tells routes to other machines.
  bool SpeaksToOthers() const;
  // "up4 BGP up since 22:10:03.123: Established".
  std::string ToString() const;
  friend bool operator==(const Protocol&, const Protocol&) = default;
};

// Rows that are no protocol's are left out.
std::vector<Protocol> ParseProtocols(const Reply& reply);

// Whether a name can stand in a command as it is.
bool IsSymbol(std::string_view name);

}  // namespace lockstep::agent::drivers::bird

// The names and addresses of a simulated fleet: the same for who enrols it and for who plays it.
#pragma once

#include <string>

#include "common/base/ip.h"
#include "common/base/names.h"

namespace lockstep::bench {

// "n1", "n2", …
inline NodeName NameOf(size_t index) { return *NodeName::Parse("n" + std::to_string(index + 1)); }

// 10.77.0.1, 10.77.0.2, … ; up to 50,000 nodes.
inline IpAddress AddressOf(size_t index) {
  return *IpAddress::Parse("10.77." + std::to_string(index / 200) + "." +
                           std::to_string(index % 200 + 1));
}

}  // namespace lockstep::bench

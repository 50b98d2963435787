// What the system allows a process with thousands of connections.
#pragma once

namespace lockstep::bench {

// As many descriptors as the hard limit lets us have.
void RaiseDescriptorLimit();

}  // namespace lockstep::bench

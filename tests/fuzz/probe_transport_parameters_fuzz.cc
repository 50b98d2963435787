// Arbitrary bytes as a QUIC server's transport parameters.
#include <cstddef>
#include <cstdint>

#include "common/probe/transport_parameters.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ngtcp2_transport_params params;
  if (ngtcp2_transport_params_decode(&params, data, size) == 0) {
    (void)lockstep::probe::Describe(params);
  }
  return 0;
}

// Arbitrary bytes as the certificate a server shows.
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/probe/certificate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lockstep::probe;
  CertificateObservation seen;
  const bool good =
      ObserveChain({std::string(reinterpret_cast<const char*>(data), size)}, &seen).ok();
  if (good != !seen.leaf_sha256.empty()) __builtin_trap();
  return 0;
}

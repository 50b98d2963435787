// Arbitrary text as what certbot's plugin writes: none may crash.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controller/drivers/certbot/hook/challenges_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  lockstep::hook::v1::PerformRequest request;
  [[maybe_unused]] const auto status = lockstep::controller::drivers::certbot::ReadChallenges(
      std::string_view(reinterpret_cast<const char*>(data), size), &request);
  return 0;
}

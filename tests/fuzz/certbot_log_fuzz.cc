// Arbitrary text as certbot's log and output, and as an account's key: an explanation always comes,
// and shows no control character.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controller/drivers/certbot/account.h"
#include "controller/drivers/certbot/certbot_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace certbot = lockstep::controller::drivers::certbot;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t half = text.find('\x01');
  const certbot::Failure failure = certbot::ExplainFailure(
      text.substr(0, half), half == std::string_view::npos ? "" : text.substr(half + 1));
  if (failure.status.ok()) __builtin_trap();
  for (const char c : failure.status.message() + failure.ca_error) {
    if (static_cast<unsigned char>(c) < 0x20) __builtin_trap();
  }
  const auto thumbprint = certbot::Thumbprint(text);
  if (thumbprint.ok() && thumbprint->size() != 43) __builtin_trap();
  return 0;
}

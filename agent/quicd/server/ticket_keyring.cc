#include "agent/quicd/server/ticket_keyring.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <array>
#include <cstring>
#include <string>

namespace lockstep::agent::quicd::server {
namespace {

constexpr size_t kNameBytes = 16;
constexpr int kLifetimesPerStep = 3;

// A GnuTLS ticket begins with the first 16 bytes of SHA3-512(step, key), where step counts periods
// of three ticket lifetimes since 1970 (lib/stek.c; the test holds a real ticket against it).
bool Made(const crypto::Secret& key, uint64_t step, std::span<const uint8_t> ticket) {
  std::string input;
  for (int shift = 56; shift >= 0; shift -= 8) input.push_back(static_cast<char>(step >> shift));
  input.append(key.Reveal());
  std::array<uint8_t, 64> digest{};
  const int failed =
      gnutls_hash_fast(GNUTLS_DIG_SHA3_512, input.data(), input.size(), digest.data());
  crypto::Wipe(input);
  return failed == 0 && std::memcmp(digest.data(), ticket.data(), kNameBytes) == 0;
}

}  // namespace

TicketKeyring::TicketKeyring(TicketKeys keys) {
  keys_.push_back(std::move(keys.current));
  for (crypto::Secret& key : keys.also_accepted) keys_.push_back(std::move(key));
}

const crypto::Secret& TicketKeyring::KeyFor(std::span<const uint8_t> ticket, WallTime now) const {
  if (ticket.size() < kNameBytes) return keys_.front();
  const auto seconds = std::chrono::duration_cast<Seconds>(now.time_since_epoch());
  const auto step =
      static_cast<uint64_t>(seconds.count() / (kTicketLifetime.count() * kLifetimesPerStep));
  for (const crypto::Secret& key : keys_) {
    if (Made(key, step, ticket) || Made(key, step - 1, ticket)) return key;
  }
  return keys_.front();
}

}  // namespace lockstep::agent::quicd::server

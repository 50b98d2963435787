// What the server counts since it started. Belongs to the loop's thread.
#pragma once

#include <array>
#include <cstdint>

namespace lockstep::agent::quicd::server {

// Why a datagram got no answer, or its connection none.
enum class Drop {
  kMalformed,         // no QUIC packet, or too long for us
  kForeignCid,        // of another node's connection
  kUnknownCid,        // of nobody's: neither ours nor decodable
  kResetRateLimited,  // ours, but the resets of this second are used up
  kNotAWitness,       // a new connection on a preferred address
  kMigrationBarred,   // from another address than the handshake, where that is forbidden
  kConnectionLimit,   // a new connection beyond the limit
  kSendBufferFull,    // ours, because the kernel took no more
  kCount,
};

struct Counters {
  uint64_t handshakes = 0;  // completed
  uint64_t handshakes_failed = 0;
  uint64_t resumptions = 0;
  uint64_t preferred_address_migrations = 0;
  uint64_t other_migrations = 0;      // to another client address
  uint64_t rebindings = 0;            // to another port of the same client address
  uint64_t path_mtu_black_holes = 0;  // paths that stopped taking long datagrams
  uint64_t stateless_resets_sent = 0;
  uint64_t retries_sent = 0;
  uint64_t version_negotiations_sent = 0;
  uint64_t requests = 0;
  uint64_t requests_failed = 0;  // answered with 5xx by us, or reset
  uint64_t datagrams_received = 0;
  uint64_t datagrams_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  std::array<uint64_t, static_cast<size_t>(Drop::kCount)> drops{};

  void Dropped(Drop reason) { ++drops[static_cast<size_t>(reason)]; }
  uint64_t dropped(Drop reason) const { return drops[static_cast<size_t>(reason)]; }
};

}  // namespace lockstep::agent::quicd::server

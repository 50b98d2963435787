// How long the datagrams of a connection may be on a path that stops taking long ones and says
// nothing: black hole detection (RFC 8899 §4.3). Pure: no socket, no clock, no ngtcp2.
//
// ngtcp2 1.11 begins at 1200 bytes and probes upwards by itself, and never goes down again. It
// honours less room: a packet is as long as the buffer that it is written to, what was lost is cut
// anew to fit, and a probe that does not fit is not sent. So a limit on that buffer is all it
// takes.
//
// What we go by is a byte of a stream that went out in a long datagram and that stays
// unacknowledged for as long as three loss timers in a row take (RFC 9002 §6.2.1: 1 + 2 + 4 times
// the timeout), while long datagrams go on being sent. Why not something simpler:
// * ngtcp2 tells nobody that its loss timer has expired (ngtcp2_conn_handle_expiry serves six
//   others as well), nor which packets are acknowledged; of streams it tells, how far they are
//   acknowledged without a gap.
// * Acknowledgements as such mean nothing: a black hole lets short packets through, and what is
//   left over when lost data is cut anew is short. The byte that we wait for is behind, or in, what
//   only a long datagram carried.
// * Lost packets as such mean nothing either: a byte that waits so long has been lost many times.
//
// A path that was cut altogether looks the same, and is taken for one that got narrower. That does
// no harm: whatever comes after the cut comes in datagrams of 1200 bytes, which cost more packets,
// up to a fifth. They stay so until the path changes. RFC 8899's raise timer would let long ones
// try again after ten minutes; ngtcp2 cannot probe a second time on the same path, so the trial
// would be made with data, and each time it fails the client waits for three timers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "common/base/clock.h"

namespace lockstep::agent::quicd::server {

class PathMtu {
 public:
  // What every path takes (RFC 9000 §14), in bytes of a datagram's payload.
  static constexpr size_t kBase = 1200;
  // Loss timers that expire in a row: MAX_PROBES of RFC 8899 §5.1.2.
  static constexpr int kExpiries = 3;
  // What a connection must have sent, in bytes of its streams, to be worth a probe, which is a
  // datagram more and an acknowledgement: what fits into the first window (RFC 9002 §7.2) is on its
  // way before an answer to a probe could make it fit into less.
  static constexpr uint64_t kWorthProbing = 16 << 10;

  // The longest payload, in bytes; SIZE_MAX while ngtcp2's own limit is the only one.
  size_t limit() const { return fallen_ ? kBase : SIZE_MAX; }
  bool worth_probing() const { return sent_ >= kWorthProbing; }

  // Before packets are written: `timeout` is the first loss timer (PTO) as it is now. True: the
  // limit has just fallen to kBase.
  bool Check(MonoTime now, Micros timeout);
  // `bytes` of a stream, never sent before, went into the packet that is being written.
  void OnStreamData(int64_t stream, size_t bytes);
  // That packet is a datagram of `size` bytes; one longer than `probed`, which is what the path is
  // known to take, is a probe, and may be lost.
  void OnSent(size_t size, size_t probed, MonoTime now);
  // All of the stream before `end` is acknowledged.
  void OnAcknowledged(int64_t stream, uint64_t end);
  // Nothing more is sent, or sent again, on the stream.
  void OnStreamGone(int64_t stream);
  // Packets go another way from now on.
  void OnNewPath();

 private:
  // A place in a stream; kAny: what was sent again, so that nobody knows of which stream.
  static constexpr int64_t kAny = -1;
  struct Mark {
    int64_t stream = kAny;
    uint64_t end = 0;
  };
  static bool Covers(int64_t stream, uint64_t end, const Mark& mark);
  void Watch(MonoTime now);

  bool fallen_ = false;
  uint64_t sent_ = 0;                              // bytes of all streams so far
  std::unordered_map<int64_t, uint64_t> written_;  // of each
  size_t fresh_ = 0;                               // the most that one stream has in this packet
  Mark fresh_mark_;                                // where those end
  std::optional<Mark> newest_;                     // in the latest long datagram
  std::optional<Mark> watched_;
  MonoTime since_{};       // watched_ has been waited for
  MonoTime counted_{};     // the latest expiry that was counted
  int expiries_ = 0;       // long datagrams sent since, each a timeout or more after the one before
  Micros timeout_{};       // the least that it was since_; an outage makes ngtcp2 forget it
  Micros last_timeout_{};  // as it was told last
};

}  // namespace lockstep::agent::quicd::server

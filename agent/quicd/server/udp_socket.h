// A UDP socket on one explicit address: batches in (recvmmsg), batches out (one sendmsg that the
// kernel cuts into datagrams, UDP_SEGMENT).
#pragma once

#include <sys/socket.h>

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "agent/quicd/loop/loop.h"
#include "agent/quicd/server/counters.h"
#include "agent/quicd/server/datagram.h"
#include "common/base/fd.h"
#include "common/base/ip.h"
#include "common/status/status.h"

namespace lockstep::agent::quicd::server {

// The longest datagram that we say we take, and so take (transport parameter max_udp_payload_size).
inline constexpr size_t kMaxDatagramBytes = 2048;
// What one Send may carry.
inline constexpr size_t kMaxBatchBytes = 65507;
inline constexpr size_t kMaxBatchDatagrams = 64;

// Room for what one recvmmsg brings; one for all sockets of a thread.
class ReceiveBuffer {
 private:
  friend class UdpSocket;
  static constexpr size_t kDatagrams = 64;
  void Prepare();

  std::array<std::array<uint8_t, kMaxDatagramBytes>, kDatagrams> bytes_;
  std::array<sockaddr_storage, kDatagrams> from_;
  std::array<std::array<char, CMSG_SPACE(sizeof(int))>, kDatagrams> control_;
  std::array<iovec, kDatagrams> vectors_;
  std::array<mmsghdr, kDatagrams> headers_;
};

class UdpSocket {
 public:
  // kPreferred: an address of the node's own that clients are told of; kWitnessed: one that only
  // witnesses know.
  enum class Kind { kService, kPreferred, kWitnessed };

  // Bound to `bound`; to QUIC it is `seen`, which differs behind 1:1 NAT.
  static Result<std::unique_ptr<UdpSocket>> Open(Kind kind, const Endpoint& bound,
                                                 const Endpoint& seen, Counters& counters);
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  Kind kind() const { return kind_; }
  // Another configuration may tell clients of what was for witnesses, and the other way round.
  void set_kind(Kind kind) { kind_ = kind; }
  const Endpoint& bound() const { return bound_; }
  const Endpoint& seen() const { return seen_; }
  int fd() const { return fd_.get(); }
  // The address as ngtcp2 knows it.
  ngtcp2_addr local() { return {reinterpret_cast<sockaddr*>(&local_), local_size_}; }

  // Hands every waiting datagram to `take`, up to a bound that leaves room for others.
  void Receive(ReceiveBuffer& buffer, const std::function<void(const Datagram&)>& take);

  // Sends `bytes` as datagrams of `segment` bytes (the last may be shorter). What the kernel does
  // not take now is kept until it is writable again; what does not fit there is dropped, as any
  // network may. False: the kernel was full; send no more until Flush has returned true.
  bool Send(const ngtcp2_addr& remote, uint8_t ecn, std::span<const uint8_t> bytes, size_t segment);
  // Sends what was kept. True: nothing is left.
  bool Flush();
  bool blocked() const { return !kept_.empty(); }

 private:
  struct Kept {
    sockaddr_storage remote;
    socklen_t remote_size;
    uint8_t ecn;
    size_t segment;
    std::vector<uint8_t> bytes;
  };
  enum class Outcome { kSent, kBlocked, kLost, kNoSegmentation };

  UdpSocket(Kind kind, Fd fd, const Endpoint& bound, const Endpoint& seen, Counters& counters);
  Status Configure();
  Outcome SendOnce(const ngtcp2_addr& remote, uint8_t ecn, std::span<const uint8_t> bytes,
                   size_t segment);
  // Returns how many bytes have gone, or were lost as any network may lose them.
  size_t SendAsFarAsPossible(const ngtcp2_addr& remote, uint8_t ecn, std::span<const uint8_t> bytes,
                             size_t segment);

  Kind kind_;
  const Fd fd_;
  const Endpoint bound_;
  const Endpoint seen_;
  Counters& counters_;
  sockaddr_storage local_{};
  socklen_t local_size_ = 0;
  bool segmentation_ = true;
  std::vector<Kept> kept_;
  size_t kept_bytes_ = 0;
};

}  // namespace lockstep::agent::quicd::server

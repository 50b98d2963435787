#include "agent/quicd/server/udp_socket.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace lockstep::agent::quicd::server {
namespace {

constexpr int kReceiveRounds = 4;  // per turn of the loop
constexpr int kSocketBufferBytes = 4 << 20;
constexpr size_t kMaxKeptBytes = 1 << 20;
constexpr uint8_t kEcnMask = 3;

uint8_t EcnOf(msghdr& header) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    const bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS;
    const bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS;
    if (!v4 && !v6) continue;
    int value = 0;
    std::memcpy(&value, CMSG_DATA(c), std::min(sizeof(value), c->cmsg_len - CMSG_LEN(0)));
    return static_cast<uint8_t>(value & kEcnMask);
  }
  return 0;
}

Status Set(int fd, int level, int option, int value, const char* what) {
  if (::setsockopt(fd, level, option, &value, sizeof(value)) == 0) return Status::Ok();
  return FromErrno(errno, std::string("setting ") + what);
}

}  // namespace

bool SameAddress(const sockaddr* a, const sockaddr* b) {
  if (a->sa_family != b->sa_family) return false;
  if (a->sa_family == AF_INET) {
    return reinterpret_cast<const sockaddr_in*>(a)->sin_addr.s_addr ==
           reinterpret_cast<const sockaddr_in*>(b)->sin_addr.s_addr;
  }
  return std::memcmp(&reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr,
                     &reinterpret_cast<const sockaddr_in6*>(b)->sin6_addr, sizeof(in6_addr)) == 0;
}

bool SameEndpoint(const sockaddr* a, const sockaddr* b) {
  // The port is at the same place in both families.
  return SameAddress(a, b) && reinterpret_cast<const sockaddr_in*>(a)->sin_port ==
                                  reinterpret_cast<const sockaddr_in*>(b)->sin_port;
}

void ReceiveBuffer::Prepare() {
  for (size_t i = 0; i < kDatagrams; ++i) {
    vectors_[i] = {bytes_[i].data(), bytes_[i].size()};
    headers_[i] = {};
    msghdr& header = headers_[i].msg_hdr;
    header.msg_name = &from_[i];
    header.msg_namelen = sizeof(from_[i]);
    header.msg_iov = &vectors_[i];
    header.msg_iovlen = 1;
    header.msg_control = control_[i].data();
    header.msg_controllen = control_[i].size();
  }
}

UdpSocket::UdpSocket(Kind kind, Fd fd, const Endpoint& bound, const Endpoint& seen,
                     Counters& counters)
    : kind_(kind), fd_(std::move(fd)), bound_(bound), seen_(seen), counters_(counters) {
  local_size_ = seen_.ToSockaddr(&local_);
}

Result<std::unique_ptr<UdpSocket>> UdpSocket::Open(Kind kind, const Endpoint& bound,
                                                   const Endpoint& seen, Counters& counters) {
  sockaddr_storage storage{};
  const socklen_t size = bound.ToSockaddr(&storage);
  Fd fd(::socket(storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return FromErrno(errno, "making a UDP socket");
  if (bound.address.is_v6()) {
    LS_RETURN_IF_ERROR(Set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY"));
  }
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0) {
    return FromErrno(errno, "binding UDP " + bound.ToString());
  }
  std::unique_ptr<UdpSocket> made(new UdpSocket(kind, std::move(fd), bound, seen, counters));
  LS_RETURN_IF_ERROR(made->Configure().Prefixed("UDP " + bound.ToString()));
  return made;
}

Status UdpSocket::Configure() {
  const bool v6 = bound_.address.is_v6();
  const int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
  LS_RETURN_IF_ERROR(Set(fd(), level, v6 ? IPV6_RECVTCLASS : IP_RECVTOS, 1, "ECN reception"));
  // Never fragmented, never held back by a learnt MTU: QUIC finds the path's MTU by itself.
  static_assert(IP_PMTUDISC_PROBE == IPV6_PMTUDISC_PROBE);
  LS_RETURN_IF_ERROR(Set(fd(), level, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, IP_PMTUDISC_PROBE,
                         "path MTU discovery"));
  // As far as net.core.{r,w}mem_max lets us.
  static_cast<void>(Set(fd(), SOL_SOCKET, SO_RCVBUF, kSocketBufferBytes, "SO_RCVBUF"));
  static_cast<void>(Set(fd(), SOL_SOCKET, SO_SNDBUF, kSocketBufferBytes, "SO_SNDBUF"));
  return Status::Ok();
}

void UdpSocket::Receive(ReceiveBuffer& buffer, const std::function<void(const Datagram&)>& take) {
  for (int round = 0; round < kReceiveRounds; ++round) {
    buffer.Prepare();
    const int count =
        ::recvmmsg(fd(), buffer.headers_.data(), ReceiveBuffer::kDatagrams, 0, nullptr);
    // An ICMP error of an earlier datagram shows here as well; QUIC goes by silence.
    if (count <= 0) return;
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      msghdr& header = buffer.headers_[i].msg_hdr;
      const size_t size = buffer.headers_[i].msg_len;
      ++counters_.datagrams_received;
      counters_.bytes_received += size;
      if ((header.msg_flags & MSG_TRUNC) != 0) {
        counters_.Dropped(Drop::kMalformed);
        continue;
      }
      take({this,
            {reinterpret_cast<sockaddr*>(&buffer.from_[i]), header.msg_namelen},
            EcnOf(header),
            {buffer.bytes_[i].data(), size}});
    }
    if (static_cast<size_t>(count) < ReceiveBuffer::kDatagrams) return;
  }
}

UdpSocket::Outcome UdpSocket::SendOnce(const ngtcp2_addr& remote, uint8_t ecn,
                                       std::span<const uint8_t> bytes, size_t segment) {
  iovec vector{const_cast<uint8_t*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint16_t))>
      control{};
  msghdr header{};
  header.msg_name = remote.addr;
  header.msg_namelen = remote.addrlen;
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  size_t used = 0;
  const auto add = [&](int level, int type, const auto& value) {
    cmsghdr* c = reinterpret_cast<cmsghdr*>(control.data() + used);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(sizeof(value));
    std::memcpy(CMSG_DATA(c), &value, sizeof(value));
    used += CMSG_SPACE(sizeof(value));
  };
  if (bytes.size() > segment) add(SOL_UDP, UDP_SEGMENT, static_cast<uint16_t>(segment));
  if (ecn != 0) {
    const bool v6 = bound_.address.is_v6();
    add(v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS, static_cast<int>(ecn));
  }
  header.msg_controllen = used;
  if (used == 0) header.msg_control = nullptr;
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(fd(), &header, 0);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return Outcome::kSent;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return Outcome::kBlocked;
  if (bytes.size() > segment && (errno == EIO || errno == EINVAL)) return Outcome::kNoSegmentation;
  return Outcome::kLost;  // EMSGSIZE of an MTU probe, EPERM of a firewall, ENETUNREACH, …
}

size_t UdpSocket::SendAsFarAsPossible(const ngtcp2_addr& remote, uint8_t ecn,
                                      std::span<const uint8_t> bytes, size_t segment) {
  size_t done = 0;
  while (done < bytes.size()) {
    const size_t size =
        segmentation_ ? bytes.size() - done : std::min(segment, bytes.size() - done);
    const Outcome outcome = SendOnce(remote, ecn, bytes.subspan(done, size), segment);
    if (outcome == Outcome::kBlocked) break;
    if (outcome == Outcome::kNoSegmentation) {
      segmentation_ = false;  // this network card cannot checksum; one datagram at a time then
      continue;
    }
    if (outcome == Outcome::kSent) {
      counters_.datagrams_sent += (size + segment - 1) / segment;
      counters_.bytes_sent += size;
    }
    done += size;
  }
  return done;
}

bool UdpSocket::Send(const ngtcp2_addr& remote, uint8_t ecn, std::span<const uint8_t> bytes,
                     size_t segment) {
  const size_t done = blocked() ? 0 : SendAsFarAsPossible(remote, ecn, bytes, segment);
  if (done == bytes.size()) return true;
  const std::span<const uint8_t> rest = bytes.subspan(done);
  if (kept_bytes_ + rest.size() > kMaxKeptBytes) {
    counters_.Dropped(Drop::kSendBufferFull);
    return false;
  }
  Kept kept{{}, remote.addrlen, ecn, segment, {rest.begin(), rest.end()}};
  std::memcpy(&kept.remote, remote.addr, remote.addrlen);
  kept_bytes_ += rest.size();
  kept_.push_back(std::move(kept));
  return false;
}

bool UdpSocket::Flush() {
  size_t gone = 0;
  for (Kept& kept : kept_) {
    const ngtcp2_addr remote{reinterpret_cast<sockaddr*>(&kept.remote), kept.remote_size};
    const size_t done = SendAsFarAsPossible(remote, kept.ecn, kept.bytes, kept.segment);
    kept_bytes_ -= done;
    if (done < kept.bytes.size()) {
      kept.bytes.erase(kept.bytes.begin(), kept.bytes.begin() + static_cast<ptrdiff_t>(done));
      break;
    }
    ++gone;
  }
  kept_.erase(kept_.begin(), kept_.begin() + static_cast<ptrdiff_t>(gone));
  return kept_.empty();
}

}  // namespace lockstep::agent::quicd::server

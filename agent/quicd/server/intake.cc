// What becomes of a datagram: to its connection, to a new one, or to nobody, and whether nobody
// answers.
//
//   known connection ID                      the connection
//   a version we do not speak                Version Negotiation
//   Initial                                  a new connection; Retry first, when too many are half
//   open short header, an ID of ours              stateless reset: it was ours before we restarted
//   anything else, another node's ID above all  silence
//
// On the node's own addresses nobody begins anything but a witness: it would be a door past the
// anycast edge.
#include <ngtcp2/ngtcp2_crypto.h>

#include <algorithm>
#include <array>

#include "agent/quicd/server/server.h"
#include "common/base/encoding.h"

namespace lockstep::agent::quicd::server {
namespace {

constexpr size_t kStatelessPacketBytes = 256;
// RFC 9000 §10.3: a reset looks like a short packet, and is shorter than what it answers, so that
// two endpoints cannot keep each other busy with them.
constexpr size_t kMaxResetBytes = 43;
constexpr size_t kMinResetBytes =
    NGTCP2_MIN_STATELESS_RESET_RANDLEN + NGTCP2_STATELESS_RESET_TOKENLEN;
constexpr std::array<uint32_t, 1> kVersions = {NGTCP2_PROTO_VER_V1};

std::span<const uint8_t> Destination(const ngtcp2_version_cid& ids) {
  return {ids.dcid, ids.dcidlen};
}

cid::Peer PeerOf(const Datagram& datagram) {
  return {datagram.remote.addr, datagram.remote.addrlen};
}

uint8_t RandomOctet() { return static_cast<uint8_t>(RandomBytes(1)[0]); }

}  // namespace

void Server::OnDatagram(const Datagram& datagram) {
  if (datagram.bytes.empty()) return counters_.Dropped(Drop::kMalformed);  // the library aborts
  ngtcp2_version_cid ids{};
  const int rv = ngtcp2_pkt_decode_version_cid(&ids, datagram.bytes.data(), datagram.bytes.size(),
                                               cid::kLength);
  if (rv != 0 && rv != NGTCP2_ERR_VERSION_NEGOTIATION) return counters_.Dropped(Drop::kMalformed);
  if (Connection* connection = table_.Find(Destination(ids))) {
    return connection->OnDatagram(datagram);
  }
  if (rv == NGTCP2_ERR_VERSION_NEGOTIATION) return SendVersionNegotiation(datagram, ids);
  OnStray(datagram, ids);
}

void Server::OnStray(const Datagram& datagram, const ngtcp2_version_cid& ids) {
  const cid::Owner owner = configuration_->codec().OwnerOf(Destination(ids));
  ngtcp2_pkt_hd header{};
  if (ids.version != 0 &&
      ngtcp2_accept(&header, datagram.bytes.data(), datagram.bytes.size()) == 0) {
    return OnInitial(datagram, header);
  }
  if (owner == cid::Owner::kAnotherNode) return counters_.Dropped(Drop::kForeignCid);
  if (owner == cid::Owner::kOurs && ids.version == 0) return SendReset(datagram, ids);
  counters_.Dropped(Drop::kUnknownCid);
}

bool Server::MayBegin(const Datagram& datagram) {
  if (datagram.socket->kind() != UdpSocket::Kind::kService) {
    const Result<IpAddress> from = IpAddress::FromSockaddr(datagram.remote.addr);
    if (!from.ok() || !configuration_->IsWitness(*from)) {
      counters_.Dropped(Drop::kNotAWitness);
      return false;
    }
  }
  return true;
}

void Server::OnInitial(const Datagram& datagram, const ngtcp2_pkt_hd& header) {
  if (!MayBegin(datagram)) return;
  const Limits& limits = configuration_->limits();
  if (draining_ || connections_.size() >= limits.max_connections) {
    counters_.Dropped(Drop::kConnectionLimit);
    return RefuseInitial(datagram, header, NGTCP2_CONNECTION_REFUSED);
  }
  const auto token =
      configuration_->tokens().Verify({header.token, header.tokenlen}, header.version,
                                      PeerOf(datagram), header.dcid, Clock::System().Now());
  // RFC 9000 §8.1.3: a wrong Retry token ends it, a wrong NEW_TOKEN is as good as none.
  if (token.kind == cid::AddressTokens::Kind::kRetry && !token.valid) {
    return RefuseInitial(datagram, header, NGTCP2_INVALID_TOKEN);
  }
  if (!token.valid && half_open_ >= limits.retry_above_half_open) {
    return SendRetry(datagram, header);
  }
  Accept(datagram, {header, token});
}

void Server::Accept(const Datagram& datagram, const Connection::First& first) {
  std::unique_ptr<Connection> made = Connection::Create(*this, configuration_, datagram, first);
  if (made == nullptr) return counters_.Dropped(Drop::kMalformed);
  ++half_open_;
  Connection* connection = made.get();
  connections_.emplace(connection, std::move(made));
  const Connection::Verdict verdict = connection->OnFirstDatagram(datagram);
  if (verdict == Connection::Verdict::kTaken) return;
  if (!connection->handshake_over()) --half_open_;
  connections_.erase(connection);
  if (verdict == Connection::Verdict::kRetry) return SendRetry(datagram, first.header);
  // It cannot be read: an Initial of a connection that another node has begun, if its ID says so.
  const bool foreign =
      configuration_->codec().OwnerOf({first.header.dcid.data, first.header.dcid.datalen}) ==
      cid::Owner::kAnotherNode;
  counters_.Dropped(foreign ? Drop::kForeignCid : Drop::kMalformed);
}

void Server::SendVersionNegotiation(const Datagram& datagram, const ngtcp2_version_cid& ids) {
  // RFC 9000 §5.2.2: only to what would have been long enough to begin a connection.
  if (datagram.bytes.size() < NGTCP2_MAX_UDP_PAYLOAD_SIZE)
    return counters_.Dropped(Drop::kMalformed);
  if (!MayBegin(datagram)) return;
  std::array<uint8_t, 2 * kStatelessPacketBytes + 64> packet{};
  const ngtcp2_ssize size = ngtcp2_pkt_write_version_negotiation(
      packet.data(), packet.size(), RandomOctet(), ids.scid, ids.scidlen, ids.dcid, ids.dcidlen,
      kVersions.data(), kVersions.size());
  if (size <= 0) return;
  ++counters_.version_negotiations_sent;
  datagram.socket->Send(datagram.remote, 0, std::span(packet).first(static_cast<size_t>(size)),
                        static_cast<size_t>(size));
}

void Server::SendRetry(const Datagram& datagram, const ngtcp2_pkt_hd& header) {
  const cid::ConnectionId made = configuration_->codec().Make();
  ngtcp2_cid scid;
  ngtcp2_cid_init(&scid, made.data(), made.size());
  const std::vector<uint8_t> token = configuration_->tokens().MakeRetry(
      header.version, PeerOf(datagram), scid, header.dcid, Clock::System().Now());
  std::array<uint8_t, kStatelessPacketBytes> packet{};
  const ngtcp2_ssize size =
      ngtcp2_crypto_write_retry(packet.data(), packet.size(), header.version, &header.scid, &scid,
                                &header.dcid, token.data(), token.size());
  if (size <= 0) return;
  ++counters_.retries_sent;
  datagram.socket->Send(datagram.remote, 0, std::span(packet).first(static_cast<size_t>(size)),
                        static_cast<size_t>(size));
}

void Server::RefuseInitial(const Datagram& datagram, const ngtcp2_pkt_hd& header, uint64_t code) {
  std::array<uint8_t, kStatelessPacketBytes> packet{};
  const ngtcp2_ssize size = ngtcp2_crypto_write_connection_close(
      packet.data(), packet.size(), header.version, &header.scid, &header.dcid, code, nullptr, 0);
  if (size <= 0) return;
  datagram.socket->Send(datagram.remote, 0, std::span(packet).first(static_cast<size_t>(size)),
                        static_cast<size_t>(size));
}

void Server::SendReset(const Datagram& datagram, const ngtcp2_version_cid& ids) {
  const size_t size = std::min(kMaxResetBytes, datagram.bytes.size() - 1);
  if (size < kMinResetBytes) return counters_.Dropped(Drop::kUnknownCid);
  if (!resets_.Take(configuration_->limits().resets_per_second, loop_.now())) {
    return counters_.Dropped(Drop::kResetRateLimited);
  }
  ngtcp2_cid id;
  ngtcp2_cid_init(&id, ids.dcid, ids.dcidlen);
  const cid::ResetToken token = cid::ResetTokenFor(configuration_->settings().reset_key, id);
  const std::string random = RandomBytes(size - token.size());
  std::array<uint8_t, kMaxResetBytes> packet{};
  const ngtcp2_ssize written = ngtcp2_pkt_write_stateless_reset(
      packet.data(), packet.size(), token.data(), reinterpret_cast<const uint8_t*>(random.data()),
      random.size());
  if (written <= 0) return;
  ++counters_.stateless_resets_sent;
  datagram.socket->Send(datagram.remote, 0, std::span(packet).first(static_cast<size_t>(written)),
                        static_cast<size_t>(written));
}

}  // namespace lockstep::agent::quicd::server

// A connection's way out: packets, timers, and how it ends.
#include <algorithm>
#include <array>
#include <utility>

#include "agent/quicd/server/connection.h"

namespace lockstep::agent::quicd::server {
namespace {

constexpr size_t kVectors = 16;
constexpr size_t kClosePacketBytes = 1200;
constexpr int kLingerPtos = 3;  // RFC 9000 §10.2
// Connections that are over go together: one at a time, each costs the thread a waking-up.
using LingerTick = std::chrono::duration<int64_t, std::deci>;

MonoTime ToMono(ngtcp2_tstamp stamp) {
  const std::chrono::nanoseconds nanos(static_cast<int64_t>(stamp));
  return MonoTime(std::chrono::ceil<Micros>(nanos));
}

}  // namespace

void Connection::WantWrite() {
  if (state_ != State::kOpen || std::exchange(write_wanted_, true)) return;
  host_.WantWrite(*this);
}

bool Connection::Write() {
  write_wanted_ = false;
  if (state_ != State::kOpen || !HandleExpiry()) return true;
  Batch& batch = host_.batch();
  batch.Start();
  const ngtcp2_tstamp now = Now();
  MindPathMtu();
  const size_t quantum = std::min(std::max(ngtcp2_conn_get_send_quantum(quic_),
                                           ngtcp2_conn_get_path_max_tx_udp_payload_size(quic_)),
                                  kMaxBatchBytes);
  bool all_sent = false;
  while (!all_sent && batch.total() < quantum && !batch.blocked() &&
         batch.room().size() >= PacketBytes()) {
    all_sent = !WritePacket(batch, now);
  }
  batch.Send();
  if (state_ != State::kOpen) return true;
  // The time for the next packet is nothing to wake up for when there is none: it is looked at
  // again before the next one is written.
  const ngtcp2_tstamp unpaced = ngtcp2_conn_get_expiry(quic_);
  ngtcp2_conn_update_pkt_tx_time(quic_, now);
  SetTimer(all_sent ? unpaced : ngtcp2_conn_get_expiry(quic_));
  return !batch.blocked();
}

// Another port of the client's is a NAT's doing, and the way is the same; to another address it is
// another one.
void Connection::MindPathMtu() {
  const ngtcp2_path* path = ngtcp2_conn_get_path(quic_);
  ngtcp2_path& known = path_mtu_of_.path;
  if (!SameEndpoint(path->local.addr, known.local.addr) ||
      !SameAddress(path->remote.addr, known.remote.addr)) {
    ngtcp2_path_copy(&known, path);
    path_mtu_.OnNewPath();
  }
  const std::chrono::nanoseconds pto(static_cast<int64_t>(ngtcp2_conn_get_pto(quic_)));
  if (path_mtu_.Check(host_.loop().now(), std::chrono::floor<Micros>(pto))) {
    ++host_.counters().path_mtu_black_holes;
  }
}

size_t Connection::PacketBytes() const {
  return std::min(path_mtu_.limit(), ngtcp2_conn_get_path_max_tx_udp_payload_size(quic_));
}

bool Connection::WritePacket(Batch& batch, ngtcp2_tstamp now) {
  ngtcp2_path_storage path;
  ngtcp2_path_storage_zero(&path);
  ngtcp2_pkt_info info{};
  const ngtcp2_ssize size = FillPacket(batch, &path.path, &info, now);
  if (size > 0) {
    const size_t probed = ngtcp2_conn_get_path_max_tx_udp_payload_size(quic_);
    path_mtu_.OnSent(static_cast<size_t>(size), probed, host_.loop().now());
    batch.Add(static_cast<size_t>(size), path.path, info.ecn);
  }
  if (size < 0) Close();
  return size > 0;
}

// What fits into one packet, from as many streams as it takes. Negative: the connection is over and
// `error_` says why.
ngtcp2_ssize Connection::FillPacket(Batch& batch, ngtcp2_path* path, ngtcp2_pkt_info* info,
                                    ngtcp2_tstamp now) {
  const std::span<uint8_t> room = batch.room();
  // A probe is one packet that is longer than the others.
  const size_t limit = path_mtu_.worth_probing()
                           ? std::min({room.size(), path_mtu_.limit(),
                                       ngtcp2_conn_get_max_tx_udp_payload_size(quic_)})
                           : PacketBytes();
  while (true) {
    std::array<nghttp3_vec, kVectors> vectors;
    int64_t stream = -1;
    int fin = 0;
    nghttp3_ssize count = 0;
    if (http3_ != nullptr && ngtcp2_conn_get_max_data_left(quic_) > 0) {
      count = http3_->NextData(&stream, &fin, vectors);
      if (count < 0) {
        FailHttp3(nghttp3_err_infer_quic_app_error_code(static_cast<int>(count)));
        return NGTCP2_ERR_CALLBACK_FAILURE;
      }
    }
    const uint32_t flags =
        NGTCP2_WRITE_STREAM_FLAG_MORE |
        (fin != 0 ? NGTCP2_WRITE_STREAM_FLAG_FIN : NGTCP2_WRITE_STREAM_FLAG_NONE);
    ngtcp2_ssize taken = -1;
    // The two libraries' vectors are the same struct by design.
    const ngtcp2_ssize size = ngtcp2_conn_writev_stream(
        quic_, path, info, room.data(), limit, &taken, flags, stream,
        reinterpret_cast<const ngtcp2_vec*>(vectors.data()), static_cast<size_t>(count), now);
    if (taken >= 0 && stream >= 0) {
      path_mtu_.OnStreamData(stream, static_cast<size_t>(taken));
      if (const uint64_t code = http3_->OnDataWritten(stream, static_cast<size_t>(taken));
          code != 0) {
        FailHttp3(code);
        return NGTCP2_ERR_CALLBACK_FAILURE;
      }
    }
    if (size >= 0) return size;
    switch (size) {
      case NGTCP2_ERR_WRITE_MORE:
        break;
      case NGTCP2_ERR_STREAM_DATA_BLOCKED:
        http3_->OnDataBlocked(stream);
        break;
      case NGTCP2_ERR_STREAM_NOT_FOUND:
      case NGTCP2_ERR_STREAM_SHUT_WR:
        http3_->OnDataRefused(stream);
        break;
      default:
        if (error_.error_code == 0) {
          ngtcp2_ccerr_set_liberr(&error_, static_cast<int>(size), nullptr, 0);
        }
        return size;
    }
  }
}

void Connection::AnnounceDrain() {
  if (state_ == State::kOpen && http3_ != nullptr) http3_->AnnounceShutdown();
}

void Connection::Drain() {
  if (state_ == State::kOpen && http3_ != nullptr) http3_->Shutdown();
}

void Connection::CloseNow() {
  if (state_ != State::kOpen) return;
  FailHttp3(NGHTTP3_H3_NO_ERROR);
  Close();
}

void Connection::Close() {
  if (state_ != State::kOpen) return;
  close_packet_.resize(kClosePacketBytes);
  ngtcp2_path_storage path;
  ngtcp2_path_storage_zero(&path);
  ngtcp2_pkt_info info{};
  const ngtcp2_ssize size = ngtcp2_conn_write_connection_close(
      quic_, &path.path, &info, close_packet_.data(), close_packet_.size(), &error_, Now());
  if (size <= 0) return Vanish();
  close_packet_.resize(static_cast<size_t>(size));
  if (UdpSocket* socket = host_.FindSocket(path.path.local.addr)) {
    socket->Send(path.path.remote, info.ecn, close_packet_, close_packet_.size());
  }
  Linger(State::kClosing);
}

// Its connection IDs stay known for a while, so that late packets are not taken for strangers'.
void Connection::Linger(State state) {
  state_ = state;
  EndHandshake();
  http3_.reset();
  const std::chrono::nanoseconds pto(static_cast<int64_t>(ngtcp2_conn_get_pto(quic_)));
  const MonoTime until = host_.loop().now() + std::chrono::ceil<Micros>(kLingerPtos * pto);
  ArmFor(std::chrono::ceil<LingerTick>(until));
}

void Connection::Vanish() {
  if (state_ == State::kGone) return;
  state_ = State::kGone;
  EndHandshake();
  host_.OnGone(*this);
}

void Connection::OnTimer() {
  timer_ = 0;
  if (state_ != State::kOpen) return Vanish();
  if (const ngtcp2_tstamp expiry = ngtcp2_conn_get_expiry(quic_); expiry > Now()) {
    return SetTimer(expiry);
  }
  if (HandleExpiry()) WantWrite();
}

// Lets ngtcp2 do what is due; false: the connection is over.
bool Connection::HandleExpiry() {
  const ngtcp2_tstamp now = Now();
  if (ngtcp2_conn_get_expiry(quic_) > now) return true;
  const int rv = ngtcp2_conn_handle_expiry(quic_, now);
  if (rv == 0) return true;
  // Nobody is there to be told.
  if (rv == NGTCP2_ERR_IDLE_CLOSE || rv == NGTCP2_ERR_HANDSHAKE_TIMEOUT) {
    Vanish();
  } else {
    ngtcp2_ccerr_set_liberr(&error_, rv, nullptr, 0);
    Close();
  }
  return false;
}

// Deadlines mostly move away: the timer is left where it is and looks again when it fires.
void Connection::SetTimer(ngtcp2_tstamp expiry) {
  if (expiry != UINT64_MAX) ArmFor(ToMono(expiry));
}

void Connection::ArmFor(MonoTime when) {
  if (state_ == State::kOpen && timer_ != 0 && timer_at_ <= when) return;
  if (timer_ != 0) host_.loop().Cancel(timer_);
  timer_at_ = when;
  timer_ = host_.loop().At(when, [this] { OnTimer(); });
}

}  // namespace lockstep::agent::quicd::server

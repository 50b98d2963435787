#include "agent/quicd/server/batch.h"

namespace lockstep::agent::quicd::server {

Batch::Batch(FindSocket find_socket) : find_socket_(std::move(find_socket)) {
  ngtcp2_path_storage_zero(&path_);
}

bool Batch::GoesWith(size_t size, const ngtcp2_path& path, uint8_t ecn) const {
  const size_t waiting = used_ - begin_;
  return waiting % segment_ == 0 && size <= segment_ && ecn == ecn_ &&
         waiting / segment_ < kMaxBatchDatagrams && ngtcp2_path_eq(&path_.path, &path) != 0;
}

void Batch::Add(size_t size, const ngtcp2_path& path, uint8_t ecn) {
  if (used_ > begin_ && !GoesWith(size, path, ecn)) Send();
  if (used_ == begin_) {
    ngtcp2_path_copy(&path_.path, &path);
    ecn_ = ecn;
    segment_ = size;
  }
  used_ += size;
}

void Batch::Send() {
  const std::span<const uint8_t> waiting = std::span(buffer_).subspan(begin_, used_ - begin_);
  begin_ = used_;
  if (waiting.empty()) return;
  UdpSocket* socket = find_socket_(path_.path.local.addr);
  if (socket == nullptr) return;  // a newer configuration closed it
  if (!socket->Send(path_.path.remote, ecn_, waiting, segment_)) blocked_ = true;
}

}  // namespace lockstep::agent::quicd::server

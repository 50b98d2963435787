#include "common/frame/assembler.h"

#include "common/frame/cutter.h"

namespace lockstep::frame {
namespace {

std::string NameOf(const agent::v1::Chunk& chunk) {
  return "transfer " + std::to_string(chunk.transfer()) + " piece " + std::to_string(chunk.index());
}

}  // namespace

Result<Assembler::Transfer*> Assembler::FindOrStart(const agent::v1::Chunk& chunk) {
  const auto found = transfers_.find(chunk.transfer());
  if (found != transfers_.end()) return &found->second;
  if (chunk.transfer() <= started_) {
    return InvalidArgument(NameOf(chunk) + ": the transfer has ended");
  }
  if (chunk.transfer() != started_ + 1) {
    return InvalidArgument(NameOf(chunk) + ": expected transfer " + std::to_string(started_ + 1));
  }
  if (transfers_.size() >= limits_.transfers) {
    return ResourceExhausted(NameOf(chunk) + ": more than " + std::to_string(limits_.transfers) +
                             " unfinished transfers");
  }
  started_ = chunk.transfer();
  return &transfers_[chunk.transfer()];
}

Result<std::optional<std::string>> Assembler::Take(const agent::v1::Chunk& chunk) {
  if (chunk.data().empty()) return InvalidArgument(NameOf(chunk) + ": is empty");
  if (chunk.data().size() > kMaxWireBytes) {
    return InvalidArgument(NameOf(chunk) + ": has " + std::to_string(chunk.data().size()) +
                           " bytes, at most " + std::to_string(kMaxWireBytes) + " are allowed");
  }
  if (!chunk.sha256().empty() && chunk.sha256().size() != crypto::kSha256Bytes) {
    return InvalidArgument(NameOf(chunk) + ": sha256 has " + std::to_string(chunk.sha256().size()) +
                           " bytes instead of 32");
  }
  LS_ASSIGN_OR_RETURN(Transfer* const transfer, FindOrStart(chunk));
  if (chunk.index() != transfer->next_index) {
    return InvalidArgument(NameOf(chunk) + ": expected piece " +
                           std::to_string(transfer->next_index));
  }
  if (chunk.data().size() > limits_.total_bytes - held_bytes_) {
    return ResourceExhausted(NameOf(chunk) + ": more than " + std::to_string(limits_.total_bytes) +
                             " bytes of unfinished transfers");
  }
  ++transfer->next_index;
  held_bytes_ += chunk.data().size();
  transfer->data.append(chunk.data());
  transfer->hash.Update(chunk.data());
  if (chunk.sha256().empty()) return std::optional<std::string>();

  std::string whole = std::move(transfer->data);
  const bool intact = transfer->hash.Finish() == chunk.sha256();
  held_bytes_ -= whole.size();
  transfers_.erase(chunk.transfer());
  if (!intact) return DataLoss(NameOf(chunk) + ": sha256 is not that of the data");
  return std::optional(std::move(whole));
}

}  // namespace lockstep::frame

#include "common/frame/cutter.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>

#include "common/status/status.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::frame {
namespace {

using agent::v1::Chunk;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;

constexpr uint32_t LengthTag(int field) {
  return WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
}

// The Chunk up to the bytes of `data`, which comes last whatever its number.
std::string ChunkStart(uint64_t transfer, uint32_t index, const std::string& sha256,
                       size_t data_bytes) {
  Chunk chunk;
  chunk.set_transfer(transfer);
  chunk.set_index(index);
  chunk.set_sha256(sha256);
  std::string start = chunk.SerializeAsString();
  google::protobuf::io::StringOutputStream sink(&start);
  CodedOutputStream out(&sink);
  out.WriteTag(LengthTag(Chunk::kDataFieldNumber));
  out.WriteVarint64(data_bytes);
  return out.Trim(), start;
}

}  // namespace

Piece Cutter::Next() {
  LS_CHECK(!done());
  Piece piece;
  piece.data = rest_.substr(0, kPieceBytes);
  rest_.remove_prefix(piece.data.size());
  hash_.Update(piece.data);
  const std::string start =
      ChunkStart(transfer_, index_++, done() ? hash_.Finish() : std::string(), piece.data.size());
  {
    google::protobuf::io::StringOutputStream sink(&piece.header);
    CodedOutputStream out(&sink);
    out.WriteTag(LengthTag(chunk_field_));
    out.WriteVarint64(start.size() + piece.data.size());
    out.WriteString(start);
  }
  return piece;
}

}  // namespace lockstep::frame

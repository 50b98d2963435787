// What a stranger can put before any key is agreed on: connection IDs and address tokens. Nobody
// without the keys makes one that is taken for ours, and each of ours is known whatever came
// before.
//
// The input: one byte of length, a connection ID of as many bytes, then a token.
#include <arpa/inet.h>
#include <ngtcp2/ngtcp2.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/quicd/cid/codec.h"
#include "agent/quicd/cid/tokens.h"

namespace {

namespace cid = lockstep::agent::quicd::cid;
namespace crypto = lockstep::crypto;

void Require(bool holds) {
  if (!holds) __builtin_trap();
}

std::shared_ptr<const cid::Codec> MakeCodec() {
  std::vector<cid::Key> keys;
  keys.push_back({0, crypto::Secret(std::string(cid::kKeyBytes, 'a'))});
  keys.push_back({1, crypto::Secret(std::string(cid::kKeyBytes, 'b'))});
  return *cid::Codec::Create("fra1", keys);
}

cid::AddressTokens MakeTokens() {
  std::vector<crypto::Secret> secrets;
  secrets.emplace_back(std::string(cid::kMinSecretBytes, 'c'));
  return *cid::AddressTokens::Create(std::move(secrets), lockstep::Seconds(10),
                                     lockstep::Seconds(3600));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::shared_ptr<const cid::Codec> codec = MakeCodec();
  static const cid::AddressTokens tokens = MakeTokens();
  if (size == 0) return 0;
  const std::span<const uint8_t> rest(data + 1, size - 1);
  const size_t length = std::min<size_t>(data[0], rest.size());
  const std::span<const uint8_t> id = rest.first(length);
  const std::span<const uint8_t> token = rest.subspan(length);

  // To come out as ours, four octets under a key that the fuzzer lacks would have to be right.
  if (id.size() != cid::kLength) Require(codec->OwnerOf(id) == cid::Owner::kUnknown);
  std::vector<uint8_t> nonce(cid::kBlock - std::string("fra1").size());
  std::copy_n(id.begin(), std::min(nonce.size(), id.size()), nonce.begin());
  Require(codec->OwnerOf(codec->MakeWith(nonce)) == cid::Owner::kOurs);

  ngtcp2_cid dcid;
  ngtcp2_cid_init(&dcid, id.data(), std::min<size_t>(id.size(), NGTCP2_MAX_CIDLEN));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(443);
  const cid::Peer peer{reinterpret_cast<const sockaddr*>(&address), sizeof address};
  const lockstep::WallTime now{lockstep::Seconds(1'800'000'000)};
  Require(!tokens.Verify(token, NGTCP2_PROTO_VER_V1, peer, dcid, now).valid);
  const std::vector<uint8_t> ours = tokens.MakeRegular(peer, now);
  Require(tokens.Verify(ours, NGTCP2_PROTO_VER_V1, peer, dcid, now).valid);
  return 0;
}

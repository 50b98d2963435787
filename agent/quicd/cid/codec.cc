#include "agent/quicd/cid/codec.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/encoding.h"

namespace lockstep::agent::quicd::cid {
namespace {

using Block = std::array<uint8_t, kBlock>;

constexpr size_t kNoncesAtOnce = 64;

struct ContextDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, ContextDeleter>;

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

Result<Context> MakeContext(const crypto::Secret& key, bool encrypts) {
  Context context(EVP_CIPHER_CTX_new());
  if (context == nullptr ||
      EVP_CipherInit_ex(context.get(), EVP_aes_128_ecb(), nullptr, Bytes(key.Reveal()), nullptr,
                        encrypts ? 1 : 0) != 1 ||
      EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1) {
    return Internal("OpenSSL offers no AES-128");
  }
  return context;
}

Block Apply(const Context& context, const Block& in) {
  Block out{};
  int size = 0;
  LS_CHECK(EVP_CipherUpdate(context.get(), out.data(), &size, in.data(), kBlock) == 1 &&
           size == kBlock);
  return out;
}

uint8_t FirstOctet(uint8_t config_id) {
  return static_cast<uint8_t>((size_t{config_id} << 5U) | kBlock);
}

}  // namespace

struct Codec::Cipher {
  uint8_t first_octet = 0;
  Context encrypt;
  Context decrypt;
};

Codec::Codec(std::string server_id) : server_id_(std::move(server_id)) {}
Codec::~Codec() = default;

Result<std::shared_ptr<const Codec>> Codec::Create(std::string server_id,
                                                   const std::vector<Key>& keys) {
  if (server_id.size() < kMinServerIdBytes || server_id.size() > kMaxServerIdBytes) {
    return InvalidArgument("the server id has " + std::to_string(server_id.size()) +
                           " bytes; it must have 1-12");
  }
  if (keys.empty()) return InvalidArgument("there is no connection-ID key");
  std::shared_ptr<Codec> codec(new Codec(std::move(server_id)));
  for (const Key& key : keys) {
    if (key.config_id > kMaxConfigId)
      return InvalidArgument("a connection-ID config id is above 6");
    if (key.secret.size() != kKeyBytes) {
      return InvalidArgument("a connection-ID key has " + std::to_string(key.secret.size()) +
                             " bytes; it must have 16");
    }
    auto cipher = std::make_unique<Cipher>();
    cipher->first_octet = FirstOctet(key.config_id);
    for (const auto& other : codec->ciphers_) {
      if (other->first_octet == cipher->first_octet) {
        return InvalidArgument("two connection-ID keys have one config id");
      }
    }
    LS_ASSIGN_OR_RETURN(cipher->encrypt, MakeContext(key.secret, true));
    LS_ASSIGN_OR_RETURN(cipher->decrypt, MakeContext(key.secret, false));
    codec->ciphers_.push_back(std::move(cipher));
  }
  return std::shared_ptr<const Codec>(std::move(codec));
}

ConnectionId Codec::Make() const {
  const std::string_view nonce = NextNonce();
  return MakeWith({Bytes(nonce), nonce.size()});
}

std::string_view Codec::NextNonce() const {
  const size_t size = kBlock - server_id_.size();
  if (random_.size() - random_used_ < size) {
    random_ = RandomBytes(size * kNoncesAtOnce);
    random_used_ = 0;
  }
  return std::string_view(random_).substr(std::exchange(random_used_, random_used_ + size), size);
}

ConnectionId Codec::MakeWith(std::span<const uint8_t> nonce) const {
  LS_CHECK(server_id_.size() + nonce.size() == kBlock);
  Block plain{};
  std::copy_n(Bytes(server_id_), server_id_.size(), plain.begin());
  std::copy(nonce.begin(), nonce.end(), plain.begin() + static_cast<ptrdiff_t>(server_id_.size()));
  const Cipher& cipher = *ciphers_.front();
  const Block block = Apply(cipher.encrypt, plain);
  ConnectionId made{};
  made[0] = cipher.first_octet;
  std::copy(block.begin(), block.end(), made.begin() + 1);
  return made;
}

Owner Codec::OwnerOf(std::span<const uint8_t> connection_id) const {
  if (connection_id.size() != kLength) return Owner::kUnknown;
  const auto cipher = std::find_if(ciphers_.begin(), ciphers_.end(), [&](const auto& known) {
    return known->first_octet == connection_id[0];
  });
  if (cipher == ciphers_.end()) return Owner::kUnknown;
  Block block{};
  std::copy_n(connection_id.begin() + 1, kBlock, block.begin());
  const Block plain = Apply((*cipher)->decrypt, block);
  return std::memcmp(plain.data(), server_id_.data(), server_id_.size()) == 0 ? Owner::kOurs
                                                                              : Owner::kAnotherNode;
}

}  // namespace lockstep::agent::quicd::cid

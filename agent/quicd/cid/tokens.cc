#include "agent/quicd/cid/tokens.h"

#include <ngtcp2/ngtcp2_crypto.h>

#include <string>

namespace lockstep::agent::quicd::cid {
namespace {

const uint8_t* Bytes(const crypto::Secret& secret) {
  return reinterpret_cast<const uint8_t*>(secret.Reveal().data());
}

ngtcp2_tstamp Stamp(WallTime time) {
  return static_cast<ngtcp2_tstamp>(std::chrono::nanoseconds(time.time_since_epoch()).count());
}

ngtcp2_duration Span(Seconds lifetime) {
  return static_cast<ngtcp2_duration>(std::chrono::nanoseconds(lifetime).count());
}

std::vector<uint8_t> Cut(std::vector<uint8_t> buffer, ngtcp2_ssize size) {
  buffer.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return buffer;
}

}  // namespace

ResetToken ResetTokenFor(const crypto::Secret& reset_key, const ngtcp2_cid& connection_id) {
  ResetToken token{};
  LS_CHECK(ngtcp2_crypto_generate_stateless_reset_token(token.data(), Bytes(reset_key),
                                                        reset_key.size(), &connection_id) == 0);
  return token;
}

Result<AddressTokens> AddressTokens::Create(std::vector<crypto::Secret> secrets,
                                            Seconds retry_lifetime, Seconds regular_lifetime) {
  if (secrets.empty()) return InvalidArgument("there is no address-token key");
  for (const crypto::Secret& secret : secrets) {
    if (secret.size() < kMinSecretBytes) {
      return InvalidArgument("an address-token key has " + std::to_string(secret.size()) +
                             " bytes; it must have at least 32");
    }
  }
  AddressTokens tokens;
  tokens.secrets_ = std::move(secrets);
  tokens.retry_lifetime_ = retry_lifetime;
  tokens.regular_lifetime_ = regular_lifetime;
  return tokens;
}

std::vector<uint8_t> AddressTokens::MakeRetry(uint32_t version, Peer peer,
                                              const ngtcp2_cid& retry_scid,
                                              const ngtcp2_cid& original_dcid, WallTime now) const {
  std::vector<uint8_t> token(NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN2);
  const crypto::Secret& secret = secrets_.front();
  const ngtcp2_ssize size = ngtcp2_crypto_generate_retry_token2(
      token.data(), Bytes(secret), secret.size(), version, peer.address, peer.size, &retry_scid,
      &original_dcid, Stamp(now));
  return Cut(std::move(token), size);
}

std::vector<uint8_t> AddressTokens::MakeRegular(Peer peer, WallTime now) const {
  std::vector<uint8_t> token(NGTCP2_CRYPTO_MAX_REGULAR_TOKENLEN);
  const crypto::Secret& secret = secrets_.front();
  const ngtcp2_ssize size = ngtcp2_crypto_generate_regular_token(
      token.data(), Bytes(secret), secret.size(), peer.address, peer.size, Stamp(now));
  return Cut(std::move(token), size);
}

AddressTokens::Verdict AddressTokens::Verify(std::span<const uint8_t> token, uint32_t version,
                                             Peer peer, const ngtcp2_cid& dcid,
                                             WallTime now) const {
  Verdict verdict;
  if (token.empty()) return verdict;
  const bool retry = token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY2;
  if (!retry && token[0] != NGTCP2_CRYPTO_TOKEN_MAGIC_REGULAR) return verdict;
  verdict.kind = retry ? Kind::kRetry : Kind::kRegular;
  for (const crypto::Secret& secret : secrets_) {
    const int failed =
        retry
            ? ngtcp2_crypto_verify_retry_token2(&verdict.original_dcid, token.data(), token.size(),
                                                Bytes(secret), secret.size(), version, peer.address,
                                                peer.size, &dcid, Span(retry_lifetime_), Stamp(now))
            : ngtcp2_crypto_verify_regular_token(token.data(), token.size(), Bytes(secret),
                                                 secret.size(), peer.address, peer.size,
                                                 Span(regular_lifetime_), Stamp(now));
    if (failed == 0) {
      verdict.valid = true;
      break;
    }
  }
  return verdict;
}

}  // namespace lockstep::agent::quicd::cid

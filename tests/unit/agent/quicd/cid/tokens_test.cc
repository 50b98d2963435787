#include "agent/quicd/cid/tokens.h"

#include <gtest/gtest.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <string>

#include "common/base/ip.h"

namespace lockstep::agent::quicd::cid {
namespace {

using Kind = AddressTokens::Kind;

constexpr WallTime kNow{Micros(1'800'000'000'000'000)};
constexpr uint32_t kVersion = NGTCP2_PROTO_VER_V1;

ngtcp2_cid Cid(std::string_view text) {
  ngtcp2_cid cid;
  ngtcp2_cid_init(&cid, reinterpret_cast<const uint8_t*>(text.data()), text.size());
  return cid;
}

crypto::Secret SecretOf(char letter) { return crypto::Secret(std::string(32, letter)); }

AddressTokens Tokens(std::string_view letters) {
  std::vector<crypto::Secret> secrets;
  for (const char letter : letters) secrets.push_back(SecretOf(letter));
  return AddressTokens::Create(std::move(secrets), Seconds(10), Seconds(3600)).value();
}

struct Address {
  explicit Address(const char* text) { size = Endpoint::Parse(text).value().ToSockaddr(&storage); }
  Peer peer() const { return {reinterpret_cast<const sockaddr*>(&storage), size}; }
  sockaddr_storage storage{};
  socklen_t size = 0;
};

TEST(ResetTokenTest, DependsOnTheKeyAndTheConnectionIdOnly) {
  const ngtcp2_cid cid = Cid("connection-id-001");
  EXPECT_EQ(ResetTokenFor(SecretOf('a'), cid), ResetTokenFor(SecretOf('a'), cid));
  EXPECT_NE(ResetTokenFor(SecretOf('a'), cid), ResetTokenFor(SecretOf('b'), cid));
  EXPECT_NE(ResetTokenFor(SecretOf('a'), cid), ResetTokenFor(SecretOf('a'), Cid("another")));
}

TEST(AddressTokensTest, ARetryTokenIsForOneAddressAndPortAndConnectionId) {
  const AddressTokens tokens = Tokens("a");
  const Address client("203.0.113.7:4433");
  const auto token =
      tokens.MakeRetry(kVersion, client.peer(), Cid("retry-scid"), Cid("original"), kNow);
  const auto good = tokens.Verify(token, kVersion, client.peer(), Cid("retry-scid"), kNow);
  EXPECT_EQ(good.kind, Kind::kRetry);
  EXPECT_TRUE(good.valid);
  const ngtcp2_cid original = Cid("original");
  EXPECT_TRUE(ngtcp2_cid_eq(&good.original_dcid, &original));

  const auto valid = [&](const Address& from, std::string_view dcid, WallTime now) {
    return tokens.Verify(token, kVersion, from.peer(), Cid(dcid), now).valid;
  };
  EXPECT_FALSE(valid(Address("203.0.113.7:4434"), "retry-scid", kNow));
  EXPECT_FALSE(valid(Address("203.0.113.8:4433"), "retry-scid", kNow));
  EXPECT_FALSE(valid(client, "elsewhere", kNow));
  EXPECT_TRUE(valid(client, "retry-scid", kNow + Seconds(9)));
  EXPECT_FALSE(valid(client, "retry-scid", kNow + Seconds(11)));
}

TEST(AddressTokensTest, ARegularTokenIsForOneAddressAndAnyPort) {
  const AddressTokens tokens = Tokens("a");
  const Address client("[2001:db8::7]:4433");
  const auto token = tokens.MakeRegular(client.peer(), kNow);
  const auto valid = [&](const char* from, WallTime now) {
    const auto verdict = tokens.Verify(token, kVersion, Address(from).peer(), Cid("any"), now);
    EXPECT_EQ(verdict.kind, Kind::kRegular);
    return verdict.valid;
  };
  EXPECT_TRUE(valid("[2001:db8::7]:9", kNow));
  EXPECT_FALSE(valid("[2001:db8::8]:4433", kNow));
  EXPECT_FALSE(valid("[2001:db8::7]:4433", kNow + Seconds(3601)));
}

TEST(AddressTokensTest, AnotherNodeAndAKeyThatIsOnItsWayOutAccept) {
  const Address client("203.0.113.7:4433");
  const auto token = Tokens("a").MakeRegular(client.peer(), kNow);
  EXPECT_TRUE(Tokens("ba").Verify(token, kVersion, client.peer(), Cid("x"), kNow).valid);
  EXPECT_FALSE(Tokens("bc").Verify(token, kVersion, client.peer(), Cid("x"), kNow).valid);
}

TEST(AddressTokensTest, GarbageIsNoToken) {
  const AddressTokens tokens = Tokens("a");
  const Address client("203.0.113.7:4433");
  const std::vector<uint8_t> garbage(60, 0x11);
  EXPECT_EQ(tokens.Verify(garbage, kVersion, client.peer(), Cid("x"), kNow).kind, Kind::kNone);
  const std::vector<uint8_t> cut = {NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY2, 1, 2};
  const auto verdict = tokens.Verify(cut, kVersion, client.peer(), Cid("x"), kNow);
  EXPECT_EQ(verdict.kind, Kind::kRetry);
  EXPECT_FALSE(verdict.valid);
  EXPECT_FALSE(tokens.Verify({}, kVersion, client.peer(), Cid("x"), kNow).valid);
}

TEST(AddressTokensTest, NeedsKeysThatAreLongEnough) {
  EXPECT_FALSE(AddressTokens::Create({}, Seconds(1), Seconds(1)).ok());
  std::vector<crypto::Secret> secrets;
  secrets.push_back(crypto::Secret("short"));
  EXPECT_FALSE(AddressTokens::Create(std::move(secrets), Seconds(1), Seconds(1)).ok());
}

}  // namespace
}  // namespace lockstep::agent::quicd::cid

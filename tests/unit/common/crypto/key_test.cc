#include "common/crypto/key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include "common/crypto/openssl.h"

namespace lockstep::crypto {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string PemOf(EVP_PKEY* key) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  EVP_PKEY_free(key);
  return std::string(ContentOf(bio));
}

TEST(PrivateKeyTest, SurvivesThePemForm) {
  const PrivateKey key = PrivateKey::GenerateP256();
  const Secret pem = key.ToPem();
  EXPECT_THAT(std::string(pem.Reveal()), StartsWith("-----BEGIN PRIVATE KEY-----\n"));
  const Result<PrivateKey> again = PrivateKey::FromPem(pem.Reveal());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->PublicKeyDer(), key.PublicKeyDer());
  EXPECT_EQ(again->SpkiSha256().size(), 32u);
}

TEST(PrivateKeyTest, MakesAnotherOneEachTime) {
  EXPECT_NE(PrivateKey::GenerateP256().PublicKeyDer(), PrivateKey::GenerateP256().PublicKeyDer());
}

TEST(PrivateKeyTest, SignsWhatOnlyItsPublicKeyVerifies) {
  const PrivateKey key = PrivateKey::GenerateP256();
  const std::string signature = key.Sign("text");
  EXPECT_EQ(key.Public().Verify("text", signature), Status::Ok());
  EXPECT_EQ(key.Public().Verify("texT", signature).code(), Code::kUnauthenticated);
  EXPECT_EQ(PrivateKey::GenerateP256().Public().Verify("text", signature).code(),
            Code::kUnauthenticated);
  EXPECT_EQ(key.Public().Verify("text", "").code(), Code::kUnauthenticated);
  std::string bent = signature;
  bent.back() = static_cast<char>(bent.back() ^ 1);
  EXPECT_EQ(key.Public().Verify("text", bent).code(), Code::kUnauthenticated);
}

TEST(PrivateKeyTest, ReadsRsaAndSignsWithIt) {
  const Result<PrivateKey> key = PrivateKey::FromPem(PemOf(EVP_RSA_gen(2048)));
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->Public().Verify("text", key->Sign("text")), Status::Ok());
}

TEST(PrivateKeyTest, ReadsTheOlderEcForm) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  EVP_PKEY* key = EVP_EC_gen("P-384");
  PEM_write_bio_PrivateKey_traditional(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  EVP_PKEY_free(key);
  ASSERT_THAT(std::string(ContentOf(bio)), HasSubstr("BEGIN EC PRIVATE KEY"));
  EXPECT_TRUE(PrivateKey::FromPem(ContentOf(bio)).ok());
}

TEST(PrivateKeyTest, RefusesWeakAndForeignKinds) {
  EXPECT_EQ(PrivateKey::FromPem(PemOf(EVP_RSA_gen(1024))).status(),
            InvalidArgument("RSA key has 1024 bits: 2048 to 8192 are taken"));
  EXPECT_EQ(PrivateKey::FromPem(PemOf(EVP_EC_gen("secp256k1"))).status(),
            InvalidArgument("EC key is on none of the curves P-256, P-384, P-521"));
  EXPECT_EQ(PrivateKey::FromPem(PemOf(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"))).status(),
            InvalidArgument("key is neither EC nor RSA"));
}

TEST(PrivateKeyTest, WantsExactlyOneKeyWithoutPassphrase) {
  const std::string pem(PrivateKey::GenerateP256().ToPem().Reveal());
  EXPECT_EQ(PrivateKey::FromPem("").status(),
            InvalidArgument("private key text holds 0 PEM keys: exactly one is needed"));
  EXPECT_EQ(PrivateKey::FromPem(pem + pem).status(),
            InvalidArgument("private key text holds 2 PEM keys: exactly one is needed"));
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  EVP_PKEY* key = EVP_EC_gen("P-256");
  char passphrase[] = "x";
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, EVP_aes_128_cbc(), passphrase, 1, nullptr, nullptr);
  EVP_PKEY_free(key);
  EXPECT_THAT(PrivateKey::FromPem(ContentOf(bio)).status().message(), HasSubstr("passphrase"));
}

TEST(PrivateKeyTest, NeverQuotesAKeyInAnError) {
  std::string pem(PrivateKey::GenerateP256().ToPem().Reveal());
  pem.replace(60, 4, "!!!!");
  const Status status = PrivateKey::FromPem(pem).status();
  EXPECT_EQ(status, InvalidArgument("private key is malformed"));
}

// gRPC's TLS takes an entry that it did not make for its own failure.
TEST(PrivateKeyTest, LeavesNoErrorInTheQueueOfTheThread) {
  ERR_clear_error();
  EXPECT_FALSE(
      PrivateKey::FromPem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").ok());
  EXPECT_FALSE(PublicKey::FromDer("garbage").ok());
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST(PublicKeyTest, SurvivesTheDerForm) {
  const PublicKey key = PrivateKey::GenerateP256().Public();
  const Result<PublicKey> again = PublicKey::FromDer(key.Der());
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(*again == key);
  EXPECT_FALSE(PublicKey::FromDer(key.Der() + "x").ok());
}

}  // namespace
}  // namespace lockstep::crypto

#include "controller/drivers/certbot/certbot_log.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace lockstep::controller::drivers::certbot {
namespace {

// Logs of certbot 2.1.0 against Pebble 2.4.0.
std::string Sample(const std::string& name) {
  std::ifstream in(std::string(LOCKSTEP_TESTDATA) + "/certbot/" + name + ".log");
  EXPECT_TRUE(in.is_open()) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}
Failure Explain(const std::string& name) { return ExplainFailure(Sample(name), ""); }

TEST(CertbotLogTest, TheErrorBehindAttributeErrorIsDugOut) {
  const Failure failure = Explain("rejected_identifier");
  EXPECT_EQ(failure.status.ToString(), "FAILED_PRECONDITION: the CA does not issue for the name");
  EXPECT_EQ(failure.ca_error,
            "rejectedIdentifier: Order included an identifier for which issuance is forbidden by "
            "policy: \"blocked.example\"");
}

TEST(CertbotLogTest, AnUnknownAccountIsSaid) {
  const Failure failure = Explain("account_unknown");
  EXPECT_EQ(failure.status.ToString(),
            "FAILED_PRECONDITION: the CA does not know our account (if the CA was reset, move the "
            "accounts directory away)");
  EXPECT_EQ(failure.ca_error,
            "accountDoesNotExist: Account https://localhost:24000/my-account/3bba741017ce6ecb not "
            "found.");
}

TEST(CertbotLogTest, FailedChallengesAreToldHostByHost) {
  const Failure failure = Explain("challenge_failed");
  EXPECT_EQ(failure.status.ToString(),
            "FAILED_PRECONDITION: miss.test: the CA did not get the right answer");
  EXPECT_EQ(failure.ca_error,
            "miss.test: unauthorized: Non-200 status code from HTTP: "
            "http://miss.test:25002/.well-known/acme-challenge/"
            "EA8n8plFHE0ntQ_WhQBaTLlXEfW4IswlIimh5iwiJXA returned 404");
  EXPECT_EQ(Explain("dns_failed").status.message(), "sf.test: the CA could not connect");
}

TEST(CertbotLogTest, SeveralFailedChallengesAreAllTold) {
  const Failure failure = ExplainFailure("", R"(
Certbot failed to authenticate some domains (authenticator: lockstep). The Certificate Authority reported these problems:
  Domain: a.test
  Type:   dns
  Detail: DNS problem: NXDOMAIN looking up A for a.test

  Domain: b.test
  Type:   caa
  Detail: CAA record for b.test prevents issuance

Some challenges have failed.
)");
  EXPECT_EQ(failure.status.message(),
            "a.test: the CA could not resolve the name; b.test: the name's CAA records forbid this "
            "CA");
  EXPECT_EQ(failure.ca_error,
            "a.test: dns: DNS problem: NXDOMAIN looking up A for a.test; b.test: caa: CAA record "
            "for b.test prevents issuance");
}

TEST(CertbotLogTest, TheBarriersWordsComeBackUnchanged) {
  const Failure failure = Explain("barrier_refused");
  EXPECT_EQ(failure.status.ToString(),
            "FAILED_PRECONDITION: the barrier did not open: fra1: challenge for www.x not proved "
            "(timed out)");
  EXPECT_EQ(failure.ca_error, "");
}

TEST(CertbotLogTest, ACaThatIsAwayIsWorthAnotherTry) {
  EXPECT_EQ(Explain("ca_down").status.ToString(),
            "UNAVAILABLE: the CA cannot be reached: ValueError: Requesting localhost/dir: "
            "Connection refused");
  const Status untrusted = Explain("ca_untrusted").status;
  EXPECT_EQ(untrusted.code(), Code::kFailedPrecondition);
  EXPECT_EQ(untrusted.message().find("the certificate of the CA's own server is not trusted "
                                     "(acme.ca_bundle names whom to trust): requests.exceptions"),
            0U);
}

TEST(CertbotLogTest, ARateLimitIsOne) {
  const Failure failure = ExplainFailure(
      "2026-11-21 22:48:44,488:DEBUG:certbot._internal.log:Exiting abnormally:\n"
      "Traceback (most recent call last):\n"
      "acme.messages.Error: urn:ietf:params:acme:error:rateLimited :: There were too many requests "
      "of a given type :: too many certificates (50) already issued for \"example.com\" in the "
      "last 168h0m0s, retry after 2026-11-22\n",
      "");
  EXPECT_EQ(failure.status.ToString(), "RESOURCE_EXHAUSTED: a rate limit of the CA is used up");
  EXPECT_NE(failure.ca_error.find("retry after 2026-11-22"), std::string::npos);
}

TEST(CertbotLogTest, ANonceThatWasAskedAgainIsNotTheReason) {
  const Failure failure = ExplainFailure(
      "2026-11-21 22:48:43,000:DEBUG:acme.client:Retrying request after error:\n"
      "acme.messages.Error: urn:ietf:params:acme:error:badNonce :: The client sent an unacceptable "
      "anti-replay nonce :: JWS has an invalid anti-replay nonce\n" +
          Sample("barrier_refused"),
      "");
  EXPECT_EQ(failure.status.message().find("the barrier did not open"), 0U);
}

TEST(CertbotLogTest, WithoutALogTheOutputSpeaks) {
  EXPECT_EQ(ExplainFailure("",
                           "Saving debug log to /x\nAnother instance of Certbot is already "
                           "running.\nAsk for help or search for solutions at https://x\n")
                .status.code(),
            Code::kAborted);
  EXPECT_EQ(ExplainFailure("", "").status.ToString(),
            "FAILED_PRECONDITION: certbot failed without a word");
  EXPECT_EQ(ExplainFailure("", "certbot: error: unrecognized arguments: --x\n").status.message(),
            "certbot: certbot: error: unrecognized arguments: --x");
}

TEST(CertbotLogTest, ForeignTextCannotColourATerminal) {
  const Failure failure = ExplainFailure(
      "x:Exiting abnormally:\nacme.messages.Error: urn:ietf:params:acme:error:caa :: t :: "
      "\x1b[31m" +
          std::string(10'000, 'x') + "\n",
      "");
  EXPECT_EQ(failure.ca_error.find("caa: \\x1b[31m"), 0U);
  EXPECT_LE(failure.ca_error.size(), 2000U);
}

RC_GTEST_PROP(CertbotLogTest, AnyTextIsExplainedWithoutControlCharacters, ()) {
  const auto log = *rc::gen::arbitrary<std::string>();
  const Failure failure = ExplainFailure(log, *rc::gen::arbitrary<std::string>());
  RC_ASSERT(!failure.status.ok());
  for (const char c : failure.status.message() + failure.ca_error) {
    RC_ASSERT(static_cast<unsigned char>(c) >= 0x20);
  }
}

}  // namespace
}  // namespace lockstep::controller::drivers::certbot

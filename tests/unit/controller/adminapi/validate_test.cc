#include "controller/adminapi/validate.h"

#include <gtest/gtest.h>

#include <string>

namespace lockstep::controller::adminapi {
namespace {

TEST(ValidateTest, NamesMustParseAndTheMessageNamesTheField) {
  v1::GetNodeRequest request;
  EXPECT_EQ(Validate(request), InvalidArgument("name: is missing"));
  request.set_name("-leading-dash");
  EXPECT_EQ(Validate(request).message().substr(0, 6), "name: ");
  request.set_name("fra1\n");
  EXPECT_EQ(Validate(request).code(), Code::kInvalidArgument);
  request.set_name("fra1");
  EXPECT_TRUE(Validate(request).ok());
}

TEST(ValidateTest, IssueNamesEveryHostThatIsWrong) {
  v1::IssueCertificateRequest request;
  EXPECT_EQ(Validate(request), InvalidArgument("hosts: must be 1 to 100, are 0"));
  request.add_hosts("www.example.test");
  request.add_hosts("*.example.test");
  request.add_hosts("WWW.example.test");
  request.add_hosts(std::string(64, 'x') + ".example.test");
  const std::string message = Validate(request).message();
  EXPECT_EQ(message.find("hosts[0]"), std::string::npos) << message;
  EXPECT_NE(message.find("hosts[1]: "), std::string::npos) << message;
  EXPECT_NE(message.find("\nhosts[2]: host name \"WWW.example.test\" is there twice"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("\nhosts[3]: "), std::string::npos) << message;
}

TEST(ValidateTest, UnicodeAndItsALabelAreTheSameName) {
  v1::IssueCertificateRequest request;
  request.add_hosts("bücher.example");
  EXPECT_TRUE(Validate(request).ok());
  request.add_hosts("xn--bcher-kva.example");
  EXPECT_NE(Validate(request).message().find("hosts[1]"), std::string::npos);
}

TEST(ValidateTest, MoreThanAHundredHostsAreRefused) {
  v1::IssueCertificateRequest request;
  for (int i = 0; i < 100; ++i) request.add_hosts("h" + std::to_string(i) + ".example.test");
  EXPECT_TRUE(Validate(request).ok());
  request.add_hosts("one-more.example.test");
  EXPECT_EQ(Validate(request), InvalidArgument("hosts: must be 1 to 100, are 101"));
}

TEST(ValidateTest, ATokenLivesWholeSecondsUpToADay) {
  v1::CreateTokenRequest request;
  request.set_node("fra1");
  EXPECT_EQ(Validate(request), InvalidArgument("pop: is missing"));
  request.set_pop("fra");
  EXPECT_TRUE(Validate(request).ok());
  for (const int64_t bad : {int64_t{0}, int64_t{-1}, int64_t{24 * 3600 + 1}, INT64_MAX}) {
    request.mutable_lifetime()->set_seconds(bad);
    EXPECT_EQ(Validate(request),
              InvalidArgument("lifetime: must be whole seconds between 1 s and 24 h"));
  }
  request.mutable_lifetime()->set_seconds(int64_t{24} * 3600);
  EXPECT_TRUE(Validate(request).ok());
}

TEST(ValidateTest, ASiteFileIsAtMostOneMebibyte) {
  v1::ApplySitesRequest request;
  EXPECT_EQ(Validate(request), InvalidArgument("text: is missing"));
  request.set_text(std::string(1 << 20, '#'));
  EXPECT_TRUE(Validate(request).ok());
  request.mutable_text()->push_back('#');
  EXPECT_EQ(Validate(request),
            InvalidArgument("text: has 1048577 bytes, at most 1 MiB are allowed"));
}

TEST(ValidateTest, FreeTextIsBoundedAndHoldsNoControlCharacters) {
  v1::BanNodeRequest request;
  request.set_name("fra1");
  request.set_reason("stolen\x1b[2J");
  EXPECT_EQ(Validate(request), InvalidArgument("reason: holds a control character"));
  request.set_reason(std::string(1025, 'x'));
  EXPECT_EQ(Validate(request), InvalidArgument("reason: has 1025 bytes, at most 1024 are allowed"));
  request.set_reason("gestohlen, fürchte ich");
  EXPECT_TRUE(Validate(request).ok());
}

TEST(ValidateTest, PagesAreBounded) {
  v1::ListOrdersRequest request;
  EXPECT_TRUE(Validate(request).ok());
  request.set_page_size(10'001);
  EXPECT_EQ(Validate(request), InvalidArgument("page_size: at most 10000 are allowed"));
  request.set_page_size(10);
  request.set_page_token("not one of ours");
  EXPECT_EQ(Validate(request).message().substr(0, 12), "page_token: ");
}

TEST(ValidateTest, GenerationsCountFromOne) {
  EXPECT_EQ(Validate(v1::GetGenerationRequest()), InvalidArgument("number: is missing"));
  v1::DiffGenerationsRequest request;
  request.set_from(1);
  EXPECT_EQ(Validate(request), InvalidArgument("to: is missing"));
}

}  // namespace
}  // namespace lockstep::controller::adminapi

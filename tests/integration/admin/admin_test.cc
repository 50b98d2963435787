// What an operator gets to hear over the admin socket.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "tests/integration/admin/rig.h"

namespace lockstep::controller::adminapi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(AdminTest, EveryMethodIsServed) {
  const auto* file = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(
      "lockstep/admin/v1/admin.proto");
  ASSERT_NE(file, nullptr);
  const auto* service = file->service(0);
  for (int i = 0; i < service->method_count(); ++i) {
    if (service->method(i)->server_streaming()) continue;
    std::string answer;
    const std::string path = "/" + service->full_name() + "/" + service->method(i)->name();
    const grpc::Status status = CallRaw(path, "", &answer);
    EXPECT_TRUE(status.ok() || status.error_code() == grpc::StatusCode::INVALID_ARGUMENT ||
                status.error_code() == grpc::StatusCode::FAILED_PRECONDITION)
        << path << ": " << status.error_message();
  }
}

TEST_F(AdminTest, HealthAndReflectionAreThere) {
  std::string answer;
  EXPECT_TRUE(CallRaw("/grpc.health.v1.Health/Check", "", &answer).ok());
  EXPECT_EQ(answer, std::string("\x08\x01", 2));  // SERVING
  answer.clear();
  const std::string list_services("\x3a\x01*", 3);
  EXPECT_TRUE(CallRaw("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                      list_services, &answer)
                  .ok());
  EXPECT_THAT(answer, HasSubstr("lockstep.admin.v1.AdminService"));
}

TEST_F(AdminTest, StatusCountsNodesAndNamesWhatIsNotAsItShouldBe) {
  rig_.Enrol({"ams1", "fra1", "nyc1"});
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  v1::GetStatusResponse status;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), &status).ok());
  EXPECT_EQ(status.version(), "0.1.0");
  EXPECT_EQ(status.nodes(), 3U);
  EXPECT_EQ(status.nodes_connected(), 1U);
  EXPECT_EQ(status.nodes_announcing(), 3U);  // unreachable counts as announcing
  EXPECT_THAT(status.problems(), ::testing::IsSupersetOf({HasSubstr("fra1: is not connected"),
                                                          HasSubstr("nyc1: is not connected")}));
}

TEST_F(AdminTest, NodesComePageByPage) {
  rig_.Enrol({"ams1", "fra1", "nyc1"});
  v1::ListNodesRequest request;
  request.set_page_size(2);
  std::vector<std::string> names;
  do {
    v1::ListNodesResponse page;
    ASSERT_TRUE(Call(&v1::AdminService::Stub::ListNodes, request, &page).ok());
    EXPECT_LE(page.nodes_size(), 2);
    for (const v1::Node& node : page.nodes()) names.push_back(node.name());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(names, ElementsAre("ams1", "fra1", "nyc1"));
}

TEST_F(AdminTest, ANodeThatIsNotThereIsNotFound) {
  v1::GetNodeRequest request;
  request.set_name("nix");
  v1::GetNodeResponse response;
  const grpc::Status status = Call(&v1::AdminService::Stub::GetNode, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "no node nix");
}

TEST_F(AdminTest, ABannedNodeIsCutAndShownSo) {
  rig_.Enrol({"fra1"});
  ASSERT_TRUE(rig_.Connect("fra1").ok());
  v1::BanNodeRequest ban;
  ban.set_name("fra1");
  ban.set_reason("stolen");
  v1::BanNodeResponse banned;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::BanNode, ban, &banned).ok());
  ASSERT_EQ(rig_.link.cuts.size(), 1U);
  v1::GetNodeRequest request;
  request.set_name("fra1");
  v1::GetNodeResponse response;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::GetNode, request, &response).ok());
  EXPECT_TRUE(response.node().banned());
  EXPECT_EQ(response.node().ban_reason(), "stolen");
}

TEST_F(AdminTest, OnlyANodeThatIsAwayIsDeclaredGoneAndOnlyWithTheWordForIt) {
  rig_.Enrol({"fra1", "nyc1"});
  ASSERT_TRUE(rig_.Connect("fra1").ok());
  v1::DeclareNodeGoneRequest request;
  v1::DeclareNodeGoneResponse response;
  const auto declare = [&] {
    return Call(&v1::AdminService::Stub::DeclareNodeGone, request, &response);
  };
  request.set_name("fra1");
  EXPECT_EQ(declare().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.set_answers_nobody(true);
  grpc::Status status = declare();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "node fra1 is connected: it is not gone");
  request.set_name("nyc1");
  status = declare();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "node nyc1 may be telling clients of no alternative");
}

TEST_F(AdminTest, ATokenIsShownOnceAndItsSecretNeverListed) {
  v1::CreateTokenRequest request;
  request.set_node("fra1");
  request.set_pop("fra");
  v1::CreateTokenResponse created;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::CreateToken, request, &created).ok());
  EXPECT_THAT(created.text(), HasSubstr("fra1"));
  v1::ListTokensResponse listed;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::ListTokens, v1::ListTokensRequest(), &listed).ok());
  ASSERT_EQ(listed.tokens_size(), 1);
  EXPECT_EQ(listed.tokens(0).id(), created.token().id());
  EXPECT_EQ(listed.ShortDebugString().find(created.text()), std::string::npos);
}

TEST_F(AdminTest, ApplyingAFileSaysWhatChangesAndWhichGenerationCarriesIt) {
  rig_.Enrol({"fra1"});
  v1::ApplySitesResponse applied;
  ASSERT_TRUE(Apply(kSite, &applied).ok());
  ASSERT_EQ(applied.changes_size(), 1);
  EXPECT_EQ(applied.changes(0).kind(), v1::SiteChange::KIND_CREATE);
  EXPECT_GT(applied.generation(), 0U);
  v1::ListSitesResponse listed;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::ListSites, v1::ListSitesRequest(), &listed).ok());
  ASSERT_EQ(listed.sites_size(), 1);
  EXPECT_EQ(listed.sites(0).name(), "www.example.test");
  v1::ApplySitesResponse again;
  ASSERT_TRUE(Apply(kSite, &again).ok());
  EXPECT_EQ(again.changes(0).kind(), v1::SiteChange::KIND_UNCHANGED);
  EXPECT_EQ(again.generation(), applied.generation()) << "it is still on its way";
}

TEST_F(AdminTest, ApplyingAgainWhatWasRolledBackTriesItOnceMore) {
  rig_.Enrol({"fra1"});
  ASSERT_TRUE(rig_.Connect("fra1").ok());
  v1::ApplySitesResponse applied;
  ASSERT_TRUE(Apply(kSite, &applied).ok());
  rig_.Settle({"fra1"});
  const std::string changed =
      "[[site]]\nname = \"www.example.test\"\n[site.preset]\nbody = \"new\"\n";
  ASSERT_TRUE(Apply(changed, &applied).ok());
  rig_.Answer("fra1", agent::v1::Ack::OUTCOME_REJECTED, "no room on the disk");
  rig_.Settle({"fra1"});
  v1::ApplySitesResponse again;
  ASSERT_TRUE(Apply(changed, &again).ok());
  EXPECT_EQ(again.changes(0).kind(), v1::SiteChange::KIND_UNCHANGED);
  EXPECT_GT(again.generation(), applied.generation());
  rig_.Settle({"fra1"});
  EXPECT_EQ(rig_.publisher.proved_generation(), again.generation());
}

TEST_F(AdminTest, AGenerationThatRollsOutNamesTheNodesItWaitsFor) {
  rig_.Enrol({"ams1", "fra1", "nyc1"});
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  ASSERT_TRUE(rig_.Connect("nyc1").ok());
  rig_.Settle({"ams1", "nyc1"});
  v1::ApplySitesResponse applied;
  ASSERT_TRUE(Apply(kSite, &applied).ok());
  v1::GetGenerationRequest request;
  request.set_number(applied.generation());
  v1::GetGenerationResponse response;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::GetGeneration, request, &response).ok());
  EXPECT_THAT(response.missing(), ElementsAre("ams1: serves nothing yet", "fra1: is not connected",
                                              "nyc1: waits for its wave"));
  rig_.Settle({"ams1", "nyc1"});
  ASSERT_TRUE(Call(&v1::AdminService::Stub::GetGeneration, request, &response).ok());
  EXPECT_THAT(response.missing(), ::testing::IsEmpty());
}

TEST_F(AdminTest, AFileWithErrorsNamesThemAllAndChangesNothing) {
  v1::ApplySitesResponse applied;
  const grpc::Status status = Apply("[[site]]\nname = \"x\"\nhost = [\"y\"]\n", &applied);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("sites.toml:3"));
  EXPECT_THAT(status.error_message(), HasSubstr("did you mean `hosts`"));
  EXPECT_TRUE(sites_.List().empty());
}

TEST_F(AdminTest, ASitesDnsRecordsFollowItsCertificates) {
  book_.Load({fakes::CertificateOf("a.test", {"a.test"}, 'a', rig_.clock.Now())});
  v1::ApplySitesResponse applied;
  ASSERT_TRUE(Apply("[[site]]\nname = \"a.test\"\nhosts = [\"a.test\", \"b.test\"]\n"
                    "[site.preset]\nbody = \"x\"\n",
                    &applied)
                  .ok());
  v1::GetSiteRequest request;
  request.set_name("a.test");
  v1::GetSiteResponse response;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::GetSite, request, &response).ok());
  for (const IpAddress& address : rig_.fleet.service_addresses()) {
    const std::string record = address.is_v6() ? " IN AAAA " : " IN A ";
    EXPECT_THAT(response.zone(), HasSubstr("a.test. 3600" + record + address.ToString() + "\n"));
  }
  EXPECT_THAT(response.zone(), HasSubstr("a.test. 3600 IN HTTPS 1 . alpn=\"h2\"\n"));
  EXPECT_THAT(response.zone(), ::testing::Not(HasSubstr("b.test. 3600 IN HTTPS")));
}

TEST_F(AdminTest, SitesAndCertificatesAreFoundByTheirUnicodeNames) {
  book_.Load(
      {fakes::CertificateOf("xn--bcher-kva.test", {"xn--bcher-kva.test"}, 'a', rig_.clock.Now())});
  v1::ApplySitesResponse applied;
  ASSERT_TRUE(
      Apply("[[site]]\nname = \"b\u00fccher.test\"\n[site.preset]\nbody = \"x\"\n", &applied).ok());
  for (const std::string name : {"b\u00fccher.test", "B\u00dcCHER.test", "xn--bcher-kva.test"}) {
    v1::GetSiteRequest site;
    site.set_name(name);
    v1::GetSiteResponse found;
    EXPECT_TRUE(Call(&v1::AdminService::Stub::GetSite, site, &found).ok()) << name;
    EXPECT_EQ(found.site().name(), "xn--bcher-kva.test");
    v1::GetCertificateRequest certificate;
    certificate.set_name(name);
    v1::GetCertificateResponse shown;
    EXPECT_TRUE(Call(&v1::AdminService::Stub::GetCertificate, certificate, &shown).ok()) << name;
    EXPECT_EQ(shown.certificate().name(), "xn--bcher-kva.test");
  }
  v1::GetCertificateRequest missing;
  missing.set_name("nobody.test");
  v1::GetCertificateResponse none;
  EXPECT_EQ(Call(&v1::AdminService::Stub::GetCertificate, missing, &none).error_message(),
            "no certificate \"nobody.test\"");
}

TEST_F(AdminTest, AnOrderThatWouldDropNamesHasToMeanIt) {
  book_.Load({fakes::CertificateOf("www.example.test", {"www.example.test", "a.example.test"}, 'a',
                                   rig_.clock.Now())});
  v1::IssueCertificateRequest request;
  request.add_hosts("www.example.test");
  request.add_hosts("b.example.test");
  v1::IssueCertificateResponse issued;
  const grpc::Status refused = Call(&v1::AdminService::Stub::IssueCertificate, request, &issued);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(refused.error_message(),
            "certificate www.example.test would lose a.example.test: name all of them, choose "
            "another certificate with --name, or mean it with --drop-names");
  request.set_drop_names(true);
  EXPECT_TRUE(Call(&v1::AdminService::Stub::IssueCertificate, request, &issued).ok());
  orders_.AbortAll("the test is over");
}

TEST_F(AdminTest, AnOrderIsWatchedToItsEnd) {
  rig_.Enrol({"fra1"});
  v1::IssueCertificateRequest request;
  request.add_hosts("www.example.test");
  v1::IssueCertificateResponse issued;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::IssueCertificate, request, &issued).ok());
  v1::IssueCertificateResponse twice;
  EXPECT_EQ(Call(&v1::AdminService::Stub::IssueCertificate, request, &twice).error_code(),
            grpc::StatusCode::ALREADY_EXISTS);

  std::vector<v1::Order::State> seen;
  std::atomic<bool> first{false};
  const grpc::Status watched = While([&](grpc::ClientContext* context) {
    v1::WatchOrderRequest watch;
    watch.set_id(issued.order().id());
    const auto stream = client_->WatchOrder(context, watch);
    for (v1::WatchOrderResponse response; stream->Read(&response);) {
      seen.push_back(response.order().state());
      if (!first.exchange(true)) {
        rig_.state.Post([this] { orders_.AbortAll("the operator wants to go home"); });
      }
    }
    return stream->Finish();
  });
  EXPECT_TRUE(watched.ok()) << watched.error_message();
  ASSERT_GE(seen.size(), 2U);
  EXPECT_EQ(seen.back(), v1::Order::STATE_FAILED);

  v1::GetOrderRequest get;
  get.set_id(issued.order().id());
  v1::GetOrderResponse order;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::GetOrder, get, &order).ok());
  EXPECT_THAT(order.order().error(), HasSubstr("the operator wants to go home"));
  // An ended order is a stream of one.
  const grpc::Status again = While([&](grpc::ClientContext* context) {
    v1::WatchOrderRequest watch;
    watch.set_id(issued.order().id());
    const auto stream = client_->WatchOrder(context, watch);
    int count = 0;
    for (v1::WatchOrderResponse response; stream->Read(&response);) ++count;
    EXPECT_EQ(count, 1);
    return stream->Finish();
  });
  EXPECT_TRUE(again.ok());
}

TEST_F(AdminTest, WatchingAnOrderThatIsNotThereIsNotFound) {
  const grpc::Status status = While([&](grpc::ClientContext* context) {
    v1::WatchOrderRequest watch;
    watch.set_id("o-0123456789abcdef");
    const auto stream = client_->WatchOrder(context, watch);
    v1::WatchOrderResponse response;
    EXPECT_FALSE(stream->Read(&response));
    return stream->Finish();
  });
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(AdminTest, EventsAreWatchedFromThePastIntoThePresentWithoutAGap) {
  for (int i = 0; i < 5; ++i) rig_.journal.Info("test.past", "fra1", std::to_string(i));
  rig_.state.RunAll();
  std::vector<std::string> texts;
  (void)While([&](grpc::ClientContext* context) {
    v1::WatchEventsRequest watch;
    watch.set_after_id(1);
    const auto stream = client_->WatchEvents(context, watch);
    v1::WatchEventsResponse response;
    while (texts.size() < 6 && stream->Read(&response)) {
      texts.push_back(response.event().text());
      if (texts.size() == 1) {
        rig_.state.Post([this] {
          rig_.journal.Info("test.present", "fra1", "5");
          rig_.journal.Info("test.present", "fra1", "6");
        });
      }
    }
    context->TryCancel();
    return stream->Finish();
  });
  EXPECT_THAT(texts, ElementsAre("1", "2", "3", "4", "5", "6"));
}

TEST_F(AdminTest, StoppingEndsAWatch) {
  std::thread stopper;
  const grpc::Status status = While([&](grpc::ClientContext* context) {
    const auto stream = client_->WatchEvents(context, v1::WatchEventsRequest());
    stopper = std::thread([&] { server_->Stop(); });
    v1::WatchEventsResponse response;
    EXPECT_FALSE(stream->Read(&response));
    return stream->Finish();
  });
  stopper.join();
  EXPECT_FALSE(status.ok());
}

}  // namespace
}  // namespace lockstep::controller::adminapi

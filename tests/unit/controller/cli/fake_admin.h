// An admin service that answers what a test told it to, and the CLI run against it.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "common/rpc/local_server.h"
#include "controller/cli/cli.h"
#include "lockstep/admin/v1/admin.grpc.pb.h"
#include "tests/fakes/fake_clock.h"

namespace lockstep::controller::cli {

// Every unary call answers with `answers[method]`, or fails with `failure`.
class FakeAdmin final : public v1::AdminService::Service {
 public:
  grpc::Status failure;
  v1::GetStatusResponse status;
  v1::ListNodesResponse nodes;
  v1::GetNodeResponse node;
  v1::CreateTokenResponse token;
  v1::ApplySitesResponse applied;
  v1::ListCertificatesResponse certificates;
  v1::CheckCertificateResponse checked;
  v1::IssueCertificateResponse issued;
  v1::ListOrdersResponse orders;
  v1::GetOrderResponse order;
  std::vector<v1::Order> watched;
  bool watch_is_endless = false;           // until the client leaves
  std::chrono::nanoseconds watch_limit{};  // which the client gave to the newest watch
  std::map<uint64_t, v1::GetGenerationResponse> generations;
  std::vector<v1::Event> events;
  v1::ApplyPolicyResponse policy_applied;
  v1::GetPolicyResponse policy;
  v1::ExplainPolicyResponse explained;
  v1::GetQuicKeysResponse quic_keys;
  v1::GetAltSvcResponse alt_svc;
  v1::SwitchAltSvcResponse alt_svc_switched;
  v1::LintSitesResponse linted;
  v1::DeclareNodeGoneResponse gone;

  v1::BanNodeRequest last_ban;
  std::string last_removed;
  v1::DeclareNodeGoneRequest last_gone;
  v1::CreateTokenRequest last_token;
  v1::ApplySitesRequest last_apply;
  v1::ApplyPolicyRequest last_policy;
  v1::ExplainPolicyRequest last_explain;
  v1::GetAltSvcRequest last_alt_svc;
  v1::SwitchAltSvcRequest last_switch;
  v1::LintSitesRequest last_lint;
  v1::IssueCertificateRequest last_issue;

 private:
  using Context = grpc::ServerContext;
  template <typename Response>
  grpc::Status Answer(const Response& from, Response* to) const {
    if (failure.ok()) *to = from;
    return failure;
  }
  grpc::Status GetStatus(Context*, const v1::GetStatusRequest*,
                         v1::GetStatusResponse* to) override {
    return Answer(status, to);
  }
  grpc::Status ApplyPolicy(Context*, const v1::ApplyPolicyRequest* request,
                           v1::ApplyPolicyResponse* to) override {
    last_policy = *request;
    return Answer(policy_applied, to);
  }
  grpc::Status GetPolicy(Context*, const v1::GetPolicyRequest*,
                         v1::GetPolicyResponse* to) override {
    return Answer(policy, to);
  }
  grpc::Status ExplainPolicy(Context*, const v1::ExplainPolicyRequest* request,
                             v1::ExplainPolicyResponse* to) override {
    last_explain = *request;
    return Answer(explained, to);
  }
  grpc::Status GetQuicKeys(Context*, const v1::GetQuicKeysRequest*,
                           v1::GetQuicKeysResponse* to) override {
    return Answer(quic_keys, to);
  }
  grpc::Status GetAltSvc(Context*, const v1::GetAltSvcRequest* request,
                         v1::GetAltSvcResponse* to) override {
    last_alt_svc = *request;
    return Answer(alt_svc, to);
  }
  grpc::Status SwitchAltSvc(Context*, const v1::SwitchAltSvcRequest* request,
                            v1::SwitchAltSvcResponse* to) override {
    last_switch = *request;
    return Answer(alt_svc_switched, to);
  }
  grpc::Status LintSites(Context*, const v1::LintSitesRequest* request,
                         v1::LintSitesResponse* to) override {
    last_lint = *request;
    return Answer(linted, to);
  }
  // Two pages, so that the CLI must ask for both.
  grpc::Status ListNodes(Context*, const v1::ListNodesRequest* request,
                         v1::ListNodesResponse* to) override {
    if (!failure.ok()) return failure;
    if (nodes.nodes_size() < 2) return Answer(nodes, to);
    const bool first = request->page_token().empty();
    for (int i = first ? 0 : 1; i < (first ? 1 : nodes.nodes_size()); ++i) {
      *to->add_nodes() = nodes.nodes(i);
    }
    if (first) to->set_next_page_token(nodes.nodes(0).name());
    return grpc::Status::OK;
  }
  grpc::Status GetNode(Context*, const v1::GetNodeRequest*, v1::GetNodeResponse* to) override {
    return Answer(node, to);
  }
  grpc::Status BanNode(Context*, const v1::BanNodeRequest* request, v1::BanNodeResponse*) override {
    last_ban = *request;
    return failure;
  }
  grpc::Status RemoveNode(Context*, const v1::RemoveNodeRequest* request,
                          v1::RemoveNodeResponse*) override {
    last_removed = request->name();
    return failure;
  }
  grpc::Status DeclareNodeGone(Context*, const v1::DeclareNodeGoneRequest* request,
                               v1::DeclareNodeGoneResponse* to) override {
    last_gone = *request;
    return Answer(gone, to);
  }
  grpc::Status CreateToken(Context*, const v1::CreateTokenRequest* request,
                           v1::CreateTokenResponse* to) override {
    last_token = *request;
    return Answer(token, to);
  }
  grpc::Status ApplySites(Context*, const v1::ApplySitesRequest* request,
                          v1::ApplySitesResponse* to) override {
    last_apply = *request;
    return Answer(applied, to);
  }
  grpc::Status ListCertificates(Context*, const v1::ListCertificatesRequest*,
                                v1::ListCertificatesResponse* to) override {
    return Answer(certificates, to);
  }
  grpc::Status CheckCertificate(Context*, const v1::CheckCertificateRequest*,
                                v1::CheckCertificateResponse* to) override {
    return Answer(checked, to);
  }
  grpc::Status IssueCertificate(Context*, const v1::IssueCertificateRequest* request,
                                v1::IssueCertificateResponse* to) override {
    last_issue = *request;
    return Answer(issued, to);
  }
  grpc::Status ListOrders(Context*, const v1::ListOrdersRequest*,
                          v1::ListOrdersResponse* to) override {
    return Answer(orders, to);
  }
  grpc::Status GetOrder(Context*, const v1::GetOrderRequest*, v1::GetOrderResponse* to) override {
    return Answer(order, to);
  }
  grpc::Status WatchOrder(Context* context, const v1::WatchOrderRequest*,
                          grpc::ServerWriter<v1::WatchOrderResponse>* writer) override {
    watch_limit = context->deadline() - std::chrono::system_clock::now();
    for (const v1::Order& seen : watched) {
      v1::WatchOrderResponse response;
      *response.mutable_order() = seen;
      writer->Write(response);
    }
    while (watch_is_endless && !context->IsCancelled()) ::poll(nullptr, 0, 1);
    return failure;
  }
  grpc::Status GetGeneration(Context*, const v1::GetGenerationRequest* request,
                             v1::GetGenerationResponse* to) override {
    const auto found = generations.find(request->number());
    if (found == generations.end()) return {grpc::StatusCode::NOT_FOUND, "no such generation"};
    return Answer(found->second, to);
  }
  grpc::Status ListEvents(Context*, const v1::ListEventsRequest*,
                          v1::ListEventsResponse* to) override {
    for (const v1::Event& event : events) *to->add_events() = event;
    return failure;
  }
};

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

class CliTest : public ::testing::Test {
 protected:
  CliTest() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    char pattern[] = "/tmp/lockstep-cli-XXXXXX";
    directory = ::mkdtemp(pattern);
    auto started =
        rpc::LocalServer::Start({.name = "admin", .path = Socket(), .group = {}},
                                [](const rpc::LocalPeer&) { return Status::Ok(); }, {&admin});
    EXPECT_TRUE(started.ok()) << started.status();
    server = *std::move(started);
  }
  ~CliTest() override {
    server.reset();
    std::filesystem::remove_all(directory);
  }
  std::string Socket() const { return directory + "/admin/admin.sock"; }

  Ran Run(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), {"lockstep", "--socket", Socket()});
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    const int code = Main(static_cast<int>(argv.size()), argv.data(), in, out, err, clock);
    return {code, out.str(), err.str()};
  }
  // Seconds after the clock's start, which is 2026-11-21T20:00:00Z.
  void Set(google::protobuf::Timestamp* timestamp, double seconds) const {
    const int64_t micros = ToUnixMicros(clock.Now()) + static_cast<int64_t>(seconds * 1e6);
    timestamp->set_seconds(micros / 1'000'000);
    timestamp->set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1000));
  }

  std::string directory;
  FakeAdmin admin;
  fakes::FakeClock clock;
  std::unique_ptr<rpc::LocalServer> server;
};

}  // namespace lockstep::controller::cli

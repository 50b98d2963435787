// The admin API over its socket, on the real domain with stores in memory and nodes that tests
// play.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/dns/resolver.h"
#include "common/rpc/settings.h"
#include "controller/adminapi/admin_server.h"
#include "controller/witness/rehearsal.h"
#include "tests/fakes/publish_rig.h"
#include "tests/fakes/settle.h"

namespace lockstep::controller::adminapi {

// Starts and never ends, until it is cancelled.
class WaitingIssuer final : public certs::CertIssuer {
 public:
  void Start(certs::IssueRequest, std::function<void(certs::IssueResult)> done) override {
    done_ = std::move(done);
  }
  void Cancel(const OrderId&) override {
    if (done_) std::exchange(done_, nullptr)({Cancelled("the run was cancelled"), {}, {}, {}});
  }
  Result<std::string> EnsureAccount() override { return Unavailable("there is no CA here"); }

 private:
  std::function<void(certs::IssueResult)> done_;
};

inline witness::RehearsalOptions NoRehearsal() {
  witness::RehearsalOptions options;
  options.mode = witness::RehearsalMode::kOff;
  return options;
}

class AdminTest : public ::testing::Test {
 protected:
  AdminTest()
      : workers_("worker", 1),
        sites_(rig_.database, rig_.state, {}),
        policies_(rig_.database, rig_.state, {}, std::nullopt),
        key_ring_(rig_.database, rig_.state, rig_.journal, keys::MakeFirst(rig_.clock.Now())),
        promises_({}, rig_.database, rig_.state, rig_.journal, rig_.fleet, rig_.witnesses,
                  rig_.publisher, {}, {}),
        no_dns_(dns::Config{{*Endpoint::Parse("127.0.0.1:1")}, Millis(50), Millis(100)}),
        linter_({}, {rig_.fleet, rig_.publisher, policies_, promises_, sites_}, no_dns_, workers_,
                rig_.state, rig_.journal),
        challenges_({}, 1, rig_.database, rig_.state, rig_.fleet),
        resolver_(dns::Config{}),
        rehearsal_(NoRehearsal(), resolver_),
        book_(rig_.database, rig_.state),
        orders_({},
                {rig_.state, rig_.fleet, challenges_, rig_.witnesses, rehearsal_, rig_.publisher,
                 book_, issuer_, workers_},
                rig_.database, rig_.journal),
        renewals_(rig_.database, rig_.state, book_, orders_, rig_.journal),
        enrollment_(rig_.ca, rig_.database, rig_.state, rig_.fleet, rig_.journal),
        checks_(rig_.state, rig_.fleet, rig_.witnesses, book_) {
    sites_.OnChange([this](const std::string& cause) {
      rig_.desired.sites = sites_.List();
      (void)rig_.publisher.Changed(cause);
    });
    policies_.Serve(
        [this] {
          policy::FleetFacts facts;
          for (const auto& [name, live] : rig_.fleet.nodes()) {
            facts.nodes.push_back({live.node, live.capabilities});
          }
          for (const auto& [name, site] : sites_.sites()) facts.sites.push_back(name);
          return facts;
        },
        [this](const std::string& cause) {
          rig_.desired.policy = policies_.policy();
          (void)rig_.publisher.Changed(cause);
        });
    rig_.desired.quic_keys = key_ring_.keys();
    promises_.Start({[this] {
                       std::vector<std::string> names;
                       for (const auto& [name, site] : sites_.sites()) names.push_back(name);
                       return names;
                     },
                     [this]() -> const model::EdgePolicy& { return policies_.policy(); }},
                    [](const std::string&) {});
    identity::Access access;
    access.own_uid = ::geteuid();
    access.is_banned = [](const NodeName&) { return false; };
    auto started = AdminServer::Start(
        {.socket_path = Socket(), .group = {}}, access,
        {rig_.state, rig_.database, rig_.journal, rig_.fleet, enrollment_, sites_, policies_,
         key_ring_, promises_, linter_, challenges_, rig_.publisher, book_, checks_, orders_,
         renewals_, "0.1.0", rig_.clock.Now(), 1});
    LS_CHECK(started.ok());
    server_ = *std::move(started);
    channel_ = grpc::CreateCustomChannel("unix:" + Socket(), grpc::InsecureChannelCredentials(),
                                         rpc::LocalChannelArguments());
    client_ = v1::AdminService::NewStub(channel_);
  }
  ~AdminTest() override {
    server_.reset();
    workers_.Stop();
  }
  std::string Socket() const { return rig_.directory / "admin/admin.sock"; }

  // Runs a blocking call while this thread plays the state strand.
  grpc::Status While(const std::function<grpc::Status(grpc::ClientContext*)>& call) {
    grpc::Status status;
    std::atomic<bool> done{false};
    std::thread caller([&] {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + Seconds(10));
      status = call(&context);
      done = true;
    });
    EXPECT_TRUE(fakes::RunUntil(rig_.state, [&] { return done.load(); }));
    caller.join();
    return status;
  }
  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (v1::AdminService::Stub::*method)(grpc::ClientContext*,
                                                                   const Request&, Response*),
                    const Request& request, Response* response) {
    return While([&](grpc::ClientContext* context) {
      return (client_.get()->*method)(context, request, response);
    });
  }
  grpc::Status Apply(const std::string& text, v1::ApplySitesResponse* response) {
    v1::ApplySitesRequest request;
    request.set_text(text);
    request.set_file_name("sites.toml");
    return Call(&v1::AdminService::Stub::ApplySites, request, response);
  }
  // The answer to a call of any method, as bytes.
  grpc::Status CallRaw(const std::string& path, const std::string& request, std::string* answer) {
    return While([&](grpc::ClientContext* context) {
      const grpc::internal::RpcMethod method(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
      const grpc::Slice slice(request);
      grpc::ByteBuffer in(&slice, 1);
      grpc::ByteBuffer out;
      grpc::Status status = grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
          channel_.get(), method, context, in, &out);
      std::vector<grpc::Slice> slices;
      if (out.Valid() && out.Dump(&slices).ok()) {
        for (const grpc::Slice& part : slices) {
          answer->append(reinterpret_cast<const char*>(part.begin()), part.size());
        }
      }
      return status;
    });
  }

  fakes::PublishRig rig_;
  task::WorkerPool workers_;
  sites::Sites sites_;
  policy::Policies policies_;
  keys::KeyRing key_ring_;
  promises::Promises promises_;
  dns::Resolver no_dns_;
  lint::Linter linter_;
  challenges::Challenges challenges_;
  dns::Resolver resolver_;
  witness::Rehearsal rehearsal_;
  certs::CertificateBook book_;
  WaitingIssuer issuer_;
  certs::Orders orders_;
  certs::Renewals renewals_;
  fleet::Enrollment enrollment_;
  certs::CertificateChecks checks_;
  std::unique_ptr<AdminServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::AdminService::Stub> client_;
};

inline constexpr char kSite[] =
    "[[site]]\nname = \"www.example.test\"\n[site.preset]\nbody = \"hello\"\n";

}  // namespace lockstep::controller::adminapi

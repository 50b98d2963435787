// Orders over a fleet that a test plays, with an issuer that does what the test says.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/crypto/issue.h"
#include "controller/certs/orders.h"
#include "controller/certs/renewals.h"
#include "tests/fakes/publish_rig.h"
#include "tests/fakes/settle.h"

namespace lockstep::controller::certs {

class FakeIssuer final : public CertIssuer {
 public:
  void Start(IssueRequest request, std::function<void(IssueResult)> done) override {
    requests.push_back(std::move(request));
    waiting[requests.back().order] = std::move(done);
  }
  void Cancel(const OrderId& order) override { cancelled.push_back(order); }
  Result<std::string> EnsureAccount() override { return std::string(43, 'A'); }

  void End(const OrderId& order, IssueResult result) { waiting.at(order)(std::move(result)); }

  std::vector<IssueRequest> requests;
  std::map<OrderId, std::function<void(IssueResult)>> waiting;
  std::vector<OrderId> cancelled;
};

class CertsRig : public fakes::PublishRig {
 public:
  static constexpr const char* kHost = "www.example.test";
  static constexpr const char* kToken = "tokentokentoken1";

  explicit CertsRig(witness::RehearsalMode mode = witness::RehearsalMode::kOff,
                    barrier::Policy policy = {})
      : challenges({}, 1, database, state, fleet),
        resolver({{*Endpoint::Parse("127.0.0.1:1")}}),
        rehearsal(Rehearsed(mode), resolver),
        book(database, state),
        orders({2, {Seconds(120), Seconds(30), std::chrono::minutes(10), policy}},
               {state, fleet, challenges, witnesses, rehearsal, publisher, book, issuer, pool},
               database, journal),
        renewals(database, state, book, orders, journal),
        issuing_key_(crypto::PrivateKey::GenerateP256()),
        issuing_(*crypto::SelfSignedCa(issuing_key_, "fake ca", std::chrono::hours(24 * 3650),
                                       clock.Now() - std::chrono::hours(24))) {
    fleet.AddObserver(&challenges);
    fleet.AddObserver(&orders);
    publisher.AddObserver(&orders);
    complete = [this](planner::DesiredState* state_now) { state_now->certificates = book.List(); };
  }

  // Two nodes serve a site without a certificate.
  void Begin() {
    Enrol({"ams1", "fra1"});
    LS_CHECK(Connect("ams1").ok() && Connect("fra1").ok());
    desired.sites = {fakes::SiteOf(kHost)};
    Change();
    Settle({"ams1", "fra1"});
  }
  OrderId Create(const std::string& host = kHost) {
    const auto order = orders.Create({fakes::Host(host)}, "", "operator");
    LS_CHECK(order.ok());
    state.RunAll();
    return order->id;
  }
  const model::Order& Get(const OrderId& id) const { return *orders.FindOpen(id); }
  static std::string Body() { return std::string(kToken) + "." + std::string(43, 'A'); }
  std::vector<model::Challenge> ChallengesOf(const std::string& host = kHost) const {
    model::Challenge challenge;
    challenge.host = fakes::Host(host);
    challenge.token = *ChallengeToken::Parse(kToken);
    challenge.key_authorization = Body();
    return {challenge};
  }
  std::string SecretOf(const OrderId& id) const {
    for (const IssueRequest& request : issuer.requests) {
      if (request.order == id) return request.secret;
    }
    return "";
  }
  // certbot hands over; the answer, once there is one, is in `answer`.
  void Perform(const OrderId& id, std::vector<model::Challenge> handed) {
    answer.reset();
    orders.Perform(id, SecretOf(id), std::move(handed),
                   [this](const Status& status) { answer = status; });
    state.RunAll();
  }
  void Perform(const OrderId& id) { Perform(id, ChallengesOf()); }
  void ProveChallenge(const std::string& node) { Show(node, {{}, {{kToken, Body()}}}); }
  // What certbot leaves behind when the CA was content.
  IssueResult Issued(const std::string& host = kHost,
                     Micros lifetime = std::chrono::hours(24 * 90)) const {
    const auto key = crypto::PrivateKey::GenerateP256();
    crypto::LeafProfile profile;
    profile.common_name = host;
    profile.dns_names = {host};
    profile.server_auth = true;
    profile.not_before = clock.Now();
    profile.lifetime = lifetime;
    const auto leaf = *crypto::IssueCertificate(issuing_, issuing_key_, key.Public(), profile);
    return {Status::Ok(), "", leaf.Pem() + issuing_.Pem(), std::string(key.ToPem().Reveal())};
  }
  void EndIssue(const OrderId& id, IssueResult result) {
    issuer.End(id, std::move(result));
    state.RunAll();
  }

  challenges::Challenges challenges;
  dns::Resolver resolver;
  witness::Rehearsal rehearsal;
  CertificateBook book;
  FakeIssuer issuer;
  Orders orders;
  Renewals renewals;
  std::optional<Status> answer;

 private:
  static witness::RehearsalOptions Rehearsed(witness::RehearsalMode mode) {
    witness::RehearsalOptions out;
    out.mode = mode;
    out.deadline = Millis(200);
    return out;
  }
  crypto::PrivateKey issuing_key_;
  crypto::Certificate issuing_;
};

}  // namespace lockstep::controller::certs

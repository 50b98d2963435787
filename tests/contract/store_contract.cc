#include "tests/contract/store_contract.h"

#include <cstdio>

#include "common/crypto/digest.h"
#include "common/crypto/sealing.h"
#include "controller/store/sqlite/sqlite_backend.h"
#include "tests/fakes/memory_stores.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::contract {

namespace model = controller::model;

namespace {

class MemoryFixture : public StoreFixture {
 public:
  controller::store::Backend& backend() override { return backend_; }

 private:
  fakes::MemoryBackend backend_;
};

class SqliteFixture : public StoreFixture {
 public:
  SqliteFixture()
      : backend_(controller::store::SqliteBackend::Open(
                     directory_ / "controller.db",
                     *crypto::SealingKey::FromBytes(crypto::Secret(std::string(32, 'k'))))
                     .value()) {}
  controller::store::Backend& backend() override { return *backend_; }

 private:
  fakes::TempDirectory directory_;
  std::unique_ptr<controller::store::SqliteBackend> backend_;
};

}  // namespace

NodeName NodeNamed(const std::string& name) { return NodeName::Parse(name).value(); }
Hostname Host(const std::string& name) { return Hostname::Parse(name).value(); }
OrderId OrderNumber(int n) {
  char text[32];
  std::snprintf(text, sizeof text, "o-%016x", static_cast<unsigned>(n));
  return OrderId::Parse(text).value();
}
WallTime At(int seconds) { return FromUnixMicros(1'795'291'200'000'000) + Seconds(seconds); }

model::Node SampleNode(const std::string& name) {
  model::Node node;
  node.name = NodeNamed(name);
  node.pop = PopName::Parse("fra").value();
  node.addresses = {IpAddress::Parse("10.77.1.2").value(), IpAddress::Parse("fd77:1::2").value()};
  node.identity_serial = "0a1b";
  node.identity_not_after = At(30);
  node.spki_sha256 = std::string("\0\xff", 2) + std::string(30, 's');
  node.agent_version = "0.1.0";
  node.enrolled_at = At(0);
  return node;
}

model::JoinToken SampleToken(const std::string& id) {
  model::JoinToken token;
  token.id = id;
  token.node = NodeNamed("fra1");
  token.pop = PopName::Parse("fra").value();
  token.secret_sha256 = crypto::Sha256(id);
  token.created_at = At(0);
  token.expires_at = At(600);
  return token;
}

model::Site SampleSite(const std::string& name) {
  model::Site site;
  site.name = name;
  site.hosts = {Host(name), Host("www." + name)};
  site.content = model::Preset{200, "application/json", "{\"node\":\"{node}\"}"};
  site.updated_at = At(1);
  return site;
}

model::Certificate SampleCertificate(const std::string& name, int n) {
  model::Certificate certificate;
  certificate.name = name;
  certificate.hosts = {Host(name), Host("www." + name)};
  certificate.chain_pem = "chain " + std::to_string(n);
  certificate.key_pem = "key " + std::to_string(n);
  certificate.leaf_sha256 = "leaf " + std::to_string(n);
  certificate.serial = std::to_string(n);
  certificate.issuer = "CN=Test";
  certificate.not_before = At(n);
  certificate.not_after = At(n + 100);
  certificate.created_at = At(n);
  return certificate;
}

model::Order SampleOrder(int n) {
  model::Order order;
  order.id = OrderNumber(n);
  order.certificate = "a.example";
  order.hosts = {Host("b.example"), Host("a.example")};
  order.reason = "operator";
  order.created_at = At(n);
  order.steps = {{"queued", "", At(n)}};
  return order;
}

model::Generation SampleGeneration(uint64_t number) {
  model::Generation generation;
  generation.number = number;
  generation.epoch_counter = 1;
  generation.start_id = std::string(16, 's');
  generation.state = model::GenerationState::kRollingOut;
  generation.cause = "site a.example applied";
  generation.created_at = At(static_cast<int>(number));
  generation.digest = crypto::Sha256(std::to_string(number));
  generation.resources = {{"certificate", "a.example", crypto::Sha256("c")},
                          {"site", "a.example", crypto::Sha256("s" + std::to_string(number))}};
  return generation;
}

model::Proof SampleProof(const std::string& node, const std::string& host, int at) {
  model::Proof proof;
  proof.subject.node = NodeNamed(node);
  proof.subject.kind = model::ProbeKind::kTls;
  proof.subject.host = Host(host);
  proof.subject.address = IpAddress::Parse("203.0.113.10").value();
  proof.observer = "nyc1";
  proof.good = true;
  proof.seen = "abcd";
  proof.boot_id = std::string(16, '\0');
  proof.elapsed = Micros(1234);
  proof.observed_at = At(at);
  proof.observation = std::string("\x08\0\x01", 3);
  return proof;
}

StoreFactory MemoryStores() {
  return {"memory", [] { return std::make_unique<MemoryFixture>(); }};
}
StoreFactory SqliteStores() {
  return {"sqlite", [] { return std::make_unique<SqliteFixture>(); }};
}

}  // namespace lockstep::contract

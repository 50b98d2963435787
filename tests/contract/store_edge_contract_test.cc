// The edge policy and the QUIC keys: what every implementation of their stores must hold to.
#include "tests/contract/store_contract.h"

namespace lockstep::contract {
namespace {

namespace model = controller::model;

TEST_P(StoreContract, ThePolicyIsOneDocument) {
  auto& policy = stores().policy;
  EXPECT_EQ(*policy.Find(), std::nullopt);
  ASSERT_TRUE(policy.Put({"[fleet]\n", At(1)}).ok());
  ASSERT_TRUE(policy.Put({"[fleet]\nquic_server = \"quicd\"\n", At(2)}).ok());
  EXPECT_EQ(*policy.Find(),
            (controller::store::StoredPolicy{"[fleet]\nquic_server = \"quicd\"\n", At(2)}));
}

TEST_P(StoreContract, QuicKeysAreReplacedAsAWhole) {
  auto& store = stores().quic_keys;
  EXPECT_EQ(*store.Find(), std::nullopt);
  model::QuicKeys keys;
  keys.connection_id_config = 3;
  keys.connection_id = {std::string("\0c", 2) + std::string(14, 'c'), At(1)};
  keys.token_current = {std::string(32, 'a'), At(2)};
  keys.token_previous = model::QuicKey{std::string(32, 'b'), At(3)};
  keys.ticket_current = {std::string(64, 'd'), At(4)};
  keys.ticket_next = {std::string(64, 'e'), At(5)};
  keys.token_current_since = At(6);
  keys.ticket_current_since = At(7);
  ASSERT_TRUE(store.Put(keys).ok());
  EXPECT_EQ(*store.Find(), keys);
  keys.token_previous.reset();
  keys.token_next = model::QuicKey{std::string(32, 'f'), At(8)};
  keys.ticket_previous = model::QuicKey{std::string(64, 'g'), At(9)};
  ASSERT_TRUE(store.Put(keys).ok());
  EXPECT_EQ(*store.Find(), keys);
}

model::SitePromise SamplePromise(const std::string& site) {
  const model::Alternative http3{"h3", "", 443};
  const model::Alternative other{"h2", "alt.example.test", 8443};
  model::SitePromise promise;
  promise.site = site;
  promise.ramp = {model::RampPhase::kAdvertising, Seconds(3600), 2, std::nullopt};
  promise.switched_off = true;
  auto& node = promise.ledger.nodes[NodeNamed("fra1")];
  node.open[{1, 7}] = {{http3, Seconds(300)}, {other, Seconds(60)}};
  node.open[{2, 3}] = {};
  node.closed = {{http3, At(5)}};
  promise.ledger.nodes[NodeNamed("par1")].open[{1, 7}] = {{http3, Seconds(300)}};
  return promise;
}

TEST_P(StoreContract, PromisesAreKeptWithTheirLedgersAndReplacedAsAWhole) {
  auto& store = stores().promises;
  EXPECT_TRUE(store.List()->empty());
  model::SitePromise www = SamplePromise("www");
  ASSERT_TRUE(store.Put({SamplePromise("shop"), www}).ok());
  EXPECT_EQ(*store.List(), (std::vector{SamplePromise("shop"), www}));

  www.ramp = {model::RampPhase::kSilent, Seconds(0), 0, At(9)};
  www.switched_off = false;
  www.ledger.nodes.erase(NodeNamed("par1"));
  www.ledger.nodes[NodeNamed("fra1")].open.erase({1, 7});
  ASSERT_TRUE(store.Put({www}).ok());
  www.ramp.held_since.reset();
  EXPECT_EQ(*store.List(), (std::vector{SamplePromise("shop"), www}));

  ASSERT_TRUE(store.Delete("shop").ok());
  EXPECT_EQ(store.Delete("shop").code(), Code::kNotFound);
  EXPECT_EQ(*store.List(), std::vector{www});
}

TEST_P(StoreContract, WhoLostHttp3IsKeptAndReplacedAsAWhole) {
  auto& store = stores().promises;
  EXPECT_EQ(*store.GetKeeping(), model::KeepingState());
  model::KeepingState keeping;
  keeping.nodes[NodeNamed("fra1")] = {At(1), std::nullopt, At(2), 3};
  keeping.nodes[NodeNamed("par1")] = {std::nullopt, At(4), std::nullopt, 0};
  keeping.at_fault_since = {{"www", At(5)}};
  ASSERT_TRUE(store.PutKeeping(keeping).ok());
  EXPECT_EQ(*store.GetKeeping(), keeping);
  keeping.nodes.erase(NodeNamed("fra1"));
  keeping.at_fault_since.clear();
  ASSERT_TRUE(store.PutKeeping(keeping).ok());
  EXPECT_EQ(*store.GetKeeping(), keeping);
}

}  // namespace
}  // namespace lockstep::contract

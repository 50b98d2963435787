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

}  // namespace
}  // namespace lockstep::contract

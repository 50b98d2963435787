// What every implementation of the stores must hold to: instantiate StoreContract with a factory.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "controller/store/backend.h"
#include "controller/store/stores.h"

namespace lockstep::contract {

// An empty database and what it needs to live.
class StoreFixture {
 public:
  virtual ~StoreFixture() = default;
  virtual controller::store::Backend& backend() = 0;
};

struct StoreFactory {
  std::string name;
  std::function<std::unique_ptr<StoreFixture>()> make;
};
inline std::ostream& operator<<(std::ostream& out, const StoreFactory& factory) {
  return out << factory.name;
}

// Each test body runs inside one transaction.
class StoreContract : public testing::TestWithParam<StoreFactory> {
 protected:
  void SetUp() override {
    fixture_ = GetParam().make();
    ASSERT_TRUE(backend().Begin().ok());
  }
  void TearDown() override { backend().Rollback(); }

  controller::store::Backend& backend() { return fixture_->backend(); }
  controller::store::Stores& stores() { return backend().stores(); }

 private:
  std::unique_ptr<StoreFixture> fixture_;
};

// Nouns to store; `n` makes different ones.
NodeName NodeNamed(const std::string& name);
Hostname Host(const std::string& name);
OrderId OrderNumber(int n);
WallTime At(int seconds);
controller::model::Node SampleNode(const std::string& name);
controller::model::JoinToken SampleToken(const std::string& id);
controller::model::Site SampleSite(const std::string& name);
controller::model::Certificate SampleCertificate(const std::string& name, int n);
controller::model::Order SampleOrder(int n);
controller::model::Generation SampleGeneration(uint64_t number);
controller::model::Proof SampleProof(const std::string& node, const std::string& host, int at);

// An in-memory backend and a SQLite one.
StoreFactory MemoryStores();
StoreFactory SqliteStores();

}  // namespace lockstep::contract

// The two implementations side by side under random work: they must say the same.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "common/crypto/digest.h"
#include "tests/contract/store_contract.h"

namespace lockstep::contract {
namespace {

namespace model = controller::model;
using controller::store::Stores;

class Work {
 public:
  explicit Work(unsigned seed) : random_(seed) {}

  // Does one random thing to `stores` and says what came of it.
  std::string Step(Stores& stores, unsigned what, unsigned a, unsigned b) {
    const std::string node = "n" + std::to_string(a % 4);
    const std::string site = "s" + std::to_string(a % 4) + ".example";
    switch (what % 18) {
      case 0:
        return stores.nodes.Create(SampleNode(node)).ToString();
      case 1: {
        model::Node changed = SampleNode(node);
        changed.addresses.resize(b % 3);
        return stores.nodes.Update(changed).ToString();
      }
      case 2:
        return stores.nodes.Delete(NodeNamed(node)).ToString();
      case 3: {
        model::Site first = SampleSite(site);
        first.hosts = {Host("h" + std::to_string(b % 5) + ".example")};
        model::Site second = SampleSite("s" + std::to_string((a + 1) % 4) + ".example");
        return CodeOf(stores.sites.Put({first, second}));
      }
      case 4:
        return CodeOf(stores.sites.Delete(site));
      case 5:
        return Number(
            stores.certificates.Create(SampleCertificate(site, static_cast<int>(b % 100))));
      case 6:
        return Number(stores.certificates.Prune(b % 3));
      case 7:
        return CodeOf(stores.certificates.Delete(site));
      case 8:
        return CodeOf(stores.orders.Create(SampleOrder(static_cast<int>(a % 8))));
      case 9: {
        model::Order order = SampleOrder(static_cast<int>(a % 8));
        order.state = static_cast<model::OrderState>(1 + b % 8);
        order.missing.assign(b % 3, "line");
        return CodeOf(stores.orders.Update(order));
      }
      case 10:
        return Number(stores.orders.Prune(b % 4));
      case 11: {
        model::Generation generation = SampleGeneration(1 + b % 40);
        generation.state = static_cast<model::GenerationState>(1 + a % 6);
        if (a % 2 == 0) generation.ended_at = At(7);
        return stores.generations.Create(generation).ToString();
      }
      case 12:
        return Number(stores.generations.Prune(b % 4));
      case 13:
        return CodeOf(stores.proofs.Put(
            {SampleProof(node, site, static_cast<int>(b % 9)), SampleProof(node, "x.example", 1)}));
      case 14:
        return Number(stores.proofs.Prune(At(static_cast<int>(b % 9))));
      case 15:
        return Number(
            stores.events.Create({0, At(1), model::Severity::kInfo, "kind", node, "text"}));
      case 16:
        return Number(stores.events.Prune(b % 6));
      default:
        return stores.tokens.Redeem("t", crypto::Sha256(node)).ToString();
    }
  }

  // All that can be read, as text.
  static std::string Dump(Stores& stores) {
    std::string out;
    const auto nodes = stores.nodes.List().value();
    for (const auto& node : nodes) {
      out += "node " + node.name.str() + " " + std::to_string(node.addresses.size()) + "\n";
    }
    const auto sites = stores.sites.List().value();
    for (const auto& site : sites) {
      out += "site " + site.name;
      for (const auto& host : site.hosts) out += " " + host.ascii();
      out += "\n";
      const auto certificates = stores.certificates.ListRevisions(site.name).value();
      for (const auto& certificate : certificates) {
        out += certificate.name + " " + std::to_string(certificate.revision) + " " +
               certificate.key_pem + "\n";
      }
    }
    const auto orders = stores.orders.List(100, std::nullopt).value();
    for (const auto& order : orders) {
      out += order.id.str() + " " + model::OrderStateName(order.state) + " " +
             std::to_string(order.missing.size()) + "\n";
    }
    const auto generations = stores.generations.List(100, 0).value();
    for (const auto& generation : generations) {
      out += "generation " + std::to_string(generation.number) + "\n";
    }
    const auto proofs = stores.proofs.List().value();
    for (const auto& proof : proofs) {
      out += proof.subject.node.str() + " " + proof.subject.host.ascii() + " " +
             FormatTime(proof.observed_at) + "\n";
    }
    const auto events = stores.events.List(100, 0, "").value();
    for (const auto& event : events) {
      out += "event " + std::to_string(event.id) + "\n";
    }
    return out;
  }

  unsigned Draw() { return static_cast<unsigned>(random_()); }

 private:
  static std::string CodeOf(const Status& status) { return std::string(CodeName(status.code())); }
  template <typename T>
  static std::string Number(const Result<T>& result) {
    return result.ok() ? std::to_string(*result) : CodeOf(result.status());
  }
  std::mt19937 random_;
};

TEST(StoreModelTest, SqliteAndMemoryAgreeUnderRandomWork) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    Work work(seed);
    const auto sqlite = SqliteStores().make();
    const auto memory = MemoryStores().make();
    for (int step = 0; step < 300; ++step) {
      const unsigned what = work.Draw();
      const unsigned a = work.Draw();
      const unsigned b = work.Draw();
      const bool rolled_back = work.Draw() % 4 == 0;
      std::string said[2];
      std::string left[2];
      for (int i = 0; i < 2; ++i) {
        auto& backend = (i == 0 ? *sqlite : *memory).backend();
        ASSERT_TRUE(backend.Begin().ok());
        ASSERT_TRUE(backend.Savepoint().ok());
        said[i] = work.Step(backend.stores(), what, a, b);
        const bool failed =
            said[i].find_first_not_of("0123456789") != std::string::npos && said[i] != "OK";
        ASSERT_TRUE((failed || rolled_back ? backend.RollbackTo() : backend.Release()).ok());
        left[i] = Work::Dump(backend.stores());
        ASSERT_TRUE(backend.Commit().ok());
      }
      ASSERT_EQ(said[0], said[1]) << "seed " << seed << " step " << step << " what " << what % 18;
      ASSERT_EQ(left[0], left[1]) << "seed " << seed << " step " << step << " what " << what % 18;
    }
  }
}

}  // namespace
}  // namespace lockstep::contract

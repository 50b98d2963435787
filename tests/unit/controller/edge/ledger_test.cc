#include "controller/edge/ledger.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

namespace lockstep::controller::edge {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const NodeName kA = *NodeName::Parse("ams1");
const NodeName kB = *NodeName::Parse("fra1");
const WallTime kStart = FromUnixMicros(1'700'000'000'000'000);
const Alternative kH3 = SameHostHttp3();
const Ledger::Options kOptions{.old_connections = minutes(10), .slack = minutes(1)};

Offer H3(Seconds max_age) { return {{kH3, max_age}}; }

TEST(LedgerTest, AllowsWhatWasNeverSaid) {
  EXPECT_TRUE(Ledger(kOptions).MayRetire(kH3, kStart).allowed);
}

TEST(LedgerTest, CountsFromTheProvedSwitchOfTheLastNode) {
  Ledger ledger(kOptions);
  for (const NodeName& node : {kA, kB}) {
    ledger.MaySend(node, {1, 1}, H3(hours(1)));
    ledger.MaySend(node, {1, 2}, {});
  }
  ledger.Proved(kA, {1, 2}, kStart);
  EXPECT_EQ(ledger.MayRetire(kH3, kStart).unproved, std::vector<NodeName>{kB});
  ledger.Proved(kB, {1, 2}, kStart + minutes(5));
  const auto retirement = ledger.MayRetire(kH3, kStart + minutes(5));
  EXPECT_FALSE(retirement.allowed);
  EXPECT_EQ(retirement.left, std::optional<Micros>(minutes(71)));
  EXPECT_EQ(retirement.reason, R"(clients may hold h3=":443" for another 1 h 11 min)");
  EXPECT_FALSE(ledger.MayRetire(kH3, kStart + minutes(76) - Micros(1)).allowed);
  EXPECT_TRUE(ledger.MayRetire(kH3, kStart + minutes(76)).allowed);
}

TEST(LedgerTest, ANodeThatHasNotProvedTheSwitchHasNoEnd) {
  Ledger ledger(kOptions);
  ledger.MaySend(kA, {1, 1}, H3(hours(1)));
  ledger.MaySend(kA, {1, 2}, {});
  const auto retirement = ledger.MayRetire(kH3, kStart + hours(24 * 365));
  EXPECT_FALSE(retirement.allowed);
  EXPECT_FALSE(retirement.left.has_value());
  EXPECT_EQ(
      retirement.reason,
      "no end: ams1 may still advertise h3=\":443\", the switch is not proved there; bring it "
      "back, or prove that it is withdrawn");
  EXPECT_NE(retirement.if_forced.find("with no known end"), std::string::npos);
  EXPECT_EQ(ledger.Ends(kStart).at(kH3), std::nullopt);
}

TEST(LedgerTest, TellsApartWhatIsStillAdvertisedOnPurpose) {
  Ledger ledger(kOptions);
  ledger.MaySend(kA, {1, 1}, H3(hours(1)));
  const auto retirement = ledger.MayRetire(kH3, kStart);
  EXPECT_EQ(retirement.advertising, std::vector<NodeName>{kA});
  EXPECT_TRUE(retirement.unproved.empty());
}

TEST(LedgerTest, AShorterAgeDoesNotShortenWhatWasPromisedBefore) {
  Ledger ledger(kOptions);
  ledger.MaySend(kA, {1, 1}, H3(hours(24)));
  ledger.MaySend(kA, {1, 2}, H3(minutes(5)));
  ledger.Proved(kA, {1, 2}, kStart);
  ledger.MaySend(kA, {1, 3}, {});
  ledger.Proved(kA, {1, 3}, kStart + hours(1));
  EXPECT_EQ(ledger.MayRetire(kH3, kStart + hours(1)).left,
            std::optional<Micros>(hours(23) + minutes(11)));
}

TEST(LedgerTest, ClearEndsNothingAtOnce) {
  const auto clear = ParseAltSvc("clear");
  ASSERT_TRUE(clear.ok());
  Ledger ledger(kOptions);
  ledger.MaySend(kA, {1, 1}, H3(hours(1)));
  ledger.MaySend(kA, {1, 2}, OfferOf(*clear));
  ledger.Proved(kA, {1, 2}, kStart);
  EXPECT_EQ(ledger.MayRetire(kH3, kStart).left, std::optional<Micros>(hours(1) + minutes(11)));
}

TEST(LedgerTest, AProofOfAnOlderGenerationClosesNothingNewer) {
  Ledger ledger(kOptions);
  ledger.MaySend(kA, {1, 1}, {});
  ledger.MaySend(kA, {1, 2}, H3(hours(1)));
  ledger.MaySend(kA, {1, 3}, {});
  EXPECT_FALSE(ledger.Proved(kA, {1, 1}, kStart));
  EXPECT_FALSE(ledger.MayRetire(kH3, kStart).left.has_value());
  // The same content again is another generation and is proved anew.
  ledger.Proved(kA, {1, 4}, kStart);
  EXPECT_TRUE(ledger.MayRetire(kH3, kStart).left.has_value());
}

TEST(LedgerTest, ANodeThatFellBackSaysTheOldValueAgain) {
  Ledger ledger(kOptions);
  ledger.MaySend(kA, {1, 1}, H3(hours(1)));
  ledger.MaySend(kA, {1, 2}, {});
  ledger.Proved(kA, {1, 2}, kStart);
  EXPECT_TRUE(ledger.MaySend(kA, {1, 1}, H3(hours(1))));
  EXPECT_FALSE(ledger.MayRetire(kH3, kStart + hours(9)).allowed);
  ledger.Proved(kA, {1, 2}, kStart + hours(9));
  EXPECT_EQ(ledger.MayRetire(kH3, kStart + hours(9)).left,
            std::optional<Micros>(hours(1) + minutes(11)));
}

TEST(LedgerTest, ANodeThatIsProvedSilentCountsFromThen) {
  Ledger ledger(kOptions);
  ledger.MaySend(kA, {1, 1}, H3(hours(1)));
  EXPECT_TRUE(ledger.Silent(kA, kStart));
  EXPECT_EQ(ledger.MayRetire(kH3, kStart).left, std::optional<Micros>(hours(1) + minutes(11)));
  EXPECT_FALSE(ledger.Silent(kA, kStart + hours(1)));
}

TEST(LedgerTest, KeepsNothingThatHasRunOut) {
  Ledger ledger(kOptions);
  EXPECT_FALSE(ledger.MaySend(kA, {1, 1}, {}));
  ledger.MaySend(kA, {1, 1}, H3(hours(1)));
  EXPECT_FALSE(ledger.MaySend(kA, {1, 2}, H3(hours(1)))) << "an equal value changes nothing";
  ledger.MaySend(kA, {2, 1}, {});
  ledger.Proved(kA, {2, 1}, kStart);
  EXPECT_FALSE(ledger.Prune(kStart + minutes(70)));
  EXPECT_TRUE(ledger.Prune(kStart + minutes(71)));
  EXPECT_EQ(ledger.state(), LedgerState());
}

// The world as it is: nodes that switch when they like, connections that keep what they began with,
// and clients with caches. It knows nothing of how the ledger counts.
class World {
 public:
  static constexpr int kNodes = 3;

  struct Connection {
    size_t generation;
    WallTime ends;
  };
  struct Node {
    size_t serving = 0;  // index into generations
    size_t told = 0;     // the newest that was sent to it
    size_t floor = 0;    // proved: it never goes back behind it
    bool partitioned = false;
    std::vector<Connection> connections;
  };

  World() : generations{{}}, nodes(kNodes) {}

  std::vector<Offer> generations;
  std::vector<Node> nodes;
  std::vector<std::map<Alternative, WallTime>> clients{8};
  WallTime now = kStart;

  void Tell(int client, size_t generation) {
    auto& cache = clients[static_cast<size_t>(client)];
    cache.clear();
    for (const auto& [alternative, age] : generations[generation]) cache[alternative] = now + age;
  }
  void Age() {
    for (Node& node : nodes) {
      std::erase_if(node.connections, [this](const auto& c) { return c.ends <= now; });
    }
  }
  // Until when somebody will hold it if nothing happens but that clients go on asking on the
  // connections they have; WallTime::max() while a node tells it to new ones.
  WallTime HeldUntil(const Alternative& alternative) const {
    WallTime until = WallTime::min();
    for (const auto& cache : clients) {
      const auto held = cache.find(alternative);
      if (held != cache.end()) until = std::max(until, held->second);
    }
    for (const Node& node : nodes) {
      if (generations[node.serving].contains(alternative)) return WallTime::max();
      for (const Connection& open : node.connections) {
        const auto said = generations[open.generation].find(alternative);
        if (said != generations[open.generation].end()) {
          until = std::max(until, open.ends + said->second);
        }
      }
    }
    return until;
  }
};

NodeName NameOf(int node) { return *NodeName::Parse("n" + std::to_string(node)); }
GenerationId IdOf(size_t generation) { return {1, generation}; }

const std::vector<Alternative> kAlternatives = {kH3, {"h3", "", 8443}, {"h3", "n0.example", 443}};

Offer AnyOffer() {
  Offer out;
  for (const Alternative& alternative : kAlternatives) {
    if (*rc::gen::inRange(0, 3) == 0) {
      out[alternative] = Seconds(*rc::gen::element(300, 3600, 86400));
    }
  }
  return out;
}

void SwitchTo(World* world, World::Node* node, size_t generation) {
  // Connections of before keep their field until they end; new ones begin with the new one.
  node->connections.push_back(
      {node->serving, world->now + Micros(*rc::gen::inRange<int64_t>(
                                       0, Micros(kOptions.old_connections).count()))});
  node->serving = generation;
}

void Happen(World* world, std::unique_ptr<Ledger>* kept) {
  Ledger* ledger = kept->get();
  const int index = *rc::gen::inRange(0, World::kNodes);
  auto& node = world->nodes[static_cast<size_t>(index)];
  const int client = *rc::gen::inRange(0, 8);
  switch (*rc::gen::inRange(0, 9)) {
    case 0:  // a new generation, sent to some node later
      world->generations.push_back(AnyOffer());
      break;
    case 1:  // the newest is sent: booked first
      node.told = world->generations.size() - 1;
      ledger->MaySend(NameOf(index), IdOf(node.told), world->generations[node.told]);
      break;
    case 2:  // it arrives, unless the node is cut off
      if (!node.partitioned && node.serving < node.told) SwitchTo(world, &node, node.told);
      break;
    case 3:  // what it serves is seen
      if (node.partitioned) break;
      node.floor = std::max(node.floor, node.serving);
      ledger->Proved(NameOf(index), IdOf(node.serving), world->now);
      break;
    case 4:
      node.partitioned = !node.partitioned;
      break;
    case 5:  // the node restarts, with the newest that was proved
      node.connections.clear();
      node.serving = node.floor;
      break;
    case 6:  // the controller restarts
      *kept = std::make_unique<Ledger>(kOptions, LedgerState(ledger->state()));
      break;
    case 7:  // a client on a new connection
      world->Tell(client, node.serving);
      break;
    default:  // a client on an old connection
      if (!node.connections.empty()) world->Tell(client, node.connections.back().generation);
      break;
  }
}

// Over a virtual week of changes, restarts and a node that is cut off: whenever the ledger lets an
// alternative go, or says when it will, no client holds it by then and no node says it. And it does
// let go in the end.
RC_GTEST_PROP(LedgerProperty, NeverLetsGoOfWhatAClientHolds, ()) {
  World world;
  auto ledger = std::make_unique<Ledger>(kOptions);
  while (world.now < kStart + hours(24 * 7)) {
    const int events = *rc::gen::inRange(1, 6);
    for (int i = 0; i < events; ++i) Happen(&world, &ledger);
    world.now += minutes(*rc::gen::element(1, 5, 30, 240, 600));
    world.Age();
    if (*rc::gen::arbitrary<bool>()) ledger->Prune(world.now);
    for (const Alternative& alternative : kAlternatives) {
      const Retirement retirement = ledger->MayRetire(alternative, world.now);
      if (!retirement.allowed && !retirement.left) continue;
      RC_ASSERT(world.HeldUntil(alternative) <= world.now + retirement.left.value_or(Micros(0)));
    }
  }
  world.generations.emplace_back();
  for (int i = 0; i < World::kNodes; ++i) {
    ledger->MaySend(NameOf(i), IdOf(world.generations.size() - 1), {});
    ledger->Proved(NameOf(i), IdOf(world.generations.size() - 1), world.now);
  }
  const WallTime end = world.now + kOptions.old_connections + kOptions.slack + hours(24);
  for (const Alternative& alternative : kAlternatives) {
    RC_ASSERT(ledger->MayRetire(alternative, end).allowed);
  }
}

}  // namespace
}  // namespace lockstep::controller::edge

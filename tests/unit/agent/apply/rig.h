// An applier on a fake web server, and a publisher to feed it.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "agent/apply/applier.h"
#include "agent/state/generations.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_driver.h"
#include "tests/fakes/fake_publisher.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::agent::apply {

class ApplierRig {
 public:
  ApplierRig() { Restart(); }

  // The agent's process starts anew on the same disk.
  void Restart() {
    applier.reset();
    generations.reset();
    auto opened = state::Generations::Open(directory.path(), authority());
    ASSERT_TRUE(opened.ok()) << opened.status();
    generations.emplace(*std::move(opened));
    applier.emplace(
        Seams{driver, observer, looks, clock, *generations, authority()},
        ApplierSettings{.rounds = 2, .pause = Micros(0), .server_tries = 3, .server_pause = {}});
  }
  state::Authority authority() const { return {publisher.node(), publisher.ca()}; }

  v1::Ack Take(const v1::Push& push) {
    const std::optional<v1::Ack> ack = applier->Take(push, {});
    EXPECT_TRUE(ack.has_value());
    return ack.value_or(v1::Ack());
  }
  // What handshakes for `host` show; empty if none succeeds.
  std::string Leaf(const std::string& host = "www.example.test") const {
    return driver.LeafOf(*Hostname::Parse(host));
  }

  fakes::TempDirectory directory;
  fakes::FakePublisher publisher;
  fakes::FakeClock clock;
  fakes::FakeDriver driver;
  fakes::FakeObserver observer{driver};
  task::WorkerPool looks{"look", 2};
  std::optional<state::Generations> generations;
  std::optional<Applier> applier;
};

inline std::string LeafOf(uint64_t revision, const std::string& host = "www.example.test") {
  return fakes::FakePublisher::LeafOf({.host = host, .revision = revision});
}

}  // namespace lockstep::agent::apply

// The client on a loop that the test runs, and listeners that keep what they were told.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/quicd/loop/loop.h"
#include "agent/quicd/upstream/upstream.h"
#include "tests/integration/agent_quicd_upstream/scripted_server.h"

namespace lockstep::agent::quicd::upstream {

// What came of one request.
class Asked final : public Listener {
 public:
  explicit Asked(std::function<void()> on_over) : on_over_(std::move(on_over)) {}

  void OnInterim(const ResponseHead& got) override { interims.push_back(got.status); }
  void OnHead(ResponseHead got) override;
  void OnBody(Slice slice) override;
  void OnEnd(std::vector<Header> got) override;
  void OnFailed(Failure failure, std::string why) override;
  void OnWritten(size_t bytes) override;

  bool over() const { return ended || failed; }
  std::string Field(std::string_view name) const;

  std::unique_ptr<Exchange> exchange;
  std::vector<int> interims;
  std::optional<ResponseHead> head;
  std::string body;
  std::vector<Header> trailers;
  size_t written = 0;
  bool ended = false;
  std::optional<Failure> failed;
  std::string why;

  // Instead of what is above, and after it.
  std::function<void(Slice)> on_body;
  std::function<void()> on_head;
  std::function<void(size_t)> on_written;

 private:
  const std::function<void()> on_over_;
};

RequestHead Request(std::string method, std::string path);
// With a body, of a length that is said or not.
RequestHead Upload(std::string method, std::optional<uint64_t> length);
std::string Answer(std::string_view body);
std::span<const uint8_t> Bytes(std::string_view text);
uint8_t PatternByte(size_t offset);
// The value of a field in a head as it was received.
std::string FieldOf(std::string_view head, std::string_view name);

class UpstreamTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Called first by every test.
  void Serve(ScriptedServer::Script script);
  Settings MakeSettings(uint16_t port) const;
  Asked& Ask(RequestHead head);
  // Runs the loop until `holds`, at most 20 s.
  void RunUntil(const std::function<bool()>& holds);
  void RunUntilOver(const Asked& asked);

  std::unique_ptr<loop::Loop> loop_;
  std::unique_ptr<ScriptedServer> server_;
  std::unique_ptr<Upstream> upstream_;
  std::vector<std::unique_ptr<Asked>> asked_;
};

}  // namespace lockstep::agent::quicd::upstream

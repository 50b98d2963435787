// A controller's agent listener without the controller: a CA, sessions, and a domain that records.
#pragma once

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/encoding.h"
#include "common/frame/assembler.h"
#include "common/frame/cutter.h"
#include "common/rpc/settings.h"
#include "common/rpc/tls.h"
#include "common/task/strand.h"
#include "controller/identity/server_identity.h"
#include "controller/session/agent_server.h"

namespace lockstep::controller::session {

// What the domain heard, as words: "hello fra1#1", "closed fra1#1 ABORTED: …".
class RecordingEvents final : public link::AgentEvents {
 public:
  Result<agent::v1::Welcome> OnHello(const NodeName& node, uint64_t session,
                                     const agent::v1::Hello& hello) override {
    Note("hello " + Name(node, session));
    if (on_hello) on_hello(node);
    if (hello.agent_version() == "refuse me") return FailedPrecondition("refused as asked");
    agent::v1::Welcome welcome;
    welcome.set_node(node.str());
    welcome.mutable_epoch()->set_counter(1);
    return welcome;
  }
  void OnMessage(const NodeName& node, uint64_t session,
                 const agent::v1::AgentMessage& message) override {
    if (message.has_ack()) {
      // Counted before it is noted: who waits for the note reads the count next.
      CountObservations(message.ack().observations_size());
      Note("ack " + Name(node, session) + " push " + std::to_string(message.ack().push_id()));
    } else if (message.has_heartbeat()) {
      Note("heartbeat " + Name(node, session) + " " +
           std::to_string(message.heartbeat().serving_generation()));
    } else {
      Note("other " + Name(node, session));
    }
  }
  void OnClosed(const NodeName& node, uint64_t session, const Status& why) override {
    Note("closed " + Name(node, session) + " " + why.ToString());
  }

  // Waits until something that contains `text` was heard; false after 10 s.
  bool WaitFor(const std::string& text) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, Seconds(10), [&] { return CountLocked(text) > 0; });
  }
  int Count(const std::string& text) {
    const std::lock_guard lock(mutex_);
    return CountLocked(text);
  }
  std::vector<std::string> heard() {
    const std::lock_guard lock(mutex_);
    return heard_;
  }
  int ack_observations() {
    const std::lock_guard lock(mutex_);
    return ack_observations_;
  }

  std::function<void(const NodeName&)> on_hello;  // set before the first stream

 private:
  static std::string Name(const NodeName& node, uint64_t session) {
    return node.str() + "#" + std::to_string(session);
  }
  int CountLocked(const std::string& text) const {
    int count = 0;
    for (const std::string& line : heard_) count += line.find(text) != std::string::npos ? 1 : 0;
    return count;
  }
  void CountObservations(int count) {
    const std::lock_guard lock(mutex_);
    ack_observations_ = count;
  }
  void Note(std::string line) {
    const std::lock_guard lock(mutex_);
    heard_.push_back(std::move(line));
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> heard_;
  int ack_observations_ = 0;
};

class FakeIssuer final : public IdentityIssuer {
 public:
  void Enroll(const NodeName& node, const std::string& token_id, crypto::Secret secret,
              const std::string&, Done done) override {
    if (token_id != "id" || secret.Reveal() != "secret") {
      return done(Unauthenticated("the join token is not valid"));
    }
    done(Identity{"certificate of " + node.str(), "ca", *PopName::Parse("fra"),
                  FromUnixMicros(1'800'000'000'000'000)});
  }
  void Renew(const NodeName& node, const std::string&, Done done) override {
    done(Identity{"renewed " + node.str(), "ca", *PopName::Parse("fra"), {}});
  }
};

class FakeChallenges final : public ChallengeLookup {
 public:
  Result<std::string> Get(const NodeName&, const Hostname& host,
                          const ChallengeToken& token) override {
    ++asked;
    if (host.ascii() != "www.example.test") return NotFound("no such challenge lives");
    return token.str() + ".thumbprint";
  }
  std::atomic<int> asked{0};
};

// The nodes that are banned, changed by tests.
class BanList {
 public:
  void Ban(const NodeName& node) {
    const std::lock_guard lock(mutex_);
    banned_.insert(node);
  }
  bool Contains(const NodeName& node) const {
    const std::lock_guard lock(mutex_);
    return banned_.contains(node);
  }

 private:
  mutable std::mutex mutex_;
  std::set<NodeName> banned_;
};

// A private key and a certificate chain in files, as a client shows them.
struct ClientFiles {
  std::string key;
  std::string certificate;
};

class Rig {
 public:
  explicit Rig(Sessions::Options options = {}) : strand("state") {
    char pattern[] = "/tmp/lockstep-session-XXXXXX";
    directory = ::mkdtemp(pattern);
    const WallTime now = Clock::System().Now();
    std::filesystem::create_directory(directory + "/ca");
    // Old enough to have issued what has expired since.
    ca.emplace(
        *identity::FleetCa::Create(directory + "/ca", "test", now - std::chrono::hours(24 * 60)));
    server_identity.emplace(*ca, directory + "/server", std::vector<std::string>{"localhost"},
                            std::vector<IpAddress>{*IpAddress::Parse("127.0.0.1")});
    EXPECT_TRUE(server_identity->EnsureFresh(now).ok());
    gate.emplace(
        identity::Access{.own_uid = ::getuid(),
                         .is_banned = [this](const NodeName& node) { return bans.Contains(node); }},
        Clock::System());
    sessions = std::make_unique<Sessions>(options, strand);
  }
  ~Rig() {
    server.reset();
    strand.Stop();
    sessions.reset();
    std::filesystem::remove_all(directory);
  }

  // After `events.on_hello` is set.
  void Serve(EnrollmentService::Options enrolling = {.delay_on_failure = Millis(50)}) {
    sessions->Serve(events, [this](const NodeName& node) { return bans.Contains(node); });
    AgentServer::Options options{.agents = *Endpoint::Parse("127.0.0.1:0"),
                                 .enrollment = *Endpoint::Parse("127.0.0.1:0"),
                                 .files = {.certificate = server_identity->CertificatePath(),
                                           .key = server_identity->KeyPath(),
                                           .ca = directory + "/ca/ca.pem"},
                                 .enrolling = enrolling};
    auto started = AgentServer::Start(options, *gate, *sessions, issuer, challenges, strand);
    ASSERT_TRUE(started.ok()) << started.status();
    server = *std::move(started);
  }

  // Files of a client that shows `certificate` with its key.
  ClientFiles Write(const std::string& name, const crypto::PrivateKey& key,
                    const std::string& certificate_pem) {
    ClientFiles files{directory + "/" + name + ".key", directory + "/" + name + ".pem"};
    std::ofstream(files.key) << key.ToPem().Reveal();
    std::ofstream(files.certificate) << certificate_pem;
    return files;
  }
  // A node's identity, of our CA unless another is given.
  ClientFiles MakeNode(const std::string& name, const identity::FleetCa* issuer_ca = nullptr,
                       WallTime now = Clock::System().Now()) {
    const auto key = crypto::PrivateKey::GenerateP256();
    const auto csr = crypto::ParseCsr(crypto::MakeCsr(key, name));
    EXPECT_TRUE(csr.ok()) << csr.status();
    const auto certificate =
        (issuer_ca == nullptr ? &*ca : issuer_ca)->IssueNode(*NodeName::Parse(name), *csr, now);
    EXPECT_TRUE(certificate.ok()) << certificate.status();
    return Write(name, key, certificate->Pem());
  }
  std::shared_ptr<grpc::Channel> Connect(const ClientFiles& files) const {
    auto credentials = rpc::MutualClientCredentials(
        {.certificate = files.certificate, .key = files.key, .ca = directory + "/ca/ca.pem"});
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    grpc::ChannelArguments arguments = rpc::AgentChannelArguments();
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection for each channel
    return grpc::CreateCustomChannel(server->agents().ToString(), *credentials, arguments);
  }

  std::string directory;
  task::Strand strand;
  std::optional<identity::FleetCa> ca;
  std::optional<identity::ServerIdentity> server_identity;
  BanList bans;
  std::optional<Gate> gate;
  RecordingEvents events;
  FakeIssuer issuer;
  FakeChallenges challenges;
  std::unique_ptr<Sessions> sessions;
  std::unique_ptr<AgentServer> server;
};

// An agent's end of a stream.
class TestAgent {
 public:
  explicit TestAgent(std::shared_ptr<grpc::Channel> channel, Micros patience = Seconds(30))
      : client_(agent::v1::AgentService::NewStub(channel)) {
    context_.set_deadline(std::chrono::system_clock::now() + patience);
    stream_ = client_->Session(&context_);
  }
  ~TestAgent() {
    context_.TryCancel();
    (void)Finish();
  }

  void Hello(const std::string& version = "0.1.0") {
    agent::v1::AgentMessage message;
    message.mutable_hello()->set_agent_version(version);
    message.mutable_hello()->set_boot_id(std::string(16, 'b'));
    Write(message);
  }
  void Write(const agent::v1::AgentMessage& message) {
    for (const std::string& wire : splitter_.Split(message.SerializeAsString())) {
      agent::v1::AgentMessage piece;
      ASSERT_TRUE(piece.ParseFromString(wire));
      stream_->Write(piece);
    }
  }
  bool WriteRaw(const agent::v1::AgentMessage& message) { return stream_->Write(message); }
  // The next whole message; none once the stream has ended.
  std::optional<agent::v1::ControllerMessage> Read() {
    agent::v1::ControllerMessage message;
    while (stream_->Read(&message)) {
      ++wire_messages;
      auto whole = inbox_.Take(std::move(message));
      EXPECT_TRUE(whole.ok()) << whole.status();
      if (!whole.ok()) return std::nullopt;
      if (*whole) return **std::move(whole);
      message.Clear();
    }
    return std::nullopt;
  }
  // Reads to the end; how it ended.
  Status Finish() {
    if (!finished_) {
      while (Read()) {
      }
      const grpc::Status status = stream_->Finish();
      finished_ = Status(static_cast<Code>(status.error_code()), status.error_message());
    }
    return *finished_;
  }

  int wire_messages = 0;

 private:
  std::unique_ptr<agent::v1::AgentService::Stub> client_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<agent::v1::AgentMessage, agent::v1::ControllerMessage>>
      stream_;
  frame::Splitter<agent::v1::AgentMessage> splitter_;
  frame::Inbox<agent::v1::ControllerMessage> inbox_;
  std::optional<Status> finished_;
};

inline link::Bytes LaneMessage(uint64_t sequence) {
  agent::v1::ControllerMessage message;
  message.mutable_lane_set()->set_sequence(sequence);
  return std::make_shared<const std::string>(message.SerializeAsString());
}

inline link::Bytes PushMessage(uint64_t id, size_t bytes) {
  agent::v1::ControllerMessage message;
  message.mutable_push()->set_push_id(id);
  message.mutable_push()->add_upserts()->set_body(RandomBytes(bytes));
  return std::make_shared<const std::string>(message.SerializeAsString());
}

inline const NodeName kFra1 = *NodeName::Parse("fra1");
inline const NodeName kAms1 = *NodeName::Parse("ams1");

}  // namespace lockstep::controller::session

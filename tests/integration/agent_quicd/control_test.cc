// The control socket, as the agent uses it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "agent/quicd/control/control_server.h"
#include "common/crypto/digest.h"
#include "tests/integration/agent_quicd/rig.h"

namespace lockstep::agent::quicd::control {
namespace {

namespace v1 = lockstep::quicd::v1;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class Client {
 public:
  explicit Client(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    LS_CHECK(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }
  void Send(std::string_view bytes) {
    LS_CHECK(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
             static_cast<ssize_t>(bytes.size()));
  }
  // Nothing if the other side hangs up.
  std::optional<v1::Response> Receive() {
    std::array<char, 4096> buffer{};
    while (true) {
      if (auto message = reader_.Next().value()) {
        v1::Response response;
        LS_CHECK(response.ParseFromString(*message));
        return response;
      }
      const ssize_t size = ::read(socket_.get(), buffer.data(), buffer.size());
      if (size <= 0) return std::nullopt;
      reader_.Add({buffer.data(), static_cast<size_t>(size)});
    }
  }
  v1::Response Ask(const v1::Request& request) {
    Send(frame::Prefixed(request.SerializeAsString()));
    return Receive().value();
  }

 private:
  Fd socket_;
  frame::PrefixedReader reader_;
};

class ControlTest : public testing::Test {
 protected:
  void SetUp() override { Open({::geteuid()}); }
  void TearDown() override {
    rig_.OnLoop([&] { control_.reset(); });
  }
  void Open(std::vector<uid_t> uids) {
    rig_.OnLoop([&] {
      control_.reset();
      auto made =
          ControlServer::Open(rig_.loop(), rig_.server(), {path_, std::move(uids), "1.2.3"});
      ASSERT_TRUE(made.ok()) << made.status();
      control_ = std::move(made).value();
    });
  }
  v1::Request Configure(const std::function<void(v1::Config&)>& change = {}) {
    v1::Config config;
    config.set_version("v1");
    config.add_service_addresses("127.0.0.1");
    config.set_port(port_);
    config.set_server_id("node-aaa");
    config.add_connection_id_keys()->set_key(std::string(16, 'c'));
    config.set_reset_key(std::string(32, 'r'));
    config.add_token_keys(std::string(32, 't'));
    config.mutable_ticket_keys()->set_current(std::string(64, 'k'));
    v1::Site* site = config.add_sites();
    site->add_hosts(kName);
    site->set_certificate_chain(pair_.chain_pem);
    site->set_private_key(pair_.key_pem);
    config.mutable_upstream()->set_address("127.0.0.1:8443");
    config.mutable_upstream()->set_secret("secret-of-upstream");
    if (change) change(config);
    v1::Request request;
    request.mutable_configure()->set_config(config.SerializeAsString());
    return request;
  }
  v1::GetStatusResponse Status(Client& client) {
    v1::Request request;
    request.mutable_get_status();
    return client.Ask(request).get_status();
  }

  const fakes::TempDirectory folder_;
  const std::string path_ = folder_ / "door/control.sock";
  const uint16_t port_ = FreePort();
  const Pair pair_ = Pair::Make({kName});
  Rig rig_;
  std::unique_ptr<ControlServer> control_;
};

TEST_F(ControlTest, ConfiguresAndTellsItsState) {
  Client client(path_);
  EXPECT_EQ(Status(client).config_version(), "");
  const v1::Request request = Configure();
  const v1::Response response = client.Ask(request);
  EXPECT_EQ(response.configure().config_digest(), crypto::Sha256(request.configure().config()));
  EXPECT_EQ(Look("127.0.0.1", port_, kName).certificate.leaf_sha256, pair_.fingerprint);

  const v1::GetStatusResponse status = Status(client);
  EXPECT_EQ(status.program_version(), "1.2.3");
  EXPECT_EQ(status.config_version(), "v1");
  EXPECT_EQ(status.config_digest(), response.configure().config_digest());
  ASSERT_EQ(status.listening_size(), 1);
  EXPECT_EQ(status.listening(0), "127.0.0.1:" + std::to_string(port_));
  EXPECT_EQ(status.counters().handshakes(), 1U);
}

TEST_F(ControlTest, RefusesWithAllErrorsAndKeepsWhatIsServed) {
  Client client(path_);
  client.Ask(Configure());
  const v1::Response response = client.Ask(Configure([](v1::Config& config) {
    config.set_version("v2");
    config.set_reset_key("short");
    config.clear_token_keys();
    config.mutable_sites(0)->set_private_key("no key at all");
  }));
  EXPECT_EQ(response.refused().errors_size(), 3);
  EXPECT_THAT(response.refused().errors(), Contains(HasSubstr("stateless-reset key")));
  EXPECT_THAT(response.refused().errors(), Contains(HasSubstr("address-token key")));
  EXPECT_THAT(response.refused().errors(),
              Contains(AllOf(HasSubstr("site www.example.test"), Not(HasSubstr("no key at all")))));
  EXPECT_EQ(Status(client).config_version(), "v1");
  EXPECT_TRUE(Look("127.0.0.1", port_, kName).handshake);
}

TEST_F(ControlTest, DrainsAndServesAgainWhenConfigured) {
  Client client(path_);
  client.Ask(Configure());
  v1::Request drain;
  drain.mutable_drain()->mutable_grace()->set_seconds(5);
  EXPECT_TRUE(client.Ask(drain).has_drain());
  EXPECT_TRUE(Status(client).draining());
  EXPECT_FALSE(Look("127.0.0.1", port_, kName).handshake);
  client.Ask(Configure());
  EXPECT_FALSE(Status(client).draining());
  EXPECT_TRUE(Look("127.0.0.1", port_, kName).handshake);
}

TEST_F(ControlTest, SeveralRequestsAtOnceAreAnsweredInOrder) {
  Client client(path_);
  v1::Request status;
  status.mutable_get_status();
  client.Send(frame::Prefixed(status.SerializeAsString()) +
              frame::Prefixed(Configure().SerializeAsString()) +
              frame::Prefixed(status.SerializeAsString()));
  EXPECT_EQ(client.Receive()->get_status().config_version(), "");
  EXPECT_TRUE(client.Receive()->has_configure());
  EXPECT_EQ(client.Receive()->get_status().config_version(), "v1");
}

TEST_F(ControlTest, GarbageIsRefusedOrHungUpOn) {
  Client client(path_);
  client.Send(frame::Prefixed("\xff\xff\xff"));
  EXPECT_TRUE(client.Receive()->has_refused());
  client.Send(frame::Prefixed(""));
  EXPECT_TRUE(client.Receive()->has_refused());
  v1::Request request;
  request.mutable_configure()->set_config("\xff\xff\xff");
  EXPECT_TRUE(client.Ask(request).has_refused());
  client.Send("\xff\xff\xff\xff");
  EXPECT_FALSE(client.Receive());
  Client another(path_);
  EXPECT_EQ(Status(another).config_version(), "");
}

TEST_F(ControlTest, OnlyTheNamedUsersComeIn) {
  Open({::geteuid() + 1});
  Client client(path_);
  EXPECT_FALSE(client.Receive());
}

TEST_F(ControlTest, TheDoorIsClosedToOthers) {
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0660U);
  ASSERT_EQ(::stat((folder_ / "door").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);

  ASSERT_EQ(::chmod((folder_ / "door").c_str(), 0755), 0);
  rig_.OnLoop([&] {
    control_.reset();
    EXPECT_THAT(ControlServer::Open(rig_.loop(), rig_.server(), {path_, {}, ""}).status().message(),
                HasSubstr("open to others"));
  });
}

TEST_F(ControlTest, ASecondServerDoesNotTakeTheDoor) {
  rig_.OnLoop([&] {
    EXPECT_EQ(ControlServer::Open(rig_.loop(), rig_.server(), {path_, {}, ""}).status().code(),
              Code::kAlreadyExists);
  });
}

}  // namespace
}  // namespace lockstep::agent::quicd::control

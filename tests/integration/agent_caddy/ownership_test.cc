// Whose Caddy it is: foreign configs, restarts, tampering, and the admin door.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/fsutil/files.h"
#include "tests/integration/agent_caddy/real_caddy.h"

namespace lockstep::agent::drivers::caddy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class CaddyOwnershipTest : public ::testing::Test {
 protected:
  CaddyOwnershipTest()
      : options_(caddy_.Options()),
        admin_(AdminClient::OverUnixSocket(options_.render.admin_socket)),
        desired_(LoopbackDesired()) {
    desired_.sites = {PresetSite("www.example.test", "ours", false)};
    ::chmod(options_.render.admin_socket.c_str(), 0660);
  }
  // A config such as an operator would write.
  std::string Foreign() const {
    return R"({"admin":)" + RenderAdmin(options_.render) +
           R"(,"apps":{"http":{"servers":{"theirs":{"listen":["127.0.0.1:)" +
           std::to_string(caddy_.http_port()) +
           R"("],"automatic_https":{"disable":true},"routes":[{"handle":[{"handler":)" +
           R"("static_response","body":"theirs"}]}]}}}}})";
  }
  std::string Body() { return Ask({caddy_.http_port(), "www.example.test", "/"}).body; }

  RealCaddy caddy_;
  CaddyOptions options_;
  AdminClient admin_;
  reconcile::Desired desired_;
};

TEST_F(CaddyOwnershipTest, RefusesAForeignConfigAndLeavesItServing) {
  ASSERT_EQ(admin_.Load(Foreign()), Status::Ok());
  CaddyDriver driver(options_);
  const Status refused = FailedPrecondition(
      "caddy at " + options_.render.admin_socket +
      " runs a config that lockstep did not write (apps: http); give lockstep a caddy of its own, "
      "or set take_over = true to replace that config (a copy is kept)");
  EXPECT_EQ(driver.Check(desired_), refused);
  EXPECT_EQ(driver.Apply(desired_, nullptr), refused);
  EXPECT_EQ(Body(), "theirs");
}

TEST_F(CaddyOwnershipTest, TakesOverWhenToldToAndKeepsACopy) {
  ASSERT_EQ(admin_.Load(Foreign()), Status::Ok());
  options_.take_over = true;
  CaddyDriver driver(options_);
  ASSERT_EQ(driver.Check(desired_), Status::Ok());
  EXPECT_FALSE(std::filesystem::exists(options_.copies_directory));
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  EXPECT_EQ(Body(), "ours");
  const auto copies = fsutil::ListDirectory(options_.copies_directory);
  ASSERT_TRUE(copies.ok());
  ASSERT_EQ(copies->size(), 1u);
  EXPECT_THAT((*copies)[0].name, StartsWith("caddy-20"));
  const std::string path = options_.copies_directory + "/" + (*copies)[0].name;
  struct stat at {};
  ASSERT_EQ(::stat(path.c_str(), &at), 0);
  EXPECT_EQ(at.st_mode & 07777, 0600u);
  EXPECT_THAT(*fsutil::ReadFile(path, 1 << 20), HasSubstr("theirs"));
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  EXPECT_EQ(fsutil::ListDirectory(options_.copies_directory)->size(), 1u) << "ours is not copied";
}

TEST_F(CaddyOwnershipTest, NoticesARestartAndServesAgainOnTheNextApply) {
  CaddyDriver driver(options_);
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  EXPECT_EQ(driver.Ensure(), Status::Ok());
  EXPECT_THAT(driver.Inspect(), IsEmpty());
  caddy_.Kill();
  EXPECT_EQ(driver.Ensure().code(), Code::kUnavailable);
  EXPECT_THAT(driver.Capabilities(), IsEmpty());
  EXPECT_EQ(driver.Apply(desired_, nullptr).code(), Code::kUnavailable);
  caddy_.Start();
  EXPECT_EQ(driver.Ensure(), NotFound("caddy lost its config"));
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  EXPECT_EQ(Body(), "ours");
  EXPECT_THAT(driver.Capabilities(), ElementsAre(StartsWith("caddy/2.")));
}

TEST_F(CaddyOwnershipTest, NoticesThatSomebodyChangedTheConfig) {
  CaddyDriver driver(options_);
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  ASSERT_EQ(admin_.SetConfig("/apps/http/grace_period", "\"1s\""), Status::Ok());
  EXPECT_EQ(driver.Ensure(), Aborted("somebody changed caddy's config"));
  ASSERT_EQ(driver.Apply(desired_, &desired_), Status::Ok());
  EXPECT_EQ(driver.Ensure(), Status::Ok());
}

TEST_F(CaddyOwnershipTest, ALoadWithoutAnAdminBlockIsSeenAndPutRight) {
  const Endpoint open{*IpAddress::Parse("127.0.0.1"), 2019};
  CaddyDriver driver(options_);
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  // Refused, but the socket is gone all the same, a moment later.
  EXPECT_FALSE(admin_.Load(R"({"apps":{"http":{"servers":{"x":{"bogus":1}}}}})").ok());
  for (int i = 0; i < 500 && admin_.GetConfig("").ok(); ++i) ::usleep(10'000);
  ASSERT_EQ(admin_.GetConfig("").status().code(), Code::kUnavailable);
  EXPECT_THAT(driver.Inspect(),
              ::testing::Contains(HasSubstr("something answers on 127.0.0.1:2019")));
  ASSERT_EQ(driver.Apply(desired_, &desired_), Status::Ok());
  EXPECT_EQ(AdminClient::OverTcp(open).GetConfig("").status().code(), Code::kUnavailable);
  ::chmod(options_.render.admin_socket.c_str(), 0660);
  EXPECT_THAT(driver.Inspect(), IsEmpty());
  EXPECT_EQ(Body(), "ours");
}

TEST_F(CaddyOwnershipTest, SaysWhichAddressTheMachineLacks) {
  CaddyDriver driver(options_);
  desired_.service_addresses.push_back(*IpAddress::Parse("203.0.113.10"));
  EXPECT_EQ(driver.Check(desired_),
            FailedPrecondition("address 203.0.113.10 is not on this machine; add it to an "
                               "interface, lo will do"));
}

TEST_F(CaddyOwnershipTest, WarnsOfAnOpenSocketAndAMissingFileRoot) {
  const Hostname host = *Hostname::Parse("files.example.test");
  desired_.sites.push_back({"files", {host}, {}, reconcile::FileRoot{"/nonexistent/root"}});
  CaddyDriver driver(options_);
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  ::chmod(options_.render.admin_socket.c_str(), 0666);
  ::chmod(caddy_.home().path().c_str(), 0755);
  EXPECT_THAT(driver.Inspect(),
              ElementsAre(HasSubstr("is open to everybody"),
                          "file root \"/nonexistent/root\" is no directory on this node"));
}

TEST_F(CaddyOwnershipTest, KeepsKeysOutOfCaddysFiles) {
  TestCa ca;
  desired_.sites = {PresetSite("www.example.test", "secure", true)};
  desired_.certificates = {ca.Issue("www", 1, {"www.example.test"})};
  CaddyDriver driver(options_);
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  for (const auto& entry : std::filesystem::recursive_directory_iterator(caddy_.home().path())) {
    if (!entry.is_regular_file()) continue;
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    EXPECT_THAT(text.str(), Not(HasSubstr("PRIVATE KEY"))) << entry.path();
  }
}

}  // namespace
}  // namespace lockstep::agent::drivers::caddy

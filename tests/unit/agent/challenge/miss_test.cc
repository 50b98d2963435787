#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "agent/challenge/miss_lookup.h"
#include "agent/challenge/miss_policy.h"
#include "tests/fakes/fake_publisher.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/settle.h"

namespace lockstep::agent::challenge {
namespace {

const std::string kToken(22, 't');

MissRules Rules() {
  MissRules rules;
  rules.pull = true;
  rules.thumbprint = fakes::FakePublisher::Thumbprint();
  rules.hosts = {"www.example.test"};
  return rules;
}
MissRequest Get(const std::string& token = kToken) {
  return {"GET", "/.well-known/acme-challenge/" + token, "www.example.test", false};
}

TEST(MissPolicyTest, AsksForAChallengeOfAHostThatIsServed) {
  MissRequest request = Get();
  EXPECT_EQ(RuleOn(request, Rules()).verdict, MissVerdict::kAsk);
  request.method = "HEAD";
  request.host = "www.example.test:80";
  EXPECT_EQ(RuleOn(request, Rules()).verdict, MissVerdict::kAsk);
}

TEST(MissPolicyTest, NothingElseIsAskedAbout) {
  MissRequest request = Get();
  request.method = "POST";
  EXPECT_EQ(RuleOn(request, Rules()).verdict, MissVerdict::kMethodNotAllowed);
  request = Get();
  request.host = "other.example.test";
  EXPECT_EQ(RuleOn(request, Rules()).verdict, MissVerdict::kNotFound);
  for (const std::string& token :
       {std::string("short"), std::string(129, 'a'), std::string("../../../etc/passwd"),
        kToken + "?x=1", std::string("aaaaaaaaaaaaaaaa%00"), std::string("aaaaaaaaaaaaaaaa/b")}) {
    EXPECT_EQ(RuleOn(Get(token), Rules()).verdict, MissVerdict::kNotFound) << token;
  }
  request = Get();
  request.target = "/" + kToken;
  EXPECT_EQ(RuleOn(request, Rules()).verdict, MissVerdict::kNotFound);
}

TEST(MissPolicyTest, APeersQuestionIsAnsweredFromDiskOnly) {
  MissRequest request = Get();
  request.from_peer = true;
  EXPECT_EQ(RuleOn(request, Rules()).verdict, MissVerdict::kOnlyFromDisk);
}

TEST(MissPolicyTest, WithoutThePullPolicyOrAnAccountNobodyIsAsked) {
  MissRules rules = Rules();
  rules.pull = false;
  EXPECT_EQ(RuleOn(Get(), rules).verdict, MissVerdict::kNotFound);
  rules = Rules();
  rules.thumbprint.clear();
  EXPECT_EQ(RuleOn(Get(), rules).verdict, MissVerdict::kNotFound);
  EXPECT_EQ(RuleOn(Get(), MissRules()).verdict, MissVerdict::kNotFound);
}

TEST(MissPolicyTest, HostsComeFromTheSnapshotAndTheLiveLane) {
  const fakes::FakePublisher publisher;
  const auto desired = *reconcile::ParseDesired(publisher.MakeSnapshot({{}}));
  LiveSet live;
  live.challenges.push_back(
      {NewOrderId(), *Hostname::Parse("new.example.test"), *ChallengeToken::Parse(kToken), ""});
  const MissRules rules = MakeMissRules(&desired, &live);
  EXPECT_THAT(rules.hosts, ::testing::ElementsAre("new.example.test", "www.example.test"));
  ASSERT_EQ(rules.peers.size(), 1u);
  EXPECT_EQ(rules.peers[0].address.ToString(), "10.77.1.2");
}

TEST(RateLimitTest, TenThousandInTenSecondsSpendTwentyASecond) {
  fakes::FakeClock clock;
  RateLimit limit(20, 20);
  int spent = 0;
  for (int i = 0; i < 10'000; ++i) {
    spent += limit.Spend(clock.Mono()) ? 1 : 0;
    clock.Advance(Millis(1));
  }
  EXPECT_LE(spent, 220);
  EXPECT_GE(spent, 215);
}

// Answers when told to.
class FakeSource final : public ChallengeSource {
 public:
  std::string name() const override { return "fake"; }
  Result<std::string> Fetch(const Hostname&, const ChallengeToken&, Micros,
                            std::stop_token) override {
    ++asked;
    std::unique_lock lock(mutex_);
    go_.wait(lock, [&] { return open_; });
    return answer_;
  }
  void Answer(Result<std::string> answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
    open_ = true;
    go_.notify_all();
  }
  std::atomic<int> asked{0};

 private:
  std::mutex mutex_;
  std::condition_variable go_;
  bool open_ = false;
  Result<std::string> answer_ = NotFound("");
};

class MissLookupTest : public ::testing::Test {
 protected:
  MissLookupTest() { lookup.SetRules(Rules()); }
  ~MissLookupTest() override {
    source.Answer(NotFound(""));
    pool.Stop();
  }
  void Miss(const MissRequest& request) {
    lookup.OnMiss(request, [this](MissAnswer answer) { answers.push_back(std::move(answer)); });
  }
  bool Answered(size_t count) {
    return fakes::RunUntil(strand, [&] { return answers.size() >= count; });
  }

  fakes::FakeClock clock;
  fakes::ManualExecutor strand{clock};
  task::WorkerPool pool{"miss", 4};
  FakeSource source;
  MissLookup lookup{strand, pool, source, 1};
  std::vector<MissAnswer> answers;
};

TEST_F(MissLookupTest, RelaysTheOneRightAnswer) {
  source.Answer(kToken + "." + fakes::FakePublisher::Thumbprint());
  Miss(Get());
  ASSERT_TRUE(Answered(1));
  EXPECT_EQ(answers[0].kind, MissAnswer::Kind::kFound);
  EXPECT_EQ(answers[0].body, kToken + "." + fakes::FakePublisher::Thumbprint());
}

TEST_F(MissLookupTest, RelaysNothingElse) {
  source.Answer(kToken + ".somebody-elses-thumbprint");
  Miss(Get());
  ASSERT_TRUE(Answered(1));
  EXPECT_EQ(answers[0].kind, MissAnswer::Kind::kNotFound);
  EXPECT_EQ(answers[0].body, "");
}

TEST_F(MissLookupTest, ManyWhoWantTheSameAskOnce) {
  for (int i = 0; i < 50; ++i) Miss(Get());
  source.Answer(kToken + "." + fakes::FakePublisher::Thumbprint());
  ASSERT_TRUE(Answered(50));
  EXPECT_EQ(source.asked, 1);
  for (const MissAnswer& answer : answers) EXPECT_EQ(answer.kind, MissAnswer::Kind::kFound);
}

TEST_F(MissLookupTest, RemembersNoMiss) {
  source.Answer(NotFound("none"));
  Miss(Get());
  ASSERT_TRUE(Answered(1));
  source.Answer(kToken + "." + fakes::FakePublisher::Thumbprint());
  Miss(Get());
  ASSERT_TRUE(Answered(2));
  EXPECT_EQ(answers[1].kind, MissAnswer::Kind::kFound);
}

TEST_F(MissLookupTest, BeyondTwentyASecondNobodyIsAsked) {
  source.Answer(NotFound("none"));
  for (int i = 0; i < 100; ++i) Miss(Get("token-number-000000" + std::to_string(i)));
  ASSERT_TRUE(Answered(100));
  EXPECT_EQ(source.asked, 20);
  EXPECT_EQ(std::count_if(answers.begin(), answers.end(),
                          [](const auto& a) { return a.kind == MissAnswer::Kind::kBusy; }),
            80);
}

}  // namespace
}  // namespace lockstep::agent::challenge

#include "common/exec/run.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "common/base/fd.h"

namespace lockstep::exec {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Command Shell(std::string script) {
  Command command;
  command.argv = {"/bin/sh", "-c", std::move(script)};
  command.environment = {{"PATH", "/usr/bin:/bin"}};
  command.deadline = Seconds(20);
  return command;
}

Finished MustRun(const Command& command, std::stop_token stop = {}) {
  Result<Finished> finished = exec::Run(command, std::move(stop));
  EXPECT_TRUE(finished.ok()) << finished.status();
  return finished.ok() ? *finished : Finished();
}

// Waits until the process is no more (or a zombie that somebody else must reap).
bool IsGone(pid_t pid) {
  const Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd.valid()) return errno == ESRCH;
  pollfd wait = {fd.get(), POLLIN, 0};
  return ::poll(&wait, 1, 5000) == 1;
}

// Reads one line that a child writes, without its end.
std::string ReadLine(int fd) {
  std::string line;
  for (char c = 0; ::read(fd, &c, 1) == 1 && c != '\n';) line.push_back(c);
  return line;
}

struct TestPipe {
  TestPipe() {
    std::array<int, 2> ends;
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    read = Fd(ends[0]);
    write = Fd(ends[1]);
  }
  Fd read;
  Fd write;
};

TEST(RunTest, ReportsExitCodeAndBothStreams) {
  const Finished finished = MustRun(Shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(finished.exit_code, 3);
  EXPECT_EQ(finished.out.text, "out\n");
  EXPECT_EQ(finished.err.text, "err\n");
  EXPECT_FALSE(finished.Succeeded());
  EXPECT_EQ(finished.Describe(), "exited with 3");
}

TEST(RunTest, ReportsTheSignalThatEndedTheProgram) {
  const Finished finished = MustRun(Shell("kill -SEGV $$"));
  EXPECT_FALSE(finished.exit_code.has_value());
  EXPECT_EQ(finished.signal, SIGSEGV);
  EXPECT_EQ(finished.Describe(), "was killed by SIGSEGV");
}

TEST(RunTest, FeedsStandardInputAndThenEndOfFile) {
  Command command = Shell("wc -c");
  command.stdin_text.assign(300'000, 'x');
  EXPECT_EQ(MustRun(command).out.text, "300000\n");
}

TEST(RunTest, DoesNotMindAProgramThatReadsNoInput) {
  Command command = Shell("exec true");
  command.stdin_text.assign(1'000'000, 'x');
  EXPECT_TRUE(MustRun(command).Succeeded());
}

TEST(RunTest, PassesExactlyTheGivenEnvironment) {
  ::setenv("LOCKSTEP_TEST_SECRET", "hunter2", 1);
  Command command;
  command.argv = {"/usr/bin/env"};
  command.environment = {{"A", "1"}, {"B", "two words"}};
  command.deadline = Seconds(20);
  EXPECT_EQ(MustRun(command).out.text, "A=1\nB=two words\n");
  ::unsetenv("LOCKSTEP_TEST_SECRET");
}

TEST(RunTest, StartsInTheGivenDirectoryWithTheGivenUmask) {
  Command command = Shell("pwd; umask");
  command.working_directory = "/usr";
  command.umask = 0027;
  EXPECT_EQ(MustRun(command).out.text, "/usr\n0027\n");
}

TEST(RunTest, ClosesEveryOtherDescriptor) {
  const Fd leak(::open("/dev/null", O_RDONLY));  // not close-on-exec
  const Finished finished = MustRun(Shell("ls /proc/self/fd"));
  EXPECT_EQ(finished.out.text, "0\n1\n2\n3\n");  // 3 is ls reading the directory
}

TEST(RunTest, HandsDownDescriptorsUnderTheNumbersAskedForEvenWhenTheyCross) {
  TestPipe a;
  TestPipe b;
  Command command = Shell("echo to-a >&4; echo to-b >&3; ls /proc/self/fd | tr '\\n' ' '");
  // Each one's number may be the other's source.
  command.inherited = {{a.write.get(), 4}, {b.write.get(), 3}};
  EXPECT_EQ(MustRun(command).out.text, "0 1 2 3 4 5 ");
  EXPECT_EQ(ReadLine(a.read.get()), "to-a");
  EXPECT_EQ(ReadLine(b.read.get()), "to-b");
}

TEST(RunTest, GivesTheProgramDefaultSignalsInASessionOfItsOwn) {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t usr1;
  ::sigemptyset(&usr1);
  ::sigaddset(&usr1, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &usr1, nullptr);
  const Finished finished =
      MustRun(Shell("grep -E '^Sig(Blk|Ign)' /proc/self/status; "
                    "test $(ps -o sid= -p $$) -eq $$ && echo session"));
  ::pthread_sigmask(SIG_UNBLOCK, &usr1, nullptr);
  EXPECT_EQ(finished.out.text, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nsession\n");
}

TEST(RunTest, KeepsHeadAndTailOfLongOutput) {
  Command command = Shell("echo first; seq 1 100000; echo last");
  command.output_cap_bytes = 1000;
  const Finished finished = MustRun(command);
  EXPECT_TRUE(finished.Succeeded());
  EXPECT_THAT(finished.out.text, StartsWith("first\n1\n2\n"));
  EXPECT_THAT(finished.out.text, EndsWith("100000\nlast\n"));
  EXPECT_THAT(finished.out.text, HasSubstr(" bytes left out ...]\n"));
  EXPECT_EQ(finished.out.left_out_bytes, 588'906u - 1000u);
  EXPECT_LT(finished.out.text.size(), 1100u);
}

TEST(RunTest, AsksTheGroupToEndAtTheDeadline) {
  Command command =
      Shell("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 60 & wait; done");
  command.deadline = Seconds(1);
  const Finished finished = MustRun(command);
  EXPECT_TRUE(finished.timed_out);
  EXPECT_EQ(finished.exit_code, 7);
  EXPECT_THAT(finished.out.text, HasSubstr("bye"));
  EXPECT_LT(finished.elapsed, Seconds(10));
  EXPECT_THAT(finished.Describe(), StartsWith("did not end in time and was stopped after"));
}

TEST(RunTest, KillsAGroupThatIgnoresTerm) {
  Command command = Shell("trap '' TERM; while :; do sleep 300; done");
  command.deadline = Seconds(1);
  command.grace = Millis(50);
  const Finished finished = MustRun(command);
  EXPECT_TRUE(finished.timed_out);
  EXPECT_EQ(finished.signal, SIGKILL);
  EXPECT_LT(finished.elapsed, Seconds(60)) << "the sleep was waited for";
}

TEST(RunTest, KillsAStoppedProgram) {
  Command command = Shell("kill -STOP $$");
  command.deadline = Seconds(1);
  command.grace = Millis(50);
  EXPECT_EQ(MustRun(command).signal, SIGKILL);
}

TEST(RunTest, StopsOnRequest) {
  TestPipe ready;
  Command command = Shell("echo >&3; exec sleep 60");
  command.inherited = {{ready.write.get(), 3}};
  std::stop_source source;
  std::jthread stopper([&] {
    ReadLine(ready.read.get());
    source.request_stop();
  });
  const Finished finished = MustRun(command, source.get_token());
  EXPECT_TRUE(finished.cancelled);
  EXPECT_FALSE(finished.timed_out);
  EXPECT_EQ(finished.signal, SIGTERM);
}

TEST(RunTest, DoesNotStartWhenAlreadyStopped) {
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(exec::Run(Shell("exit 0"), source.get_token()).status().code(), Code::kCancelled);
}

TEST(RunTest, LeavesNoBackgroundProcessBehind) {
  const Finished finished = MustRun(Shell("sleep 60 & echo $!"));
  EXPECT_TRUE(finished.Succeeded());
  EXPECT_LT(finished.elapsed, Seconds(5));  // though the sleep held our pipe
  EXPECT_TRUE(IsGone(std::stoi(finished.out.text)));
}

TEST(RunTest, LeavesNoDaemonBehindThatMadeASessionOfItsOwn) {
  const Finished finished =
      MustRun(Shell("pid=$(setsid sh -c 'echo $$; exec sleep 60 >/dev/null' &); echo $pid"));
  EXPECT_TRUE(finished.Succeeded());
  ASSERT_FALSE(finished.out.text.empty());
  EXPECT_TRUE(IsGone(std::stoi(finished.out.text)));
}

// kill -9 of the controller: nothing that it started may live on.
TEST(RunTest, TakesEveryDescendantAlongWhenOurProcessIsKilled) {
  TestPipe pids;
  const pid_t us = ::fork();
  ASSERT_GE(us, 0);
  if (us == 0) {
    Command command =
        Shell("sleep 60 & echo $! >&3; setsid sleep 60 & echo $! >&3; echo $$ >&3; wait");
    command.inherited = {{pids.write.get(), 3}};
    [[maybe_unused]] const Result<Finished> finished = exec::Run(command);
    ::_exit(0);
  }
  pids.write.Reset();
  std::array<pid_t, 3> descendants;
  for (pid_t& pid : descendants) pid = std::stoi(ReadLine(pids.read.get()));
  ::kill(us, SIGKILL);
  ::waitpid(us, nullptr, 0);
  for (const pid_t pid : descendants) EXPECT_TRUE(IsGone(pid)) << pid;
}

TEST(RunTest, SurvivesTheEndOfTheThreadThatAskedForAnotherRun) {
  // PR_SET_PDEATHSIG counts threads as parents; the keeper is why ours do not matter.
  std::thread([] { EXPECT_TRUE(MustRun(Shell("exit 0")).Succeeded()); }).join();
  EXPECT_TRUE(MustRun(Shell("exit 0")).Succeeded());
}

TEST(RunTest, SaysWhenTheProgramIsMissing) {
  Command command = Shell("");
  command.argv = {"/nonexistent/certbot"};
  EXPECT_EQ(exec::Run(command).status(),
            NotFound("program \"/nonexistent/certbot\": No such file or directory"));
}

TEST(RunTest, SaysWhenTheProgramMayNotBeRun) {
  Command command = Shell("");
  command.argv = {"/etc/passwd"};
  EXPECT_EQ(exec::Run(command).status(),
            PermissionDenied("program \"/etc/passwd\": Permission denied"));
}

TEST(RunTest, SaysWhenTheDirectoryIsMissing) {
  Command command = Shell("exit 0");
  command.working_directory = "/nonexistent";
  EXPECT_EQ(exec::Run(command).status(),
            NotFound("working directory \"/nonexistent\": No such file or directory"));
}

TEST(RunTest, RefusesMalformedCommands) {
  const auto refuse = [](auto change) {
    Command command = Shell("exit 0");
    change(command);
    return exec::Run(command).status().code() == Code::kInvalidArgument;
  };
  EXPECT_TRUE(refuse([](Command& c) { c.argv.clear(); }));
  EXPECT_TRUE(refuse([](Command& c) { c.argv[0] = "sh"; }));
  EXPECT_TRUE(refuse([](Command& c) { c.argv[2].push_back('\0'); }));
  EXPECT_TRUE(refuse([](Command& c) { c.working_directory = "relative"; }));
  EXPECT_TRUE(refuse([](Command& c) { c.environment["A=B"] = "c"; }));
  EXPECT_TRUE(refuse([](Command& c) { c.environment["A"] = std::string("b\0c", 3); }));
  EXPECT_TRUE(refuse([](Command& c) { c.inherited = {{0, 2}}; }));
  EXPECT_TRUE(refuse([](Command& c) { c.inherited = {{0, 3}, {1, 3}}; }));
  EXPECT_TRUE(refuse([](Command& c) { c.deadline = Micros(0); }));
}

TEST(RunTest, RunsSideBySide) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([i] {
      const std::string number = std::to_string(i);
      const Finished finished = MustRun(Shell("echo " + number + "; exit " + number));
      EXPECT_EQ(finished.exit_code, i);
      EXPECT_EQ(finished.out.text, number + "\n");
    });
  }
}

}  // namespace
}  // namespace lockstep::exec

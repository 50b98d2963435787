#include "controller/store/sqlite/sqlite_backend.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "common/crypto/digest.h"
#include "common/crypto/key.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::controller::store {
namespace {

crypto::SealingKey Key(char byte = 'k') {
  return crypto::SealingKey::FromBytes(crypto::Secret(std::string(32, byte))).value();
}

std::string Contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// One transaction around `work`.
template <typename Work>
Status InTransaction(Backend& backend, Work work) {
  LS_RETURN_IF_ERROR(backend.Begin());
  Status status = work(backend.stores());
  if (!backend.InTransaction()) return status;
  if (status.ok()) return backend.Commit();
  backend.Rollback();
  return status;
}

Status AppendEvent(Backend& backend, const std::string& text) {
  return InTransaction(backend, [&](Stores& stores) {
    return stores.events.Create({0, WallTime(), model::Severity::kInfo, "test", "", text}).status();
  });
}

size_t CountEvents(Backend& backend) {
  size_t count = 0;
  EXPECT_TRUE(InTransaction(backend, [&](Stores& stores) -> Status {
                LS_ASSIGN_OR_RETURN(const auto events, stores.events.List(1'000'000, 0, ""));
                count = events.size();
                return Status::Ok();
              }).ok());
  return count;
}

class SqliteBackendTest : public testing::Test {
 protected:
  Result<std::unique_ptr<SqliteBackend>> Open(char key = 'k') {
    return SqliteBackend::Open(path_, Key(key));
  }
  // Runs SQL behind the backend's back.
  void Script(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
    sqlite3_close(database);
  }

  fakes::TempDirectory directory_;
  std::string path_ = directory_ / "controller.db";
};

TEST_F(SqliteBackendTest, WhatWasCommittedIsThereAfterReopening) {
  {
    const auto backend = Open().value();
    ASSERT_TRUE(AppendEvent(*backend, "one").ok());
    ASSERT_TRUE(backend->Begin().ok());  // left open
    ASSERT_TRUE(backend->stores().meta.PutFlag("a", "up").ok());
  }
  const auto backend = Open().value();
  EXPECT_EQ(CountEvents(*backend), 1U);
  EXPECT_TRUE(InTransaction(*backend, [](Stores& stores) {
                EXPECT_EQ(*stores.meta.FindFlag("a"), std::nullopt);
                return Status::Ok();
              }).ok());
}

TEST_F(SqliteBackendTest, FilesAreForTheirOwnerAlone) {
  const mode_t before = umask(0);
  std::ofstream(path_).flush();  // made too open by somebody
  ASSERT_EQ(chmod(path_.c_str(), 0666), 0);
  const auto backend = Open().value();
  ASSERT_TRUE(AppendEvent(*backend, "one").ok());
  umask(before);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    if (!entry.path().filename().string().starts_with("controller.db")) continue;
    struct stat stat {};
    ASSERT_EQ(::stat(entry.path().c_str(), &stat), 0);
    EXPECT_EQ(stat.st_mode & 0777, 0600U) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 3);  // with -wal and -shm
}

TEST_F(SqliteBackendTest, ASecondWriterIsRefused) {
  const auto backend = Open().value();
  EXPECT_EQ(Open().status().code(), Code::kFailedPrecondition);
}

TEST_F(SqliteBackendTest, ALinkInPlaceOfTheDatabaseIsRefused) {
  std::ofstream(directory_ / "elsewhere").flush();
  std::filesystem::create_symlink(directory_ / "elsewhere", path_);
  EXPECT_FALSE(Open().ok());
}

TEST_F(SqliteBackendTest, PrivateKeysAreNeverInTheFilesInPlain) {
  const crypto::Secret key = crypto::PrivateKey::GenerateP256().ToPem();
  const std::string pem(key.Reveal());
  const std::string body = "resource with " + pem;
  {
    const auto backend = Open().value();
    model::Certificate certificate;
    certificate.name = "a.example";
    certificate.chain_pem = "the chain is no secret";
    certificate.key_pem = pem;
    ASSERT_TRUE(InTransaction(*backend, [&](Stores& stores) -> Status {
                  LS_RETURN_IF_ERROR(stores.certificates.Create(certificate).status());
                  return stores.resources.Put(crypto::Sha256(body), body);
                }).ok());
    ASSERT_TRUE(backend->Backup(directory_ / "copy.db").ok());
    // Any 20 characters of the key, in the database, its log and a copy.
    const std::string part = pem.substr(40, 20);
    for (const char* name : {"controller.db", "controller.db-wal", "copy.db"}) {
      const std::string bytes = Contents(directory_ / name);
      EXPECT_FALSE(bytes.empty()) << name;
      EXPECT_EQ(bytes.find(part), std::string::npos) << name;
      EXPECT_EQ(bytes.find("PRIVATE KEY"), std::string::npos) << name;
    }
    EXPECT_NE(Contents(path_ + "-wal").find("the chain is no secret"), std::string::npos);
  }
  const auto backend = Open().value();
  EXPECT_TRUE(InTransaction(*backend, [&](Stores& stores) -> Status {
                LS_ASSIGN_OR_RETURN(const auto stored, stores.certificates.FindNewest("a.example"));
                EXPECT_EQ(stored->key_pem, pem);
                EXPECT_EQ(*stores.resources.Find(crypto::Sha256(body)), body);
                return Status::Ok();
              }).ok());
}

TEST_F(SqliteBackendTest, ASealedKeyThatWasMovedToAnotherRowDoesNotOpen) {
  {
    const auto backend = Open().value();
    model::Certificate certificate;
    ASSERT_TRUE(InTransaction(*backend, [&](Stores& stores) -> Status {
                  for (const char* name : {"a.example", "b.example"}) {
                    certificate.name = name;
                    certificate.key_pem = name;
                    LS_RETURN_IF_ERROR(stores.certificates.Create(certificate).status());
                  }
                  return Status::Ok();
                }).ok());
  }
  Script(
      "UPDATE certificates SET sealed_key = (SELECT sealed_key FROM certificates "
      "WHERE name = 'b.example') WHERE name = 'a.example'");
  const auto backend = Open().value();
  const Status status = InTransaction(*backend, [](Stores& stores) {
    return stores.certificates.FindNewest("a.example").status();
  });
  EXPECT_EQ(status.code(), Code::kDataLoss);
  EXPECT_THAT(status.message(), testing::HasSubstr("key of certificate a.example"));
}

TEST_F(SqliteBackendTest, AnotherSealingKeyIsRefusedAtStart) {
  ASSERT_TRUE(Open('k').ok());
  const Status status = Open('x').status();
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(status.message(), testing::HasSubstr(Key('k').KeyIdHex()));
  EXPECT_TRUE(Open('k').ok());
}

TEST_F(SqliteBackendTest, ANewerReleasesDatabaseIsRefusedUntouched) {
  ASSERT_TRUE(Open().ok());
  Script("UPDATE schema_version SET version = 9, compatible_version = 8");
  EXPECT_EQ(Open().status().ToString(),
            "FAILED_PRECONDITION: database " + path_ +
                " was changed by a newer release (schema 9, readable from 8 on; this release knows "
                "4): install that release, or restore the backup " +
                path_ + ".before-9 that it made");
  Script("UPDATE schema_version SET compatible_version = 1");
  EXPECT_TRUE(Open().ok());
}

TEST_F(SqliteBackendTest, AnotherProgramsDatabaseIsRefusedUntouched) {
  Script("CREATE TABLE other (x)");
  const std::string before = Contents(path_);
  EXPECT_EQ(Open().status().ToString(),
            "FAILED_PRECONDITION: " + path_ + " is some other program's database");
  EXPECT_EQ(Contents(path_), before);
}

TEST_F(SqliteBackendTest, DamageIsNoticedAtStart) {
  {
    const auto backend = Open().value();
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(AppendEvent(*backend, std::string(2000, 'x')).ok());
  }
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(path_)) - 20'000);
    file << std::string(8192, '\xee');
  }
  const Status status = Open().status();
  EXPECT_EQ(status.code(), Code::kDataLoss);
  EXPECT_THAT(status.message(), testing::HasSubstr("restore it from a backup"));

  std::ofstream(path_) << std::string(10'000, 'g');
  EXPECT_EQ(Open().status().code(), Code::kDataLoss);
}

TEST_F(SqliteBackendTest, ABackupIsACompletePrivateCopy) {
  const std::string copy = directory_ / "copy.db";
  {
    const auto backend = Open().value();
    ASSERT_TRUE(AppendEvent(*backend, "one").ok());
    ASSERT_EQ(backend->Backup(copy), Status::Ok());
    ASSERT_TRUE(AppendEvent(*backend, "two").ok());
    EXPECT_EQ(backend->Backup(copy).code(), Code::kAlreadyExists);
    // Also by another program, while this one runs.
    ASSERT_EQ(SqliteBackend::BackupFile(path_, copy + "2"), Status::Ok());
  }
  struct stat stat {};
  ASSERT_EQ(::stat(copy.c_str(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 0777, 0600U);
  EXPECT_FALSE(std::filesystem::exists(copy + ".partial"));
  EXPECT_EQ(CountEvents(*SqliteBackend::Open(copy, Key()).value()), 1U);
  EXPECT_EQ(CountEvents(*SqliteBackend::Open(copy + "2", Key()).value()), 2U);
  EXPECT_EQ(SqliteBackend::BackupFile(directory_ / "nothing", copy + "3").ok(), false);
}

TEST_F(SqliteBackendTest, WhatWasAcknowledgedSurvivesKillMinusNine) {
  size_t least = 0;
  for (int round = 0; round < 5; ++round) {
    int pipe_fds[2];
    ASSERT_EQ(pipe2(pipe_fds, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) {
      const auto backend = Open();
      while (backend.ok() && AppendEvent(**backend, "x").ok() && write(pipe_fds[1], "x", 1) == 1) {
      }
      _exit(1);
    }
    close(pipe_fds[1]);
    size_t acknowledged = 0;
    char byte = 0;
    while (acknowledged < 3 + 7 * static_cast<size_t>(round) && read(pipe_fds[0], &byte, 1) == 1) {
      ++acknowledged;
    }
    kill(child, SIGKILL);
    while (read(pipe_fds[0], &byte, 1) == 1) ++acknowledged;
    close(pipe_fds[0]);
    waitpid(child, nullptr, 0);
    least += acknowledged;
    const auto backend = Open().value();  // checks the integrity
    const size_t stored = CountEvents(*backend);
    EXPECT_GE(stored, least);
    EXPECT_LE(stored, least + 1);  // one may have been stored and not yet acknowledged
    least = stored;
  }
}

// Lets no file grow beyond `bytes` while it lives: the nearest thing to a full disk that needs no
// file system of its own.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

TEST_F(SqliteBackendTest, AFullDiskIsSaidAndLosesNothing) {
  const auto backend = Open().value();
  ASSERT_TRUE(AppendEvent(*backend, "before").ok());
  size_t stored = 1;
  Status full;
  {
    const FileSizeLimit limit(256 << 10);
    while (full.ok()) {
      full = AppendEvent(*backend, std::string(20'000, 'x'));
      if (full.ok()) ++stored;
      ASSERT_LT(stored, 1000U);
    }
    EXPECT_EQ(full.ToString(), "RESOURCE_EXHAUSTED: no space left for the database " + path_ +
                                   ": nothing was changed; free some space and repeat");
    EXPECT_EQ(CountEvents(*backend), stored);  // reading goes on
    EXPECT_EQ(backend->Backup(directory_ / "copy.db").code(), Code::kResourceExhausted);
    EXPECT_FALSE(std::filesystem::exists(directory_ / "copy.db"));
    EXPECT_FALSE(std::filesystem::exists(directory_ / "copy.db.partial"));
  }
  EXPECT_TRUE(AppendEvent(*backend, "after").ok());
  EXPECT_EQ(CountEvents(*backend), stored + 1);
}

}  // namespace
}  // namespace lockstep::controller::store

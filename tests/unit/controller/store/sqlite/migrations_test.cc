#include "controller/store/sqlite/migrations.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/fakes/temp_directory.h"

namespace lockstep::controller::store::sqlite {
namespace {

class MigrationsTest : public testing::Test {
 protected:
  MigrationsTest() {
    std::ofstream(path_).flush();
    connection_ = Connection::Open(path_, false).value();
  }
  SchemaVersion Version() { return ReadSchemaVersion(*connection_).value(); }

  fakes::TempDirectory directory_;
  std::string path_ = directory_ / "test.db";
  std::unique_ptr<Connection> connection_;
  std::vector<Migration> known_{KnownMigrations().begin(), KnownMigrations().end()};
};

TEST_F(MigrationsTest, NumbersHaveNoGapsAndCompatibilityNeverShrinks) {
  int compatible = 0;
  for (size_t i = 0; i < known_.size(); ++i) {
    EXPECT_EQ(known_[i].version, static_cast<int>(i) + 1);
    EXPECT_GE(known_[i].compatible_version, compatible);
    EXPECT_LE(known_[i].compatible_version, known_[i].version);
    compatible = known_[i].compatible_version;
  }
}

TEST_F(MigrationsTest, AnEmptyFileIsBroughtToTheNewestSchema) {
  EXPECT_EQ(Version().version, 0);
  ASSERT_EQ(Migrate(*connection_, known_), Status::Ok());
  EXPECT_EQ(Version().version, known_.back().version);
  ASSERT_EQ(Migrate(*connection_, known_), Status::Ok());
}

TEST_F(MigrationsTest, EveryTableIsStrict) {
  ASSERT_TRUE(Migrate(*connection_, known_).ok());
  SQLite::Statement query(connection_->database(),
                          "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = "
                          "'table' AND strict = 0 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'");
  while (query.executeStep()) ADD_FAILURE() << query.getColumn(0).getString() << " is not strict";
}

TEST_F(MigrationsTest, LaterMigrationsRunOnceEach) {
  ASSERT_TRUE(Migrate(*connection_, known_).ok());
  const int next = known_.back().version + 1;
  known_.push_back({next, 1, "CREATE TABLE later (x INTEGER) STRICT"});
  ASSERT_EQ(Migrate(*connection_, known_), Status::Ok());
  ASSERT_EQ(Migrate(*connection_, known_), Status::Ok());  // would fail if it ran again
  EXPECT_EQ(Version().version, next);
  EXPECT_EQ(Version().compatible_version, 1);
}

TEST_F(MigrationsTest, AFailedMigrationLeavesTheDatabaseAsItWas) {
  ASSERT_TRUE(Migrate(*connection_, known_).ok());
  const int before = Version().version;
  known_.push_back({before + 1, 1, "CREATE TABLE later (x INTEGER) STRICT; SELECT nonsense;"});
  const Status status = Migrate(*connection_, known_);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.message().find("migration to schema"), 0U);
  EXPECT_EQ(Version().version, before);
  EXPECT_FALSE(connection_->database().tableExists("later"));
  EXPECT_FALSE(connection_->InTransaction());
}

TEST_F(MigrationsTest, AnOlderReleaseUsesWhatANewerOneOnlyAddedTo) {
  std::vector<Migration> newer = known_;
  newer.push_back(
      {known_.back().version + 1, known_.back().version, "CREATE TABLE later (x INTEGER) STRICT"});
  ASSERT_TRUE(Migrate(*connection_, newer).ok());
  EXPECT_EQ(Migrate(*connection_, known_), Status::Ok());
  newer.push_back({newer.back().version + 1, newer.back().version + 1, "DROP TABLE later"});
  ASSERT_TRUE(Migrate(*connection_, newer).ok());
  EXPECT_EQ(Migrate(*connection_, known_).code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace lockstep::controller::store::sqlite

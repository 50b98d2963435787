#include "common/fsutil/generation_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/fsutil/files.h"
#include "tests/fakes/temp_directory.h"
#include "tests/unit/common/fsutil/full_disk.h"

namespace lockstep::fsutil {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class GenerationStoreTest : public ::testing::Test {
 protected:
  GenerationStore Reopen() {
    Result<GenerationStore> store = GenerationStore::Open(dir_ / "state");
    LS_CHECK(store.ok());
    return std::move(store).value();
  }
  void SaveNumbers(std::initializer_list<uint64_t> generations) {
    for (const uint64_t n : generations) {
      ASSERT_EQ(store_.Save({1, n}, {{"site.pb", "content " + std::to_string(n)}, {"empty", ""}}),
                Status::Ok());
    }
  }
  void Overwrite(GenerationId id, const std::string& name, const std::string& bytes) {
    std::ofstream(store_.PathOf(id) + "/" + name, std::ios::trunc) << bytes;
  }

  fakes::TempDirectory dir_;
  GenerationStore store_ = Reopen();
};

TEST_F(GenerationStoreTest, GivesBackWhatWasSaved) {
  const Files files = {{"a.pb", std::string("\0\1\n", 3)}, {"b-key.pem", ""}};
  ASSERT_EQ(store_.Save({3, 42}, files), Status::Ok());
  const Result<Files> loaded = Reopen().Load({3, 42});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(*loaded, files);
}

TEST_F(GenerationStoreTest, SaysWhatIsNotThere) {
  EXPECT_EQ(store_.Load({1, 1}).status().code(), Code::kNotFound);
  EXPECT_EQ(store_.SetPointer("CURRENT", {1, 1}).code(), Code::kNotFound);
}

TEST_F(GenerationStoreTest, NeverChangesAGeneration) {
  ASSERT_EQ(store_.Save({1, 1}, {{"a", "x"}}), Status::Ok());
  EXPECT_EQ(store_.Save({1, 1}, {{"a", "x"}}), Status::Ok());
  EXPECT_EQ(store_.Save({1, 1}, {{"a", "y"}}).code(), Code::kAlreadyExists);
}

TEST_F(GenerationStoreTest, RefusesNamesThatLeaveTheDirectory) {
  for (const char* name : {"", ".", "..", "../x", "a/b", "MANIFEST", ".hidden", "a b", "a\nb"}) {
    EXPECT_EQ(store_.Save({1, 1}, {{name, "x"}}).code(), Code::kInvalidArgument) << name;
  }
}

TEST_F(GenerationStoreTest, ListsByEpochThenGenerationNewestFirst) {
  for (const GenerationId id : {GenerationId{1, 100}, {2, 9}, {2, 10}, {1, 9}}) {
    ASSERT_EQ(store_.Save(id, {{"a", "x"}}), Status::Ok());
  }
  fs::create_directory(dir_ / "state/gen-01-2");  // not how we write numbers
  fs::create_directory(dir_ / "state/gen-x");
  EXPECT_THAT(*store_.List(), ElementsAre(GenerationId{2, 10}, GenerationId{2, 9},
                                          GenerationId{1, 100}, GenerationId{1, 9}));
}

TEST_F(GenerationStoreTest, NoticesEveryKindOfDamage) {
  SaveNumbers({1, 2, 3, 4, 5});
  Overwrite({1, 1}, "site.pb", "content 7");  // same length
  Overwrite({1, 2}, "site.pb", "conten");     // torn
  Overwrite({1, 3}, "added", "x");
  fs::remove(store_.PathOf({1, 4}) + "/empty");
  const std::string manifest = store_.PathOf({1, 5}) + "/MANIFEST";
  fs::resize_file(manifest, fs::file_size(manifest) / 2);
  for (uint64_t n = 1; n <= 5; ++n) {
    EXPECT_EQ(store_.Load({1, n}).status().code(), Code::kDataLoss) << n;
  }
  EXPECT_THAT(store_.Load({1, 2}).status().message(),
              HasSubstr("content of \"site.pb\" is not what was saved"));
  EXPECT_EQ(store_.Save({1, 2}, {{"site.pb", "mended"}}), Status::Ok());
  EXPECT_EQ(store_.Load({1, 2})->at("site.pb"), "mended");
}

// Every prefix of every file: a power cut may leave any of them.
TEST_F(GenerationStoreTest, NeverReturnsATornGeneration) {
  SaveNumbers({7});
  for (const char* name : {"MANIFEST", "site.pb"}) {
    const std::string path = store_.PathOf({1, 7}) + "/" + name;
    const std::string whole = *ReadFile(path, 1 << 20);
    for (size_t length = 0; length < whole.size(); ++length) {
      Overwrite({1, 7}, name, whole.substr(0, length));
      ASSERT_EQ(store_.Load({1, 7}).status().code(), Code::kDataLoss) << name << " " << length;
    }
    Overwrite({1, 7}, name, whole);
    ASSERT_TRUE(store_.Load({1, 7}).ok());
  }
}

TEST_F(GenerationStoreTest, LoadsWhatThePointerNames) {
  SaveNumbers({1, 2, 3});
  ASSERT_EQ(store_.SetPointer("LKG", {1, 2}), Status::Ok());
  const auto best = Reopen().LoadBest("LKG");
  ASSERT_TRUE(best.ok() && best->has_value());
  EXPECT_EQ((*best)->id, (GenerationId{1, 2}));
  EXPECT_THAT((*best)->skipped, IsEmpty());
}

TEST_F(GenerationStoreTest, FallsBackToOlderIntactOnesAndSaysWhy) {
  SaveNumbers({1, 2, 3, 4});
  ASSERT_EQ(store_.SetPointer("LKG", {1, 3}), Status::Ok());
  Overwrite({1, 3}, "site.pb", "torn");
  const auto best = store_.LoadBest("LKG");
  ASSERT_TRUE(best.ok() && best->has_value());
  EXPECT_EQ((*best)->id, (GenerationId{1, 2}));  // not 4, which never was known good
  EXPECT_THAT((*best)->skipped, ElementsAre(HasSubstr("generation 1-3: ")));
}

TEST_F(GenerationStoreTest, TakesTheNewestIntactOneWithoutAUsablePointer) {
  SaveNumbers({1, 2, 3});
  Overwrite({1, 3}, "site.pb", "torn");
  std::ofstream(dir_ / "state/LKG") << "1-";
  const auto best = store_.LoadBest("LKG");
  ASSERT_TRUE(best.ok() && best->has_value());
  EXPECT_EQ((*best)->id, (GenerationId{1, 2}));
  EXPECT_THAT((*best)->skipped,
              ElementsAre(HasSubstr("does not name a generation"), HasSubstr("generation 1-3")));
}

TEST_F(GenerationStoreTest, SaysWhyThereIsNothingToLoad) {
  SaveNumbers({1});
  Overwrite({1, 1}, "site.pb", "torn");
  std::vector<std::string> skipped;
  const auto best = store_.LoadBest("LKG", &skipped);
  ASSERT_TRUE(best.ok());
  EXPECT_FALSE(best->has_value());
  EXPECT_THAT(skipped, ElementsAre(HasSubstr("generation 1-1: ")));
}

TEST_F(GenerationStoreTest, PrunesAllButTheNewestThePointedAtAndTheNamed) {
  SaveNumbers({1, 2, 3, 4, 5, 6});
  ASSERT_EQ(store_.SetPointer("LKG", {1, 2}), Status::Ok());
  const GenerationId also[] = {{1, 3}};
  ASSERT_EQ(store_.Prune(2, also), Status::Ok());
  EXPECT_THAT(*store_.List(), ElementsAre(GenerationId{1, 6}, GenerationId{1, 5},
                                          GenerationId{1, 3}, GenerationId{1, 2}));
}

TEST_F(GenerationStoreTest, ClearsWhatAnInterruptedWriteLeft) {
  fs::create_directories(dir_ / "state/staging/gen-1-9");
  std::ofstream(dir_ / "state/staging/gen-1-9/site.pb") << "half";
  store_ = Reopen();
  EXPECT_TRUE(fs::is_empty(dir_ / "state/staging"));
  EXPECT_THAT(*store_.List(), IsEmpty());
}

TEST(GenerationStoreOnAFullDiskTest, KeepsWhatItHas) {
  const FullDisk disk;
  Result<GenerationStore> store = GenerationStore::Open(disk / "state");
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_EQ(store->Save({1, 1}, {{"a", "small"}}), Status::Ok());
  ASSERT_EQ(store->SetPointer("CURRENT", {1, 1}), Status::Ok());
  EXPECT_EQ(store->Save({1, 2}, {{"a", std::string(1 << 20, 'x')}}).code(),
            Code::kResourceExhausted);
  EXPECT_THAT(*store->List(), ElementsAre(GenerationId{1, 1}));
  EXPECT_EQ(store->Load({1, 1})->at("a"), "small");
  EXPECT_EQ(store->Save({1, 3}, {{"a", "small too"}}), Status::Ok());
}

TEST(GenerationIdTest, ParsesOnlyItsOwnForm) {
  EXPECT_EQ(*GenerationId::Parse("2-17"), (GenerationId{2, 17}));
  for (const char* text : {"", "-", "2", "2-", "-17", "02-17", "2-017", "2-17 ", "+2-17", "2--17",
                           "18446744073709551616-1"}) {
    EXPECT_FALSE(GenerationId::Parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace lockstep::fsutil

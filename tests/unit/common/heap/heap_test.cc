#include "common/heap/heap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

extern "C" int mallctl(const char* name, void* old_value, std::size_t* old_size, void* new_value,
                       std::size_t new_size) __attribute__((weak));

namespace lockstep::heap {
namespace {

template <typename T>
T Setting(const char* name) {
  T value{};
  std::size_t size = sizeof(value);
  EXPECT_EQ(mallctl(name, &value, &size, nullptr, 0), 0) << name;
  return value;
}

TEST(HeapTest, AProgramThatLinksItAllocatesWithOurSettings) {
  if (mallctl == nullptr) {
    EXPECT_EQ(Name(), "the C library");  // a sanitizer's build
    return;
  }
  EXPECT_THAT(Name(), ::testing::StartsWith("jemalloc "));
  EXPECT_EQ(Setting<unsigned>("opt.narenas"), 2u);
  EXPECT_TRUE(Setting<bool>("background_thread"));
  EXPECT_EQ(Setting<ssize_t>("opt.dirty_decay_ms"), 5000);
}

}  // namespace
}  // namespace lockstep::heap

#include "common/heap/heap.h"

#include <cstddef>

extern "C" {
// Of <jemalloc/jemalloc.h>; null where it is not linked.
int mallctl(const char* name, void* old_value, std::size_t* old_size, void* new_value,
            std::size_t new_size) __attribute__((weak));

// Read by jemalloc before main. A stream's memory is taken on one thread and given back on another:
// two arenas keep less for later than one for each thread. What is free for five seconds goes back,
// by a thread of jemalloc's own, since nothing may be allocated any more that would do it.
extern const char* malloc_conf;
const char* malloc_conf = "narenas:2,background_thread:true,dirty_decay_ms:5000,muzzy_decay_ms:0";
}

namespace lockstep::heap {

std::string Name() {
  const char* version = nullptr;
  std::size_t size = sizeof(version);
  if (mallctl == nullptr || mallctl("version", &version, &size, nullptr, 0) != 0) {
    return "the C library";
  }
  return std::string("jemalloc ") + version;
}

}  // namespace lockstep::heap

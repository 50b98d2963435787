// Arbitrary bytes as the data of CAA and HTTPS records, and as domain names.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/dns/caa.h"
#include "common/dns/rdata.h"
#include "common/dns/service_binding.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lockstep::dns;
  const std::string_view rdata(reinterpret_cast<const char*>(data), size);
  if (const auto record = ParseCaa(rdata); record.ok()) {
    CaaSet set{"example.test", {*record}};
    const bool allowed = JudgeCaa(set, "ca.test").ok();
    // A record can only narrow: with one more that allows nobody it is no wider.
    set.records.push_back({false, "issue", ";"});
    if (JudgeCaa(set, "ca.test").ok() && !allowed) __builtin_trap();
  }
  (void)ParseServiceBinding(rdata);
  RdataReader reader(rdata);
  const auto name = reader.TakeName();
  if (!name && reader.rest() != rdata) __builtin_trap();
  if (name && name->size() > 4 * 255) __builtin_trap();
  return 0;
}

// Arbitrary bytes as a name server's answer, down to the records' own parsers.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/dns/caa.h"
#include "common/dns/follow.h"
#include "common/dns/message.h"
#include "common/dns/service_binding.h"

// Input: the first byte chooses the type asked for, the rest is the answer. Its id is taken as
// right, its question is checked against www.example.test.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lockstep::dns;
  constexpr RecordType kTypes[] = {RecordType::kA, RecordType::kAaaa, RecordType::kCaa,
                                   RecordType::kHttps, RecordType::kNs};
  if (size < 3) return 0;
  const Query query{"www.example.test", kTypes[data[0] % 5]};
  const std::string_view answer(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto id = static_cast<uint16_t>(data[1] << 8 | data[2]);
  const auto message = ParseAnswer(answer, query, id);
  if (!message.ok()) return 0;
  for (const Record& record : message->records) {
    (void)ParseCaa(record.rdata);
    (void)ParseServiceBinding(record.rdata);
  }
  const auto ask = [&](const std::string&, RecordType) { return message; };
  if (const auto found = Follow(ask, query.name, query.type, 9);
      found.ok() && found->chain.size() > 9) {
    __builtin_trap();
  }
  (void)FollowAddresses(ask, query.name, 9);
  return 0;
}

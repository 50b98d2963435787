// Arbitrary text as a configuration, read by a fixed program of getters: none may crash, and an
// error message shows no control character but the ends of its lines.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/hostname.h"
#include "common/base/ip.h"
#include "common/conf/conf.h"

namespace {

using lockstep::Endpoint;
using lockstep::Hostname;
using lockstep::Micros;
using lockstep::Status;
namespace conf = lockstep::conf;

void Check(const Status& status) {
  for (const char c : status.message()) {
    if (c != '\n' && static_cast<unsigned char>(c) < 0x20) __builtin_trap();
  }
}

void Read(const conf::Document& document) {
  const conf::Table root = document.root();
  root.Optional<std::string>("state_dir");
  root.PathOr("path", "/");
  root.IntegerOr("number", {1, 100}, 1);
  root.Or<bool>("flag", false);
  root.Or<Micros>("wait", Micros(0));
  root.Optional<conf::Percentage>("share");
  root.WordOr<int>("word", {{"wait", 1}, {"pull", 2}}, 0);
  root.TableOr("agents").Optional<Endpoint>("listen");
  for (const conf::Table& site : root.Tables("site")) {
    site.Optional<std::vector<Hostname>>("names");
    site.RequiredTable("policy").Required<conf::Percentage>("share");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto document =
      conf::Document::FromText({reinterpret_cast<const char*>(data), size}, "fuzz.toml");
  Check(document.status());
  if (!document.ok()) return 0;
  Read(*document);
  Check(document->Finish());
  return 0;
}

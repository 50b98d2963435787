#include "controller/cli/text_file.h"

#include <fstream>
#include <istream>

#include "common/base/hostname.h"
#include "controller/cli/words.h"

namespace lockstep::controller::cli {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;

}  // namespace

Result<std::string> ReadTextFile(Session& session, const std::string& file,
                                 const std::string& noun) {
  const std::string name = file == "-" ? "standard input" : Quoted(file);
  std::ifstream opened;
  if (file != "-") opened.open(file, std::ios::binary);
  std::istream& stream = file == "-" ? session.in : opened;
  std::string text(kMaxBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  // A directory opens and cannot be read; the end of a short file fails without being bad.
  if (stream.bad() || (stream.fail() && !stream.eof()))
    return InvalidArgument("cannot read " + name);
  text.resize(static_cast<size_t>(stream.gcount()));
  if (text.size() > kMaxBytes) {
    return InvalidArgument(name + " has more than 1 MiB: a " + noun + " may not be larger");
  }
  if (!IsUtf8(text)) return InvalidArgument(name + " is not UTF-8 text: a " + noun + " is TOML");
  return text;
}

}  // namespace lockstep::controller::cli

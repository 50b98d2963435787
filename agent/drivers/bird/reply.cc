#include "agent/drivers/bird/reply.h"

#include <algorithm>

#include "common/base/hostname.h"

namespace lockstep::agent::drivers::bird {
namespace {

// The code at the start of a line; -1 if there is none.
int CodeOf(std::string_view line) {
  if (line.size() < 5) return -1;
  int code = 0;
  for (const char c : line.substr(0, 4)) {
    if (c < '0' || c > '9') return -1;
    code = code * 10 + (c - '0');
  }
  return code;
}

}  // namespace

Result<std::optional<Reply>> ParseReply(std::string_view bytes) {
  Reply reply;
  while (true) {
    const size_t end = bytes.find('\n');
    if (end == std::string_view::npos) return std::optional<Reply>();
    std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    if (line.starts_with(' ')) {
      if (reply.lines.empty()) return DataLoss("bird starts a reply with " + Quoted(line));
      reply.lines.push_back({reply.code(), std::string(line.substr(1))});
      continue;
    }
    const int code = CodeOf(line);
    if (code < 0 || (line[4] != '-' && line[4] != ' ')) {
      return DataLoss("bird answers with " + Quoted(line) + ", which has no reply code");
    }
    reply.lines.push_back({code, std::string(line.substr(5))});
    if (line[4] == ' ') return std::optional<Reply>(std::move(reply));
  }
}

Status Reply::ToStatus() const {
  const std::string words = "bird: " + lines.back().text;
  if (code() < 8000) return Status::Ok();
  if (code() == 8007) return PermissionDenied(words);
  return code() < 9000 ? FailedPrecondition(words) : InvalidArgument(words);
}

}  // namespace lockstep::agent::drivers::bird

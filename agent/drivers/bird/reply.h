// Reply: what BIRD answers to a line on its control socket. Pure.
//
//   "1002-text"  a line of the reply with its code, more follow
//   " text"      a further line of the same code
//   "0000 text"  the last line: the code is the reply's
//
// 0xxx ok, 1xxx data, 2xxx a table's head, 8xxx refused or failed, 9xxx not understood
// (BIRD 2.0.12).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/status/status.h"

namespace lockstep::agent::drivers::bird {

struct Reply {
  struct Line {
    int code = 0;
    std::string text;
    friend bool operator==(const Line&, const Line&) = default;
  };
  std::vector<Line> lines;  // at least one; the last one's code is the reply's

  int code() const { return lines.back().code; }
  // Ok, or the canonical code that is nearest to BIRD's, with its words.
  Status ToStatus() const;
};

// The reply that `bytes` starts with; absent while its last line is not there yet. DATA_LOSS if
// this is no reply.
Result<std::optional<Reply>> ParseReply(std::string_view bytes);

}  // namespace lockstep::agent::drivers::bird

#include "tests/bench/commands.h"

#include <malloc.h>

#include <iostream>
#include <sstream>

namespace lockstep::bench {

void ServeCommands(BenchServer& server) {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command;
    size_t bytes = 0;
    uint64_t expect = 0;
    words >> command >> bytes >> expect;
    if (expect == 0) expect = server.Streams();
    std::string answer = "{}";
    if (command == "quit") return;
    if (command == "streams") {
      answer = "{\"streams\":" + std::to_string(server.Streams()) + "}";
    } else if (command == "push") {
      answer = server.Push(bytes, expect);
    } else if (command == "lane") {
      answer = server.Lane(bytes, expect);
    } else if (command == "trim") {
      malloc_trim(0);
    }
    std::cout << answer << std::endl;
  }
}

}  // namespace lockstep::bench

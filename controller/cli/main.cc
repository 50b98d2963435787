// lockstep: the operators' program.
#include <unistd.h>

#include <iostream>

#include "controller/cli/cli.h"

int main(int argc, char** argv) {
  return lockstep::controller::cli::Main(argc, argv, std::cin, std::cout, std::cerr);
}

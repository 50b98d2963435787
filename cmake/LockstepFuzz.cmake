# libFuzzer programs, built with LOCKSTEP_FUZZ (clang).
#
#   lockstep_fuzzer(dns_answer DEPS common_dns)
#
# compiles tests/fuzz/dns_answer_fuzz.cc into <build>/fuzzers/dns_answer_fuzz; its seeds are the
# files of tests/fuzz/corpus/dns_answer. The rooms under it are compiled with coverage and
# sanitizers, too: the flags go to whatever links lockstep_flags.
if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
  message(FATAL_ERROR "LOCKSTEP_FUZZ needs clang: use `cmake --preset fuzz`")
endif()
set(_sanitizers address,undefined,fuzzer-no-link)
target_compile_options(lockstep_flags INTERFACE
  -O1 -g1 -fsanitize=${_sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
target_link_options(lockstep_flags INTERFACE -fsanitize=${_sanitizers})

function(lockstep_fuzzer name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  add_executable(${name}_fuzz ${name}_fuzz.cc)
  target_link_libraries(${name}_fuzz PRIVATE ${ARG_DEPS} lockstep_flags)
  target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name}_fuzz PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzzers)
endfunction()

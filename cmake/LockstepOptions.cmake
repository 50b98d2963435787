# Compiler settings shared by every room, and by no third-party or generated code
# (those link lockstep_flags_lenient).
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Dev CACHE STRING "Dev, Quickstart, Release, Asan, Tsan" FORCE)
endif()

# Dev: neither optimised nor with debug information, the quickest to compile on two cores. Release:
# what is installed. Quickstart: what a first look needs; a third quicker to compile than Release.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -D_FORTIFY_SOURCE=2 -fstack-protector-strong" CACHE STRING "" FORCE)
set(CMAKE_CXX_FLAGS_QUICKSTART "-O1" CACHE STRING "" FORCE)
set(CMAKE_EXE_LINKER_FLAGS_RELEASE "-Wl,-z,relro,-z,now" CACHE STRING "" FORCE)
set(CMAKE_CXX_FLAGS_ASAN "-O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" CACHE STRING "" FORCE)
set(CMAKE_C_FLAGS_ASAN "${CMAKE_CXX_FLAGS_ASAN}" CACHE STRING "" FORCE)
set(CMAKE_CXX_FLAGS_TSAN "-O1 -g1 -fsanitize=thread -fno-omit-frame-pointer" CACHE STRING "" FORCE)
set(CMAKE_C_FLAGS_TSAN "${CMAKE_CXX_FLAGS_TSAN}" CACHE STRING "" FORCE)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # The build directory is left out of the hash, so that two checkouts and two build directories
  # share results.
  set(_launcher ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${_launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${_launcher})
endif()
# ThreadSanitizer knows no fences. Those of asio are beside its locks, which it does know.
add_compile_definitions($<$<CONFIG:Tsan>:BOOST_ASIO_DISABLE_FENCED_BLOCK>)

add_library(lockstep_flags INTERFACE)
target_include_directories(lockstep_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(lockstep_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  # A room compiled as one looks like a header to GCC, and a nameless namespace in it like a mistake.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${LOCKSTEP_UNITY}>>:-Wno-subobject-linkage>
  # GCC 12 sees both in std::string's own code once it inlines it (GCC PR 105562, PR 105651).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<NOT:$<CONFIG:Dev>>>:-Wno-maybe-uninitialized;-Wno-restrict>)

add_library(lockstep_flags_lenient INTERFACE)
target_include_directories(lockstep_flags_lenient INTERFACE ${CMAKE_SOURCE_DIR})

# One room = one folder = one static library = one namespace = one CMakeLists.txt.
#
#   lockstep_room(controller_barrier
#     SOURCES barrier.cc
#     DEPS common_status controller_model      # rooms, checked against the includes by tests/lint
#     LIBS OpenSSL::Crypto)                    # third-party
#
# With LOCKSTEP_UNITY the sources of a room are compiled as one, since most of the time of each goes
# into the headers of gRPC and protobuf. Sources whose local names are another's too are listed in
# SEPARATE, such tests in TESTS_SEPARATE. The dev preset compiles each alone, so that none leans on its neighbours' includes.
#
# The tests of a room are the *_test.cc files in tests/unit/<folder of the room>; they become one
# program <room>_test. Files found by name, so that a new test needs no CMake edit.
function(lockstep_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;SEPARATE;TESTS_SEPARATE;DEPS;LIBS;TEST_LIBS" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES} ${ARG_SEPARATE})
    if(LOCKSTEP_UNITY)
      set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 10)
      set_source_files_properties(${ARG_SEPARATE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
    target_link_libraries(${name} PUBLIC lockstep_flags ${ARG_DEPS} ${ARG_LIBS})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE lockstep_flags ${ARG_DEPS} ${ARG_LIBS})
  endif()
  if(LOCKSTEP_TESTS)
    file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
    file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${folder}/*_test.cc)
    if(tests)
      list(TRANSFORM ARG_TESTS_SEPARATE PREPEND ${CMAKE_SOURCE_DIR}/tests/unit/${folder}/)
      set_source_files_properties(${ARG_TESTS_SEPARATE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
      lockstep_test(${name}_test SOURCES ${tests} DEPS ${name} ${ARG_TEST_LIBS})
    endif()
  endif()
endfunction()

# A GoogleTest program that tests/run finds and runs. Its kind (unit, contract, integration) is where it
# is declared.
function(lockstep_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  set(kind unit)
  file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  if(folder MATCHES "^tests/(contract|integration)")
    set(kind ${CMAKE_MATCH_1})
  endif()
  add_executable(${name} ${ARG_SOURCES})
  if(LOCKSTEP_UNITY)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 10)
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} lockstep_flags lockstep_gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${kind}-tests)
  set_property(GLOBAL APPEND PROPERTY LOCKSTEP_TEST_PROGRAMS ${name})
endfunction()

# A program whose main.cc is ten lines; lands in <build>/bin.
function(lockstep_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE lockstep_flags ${ARG_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  set_property(GLOBAL APPEND PROPERTY LOCKSTEP_PROGRAMS ${name})
endfunction()

# The rooms of a folder, in dependency order. A room joins by having a CMakeLists.txt.
function(lockstep_rooms)
  foreach(room IN LISTS ARGN)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${room}/CMakeLists.txt)
      add_subdirectory(${room})
    endif()
  endforeach()
endfunction()

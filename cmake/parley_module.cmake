# parley_module(NAME SOURCES … DEPS … PRIVATE_DEPS …): one static library per row of the module table, and the
# options that every target of ours is compiled with.
# SPDX-License-Identifier: Apache-2.0
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
find_program(PARLEY_CCACHE ccache)
if(PARLEY_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PARLEY_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${PARLEY_CCACHE})
endif()
find_package(Threads REQUIRED)

add_library(parley_options INTERFACE)
target_include_directories(parley_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src)
# -Wno-restrict: g++ 12 reports a false positive on string concatenation at -O3 (GCC bug 105329).
# -Wno-missing-field-initializers: designated initialisers name what differs from the defaults.
target_compile_options(parley_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wno-missing-field-initializers>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-restrict>
  $<$<AND:$<BOOL:${PARLEY_WERROR}>,$<COMPILE_LANGUAGE:CXX>>:-Werror>)
target_link_libraries(parley_options INTERFACE Threads::Threads)
if(PARLEY_TAPS)
  target_compile_definitions(parley_options INTERFACE PARLEY_TAPS=1)
endif()
if(PARLEY_SANITIZE)
  # -g1: lines for the reports, half the linking. -O0: a quarter of the compiling; the kernels keep their speed, because
  # the tests of the models live on it. -Wno-maybe-uninitialized: the checks that a sanitizer adds hide from
  # g++ which member of a std::variant is alive, and it warns of the others (its manual says so).
  target_compile_options(parley_options INTERFACE -fsanitize=${PARLEY_SANITIZE}
    -fno-sanitize-recover=all -fno-omit-frame-pointer -g1
    $<$<NOT:$<STREQUAL:$<TARGET_PROPERTY:NAME>,parley_kernels>>:-O0>
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-maybe-uninitialized>)
  target_compile_definitions(parley_options INTERFACE _GLIBCXX_ASSERTIONS)
  target_link_options(parley_options INTERFACE -fsanitize=${PARLEY_SANITIZE})
endif()
# parley_sanitizer_options(PROGRAM): tells the sanitizers about the libraries that we do not build.
function(parley_sanitizer_options program)
  if(PARLEY_SANITIZE AND NOT PARLEY_FUZZ)
    target_sources(${program} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support/sanitizer_options.cc)
  endif()
endfunction()
if(PARLEY_TIDY)
  find_program(PARLEY_CLANG_TIDY clang-tidy REQUIRED)
endif()

function(parley_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(parley_${name} STATIC ${arg_SOURCES})
  target_link_libraries(parley_${name} PUBLIC parley_options ${arg_DEPS} PRIVATE ${arg_PRIVATE_DEPS})
  if(PARLEY_TIDY)
    set_target_properties(parley_${name} PROPERTIES CXX_CLANG_TIDY "${PARLEY_CLANG_TIDY}")
  endif()
endfunction()

# parley_test(NAME DEPS …): every *_test.cc of tests/unit/NAME, or of DIR, in one binary, one CTest case per test.
# LABELS names the suite (unit, parity, golden, scenario, e2e, slow, gpu).
include(GoogleTest)
function(parley_test name)
  cmake_parse_arguments(arg "" "DIR" "DEPS;LABELS;PROPERTIES" ${ARGN})
  if(NOT arg_DIR)
    set(arg_DIR "${CMAKE_SOURCE_DIR}/tests/unit/${name}")
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS "${arg_DIR}/*_test.cc")
  find_package(GTest REQUIRED)
  add_executable(parley_${name}_test ${sources})
  # First, so that the linker finds in the modules what the doubles use.
  target_link_libraries(parley_${name}_test PRIVATE
    parley_test_support parley_options ${arg_DEPS} GTest::gtest GTest::gtest_main)
  set(timeout_s 300)
  if(PARLEY_SANITIZE)
    set(timeout_s 3000)
  endif()
  parley_sanitizer_options(parley_${name}_test)
  target_compile_definitions(parley_${name}_test PRIVATE PARLEY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  gtest_discover_tests(parley_${name}_test DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${timeout_s} ${arg_PROPERTIES})
endfunction()

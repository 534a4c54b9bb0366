# parley_fuzz(NAME DEPS …): tests/fuzz/NAME_fuzz.cc with the corpus of tests/fuzz/corpus/NAME. In the fuzz preset (clang)
# a libFuzzer program, whose CTest case fuzzes for 20 s; in the others the same harness over the saved corpus, by
# replay_main.cc. Every finding becomes a file of the corpus.
# SPDX-License-Identifier: Apache-2.0
function(parley_fuzz name)
  cmake_parse_arguments(arg "" "" "DEPS" ${ARGN})
  set(dir ${CMAKE_SOURCE_DIR}/tests/fuzz)
  add_executable(parley_${name}_fuzz ${dir}/${name}_fuzz.cc)
  target_link_libraries(parley_${name}_fuzz PRIVATE parley_options ${arg_DEPS})
  if(PARLEY_FUZZ)
    target_link_options(parley_${name}_fuzz PRIVATE -fsanitize=fuzzer)
    # New inputs go to a folder of the build, findings to crash-NAME-… there; the corpus of the tree is only read.
    set(found ${CMAKE_CURRENT_BINARY_DIR}/${name})
    file(MAKE_DIRECTORY ${found})
    add_test(NAME Fuzz.${name} COMMAND parley_${name}_fuzz -max_total_time=20 -max_len=65536 -timeout=10 -rss_limit_mb=2048
      -print_final_stats=1 -artifact_prefix=${found}/crash- ${found} ${dir}/corpus/${name})
    set_tests_properties(Fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 120)
  else()
    target_sources(parley_${name}_fuzz PRIVATE ${dir}/replay_main.cc)
    add_test(NAME Fuzz.${name}.Corpus COMMAND parley_${name}_fuzz ${dir}/corpus/${name})
    set_tests_properties(Fuzz.${name}.Corpus PROPERTIES LABELS fuzz TIMEOUT 60)
  endif()
endfunction()

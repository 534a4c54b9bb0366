// A generated file of the tree must be what the program writes today.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "support/paths.h"

namespace parley::test {

// `path` from the root of the tree; `command` writes it anew.
inline void ExpectFileIs(const std::string& path, const std::string& expected,
                         const std::string& command) {
  std::ifstream file(SourceDir() + "/" + path, std::ios::binary);
  const std::string found{std::istreambuf_iterator<char>(file), {}};
  if (found == expected) return;
  size_t line = 1;
  for (size_t i = 0; i < found.size() && i < expected.size() && found[i] == expected[i]; ++i) {
    line += found[i] == '\n';
  }
  ADD_FAILURE() << path << ":" << line
                << ": is not what the program writes; write it anew: " << command;
}

}  // namespace parley::test

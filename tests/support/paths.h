// Where tests find what they need: data in the tree, models in the model directory.
// A missing model is a failure that names what to run, never a skip.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace parley::test {

inline std::string DataDir() { return std::string(PARLEY_SOURCE_DIR) + "/tests/data"; }
inline std::string GoldenDir() { return std::string(PARLEY_SOURCE_DIR) + "/tests/golden"; }

// ModelDir("silero-vad"): $PARLEY_MODELS/silero-vad, else ~/.cache/parley/models/silero-vad.
inline std::string ModelDir(const std::string& name) {
  const char* models = std::getenv("PARLEY_MODELS");
  const char* home = std::getenv("HOME");
  const std::string root = models != nullptr
                               ? models
                               : std::string(home != nullptr ? home : "") + "/.cache/parley/models";
  const std::string dir = root + "/" + name;
  if (!std::filesystem::is_directory(dir)) {
    ADD_FAILURE() << dir << " is missing: run ./check, which fetches and verifies the models";
  }
  return dir;
}

}  // namespace parley::test

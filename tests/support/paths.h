// Where tests find what they need: data in the tree, models in the model directory.
// A missing model is a failure that names what to run, never a skip.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace parley::test {

inline std::string SourceDir() { return PARLEY_SOURCE_DIR; }
inline std::string DataDir() { return SourceDir() + "/tests/data"; }
inline std::string GoldenDir() { return SourceDir() + "/tests/golden"; }

// ModelDir("silero-vad"): $PARLEY_MODELS/silero-vad, else ~/.cache/parley/models/silero-vad.
inline std::string ModelDir(const std::string& name) {
  const char* models = std::getenv("PARLEY_MODELS");
  const char* home = std::getenv("HOME");
  const std::string root = models != nullptr && *models != '\0'
                               ? models
                               : std::string(home != nullptr ? home : "") + "/.cache/parley/models";
  const std::string dir = root + "/" + name;
  if (!std::filesystem::is_directory(dir)) {
    ADD_FAILURE() << dir << " is missing: run ./check, which fetches and verifies the models";
  }
  return dir;
}

// A fresh folder that goes away with the test.
class TempDir {
 public:
  TempDir() {
    path_ = (std::filesystem::temp_directory_path() / "parley_test_XXXXXX").string();
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make " + path_);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace parley::test

// Models and downloads as text for a terminal: what `parley models list|fetch|verify` prints.
// Thread:   one ConsoleProgress per thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "fetch/fetch.h"
#include "fetch/state.h"

namespace parley::fetch {

std::string PrintSize(int64_t bytes);  // "98.4 MB"

// One line a model: name, whether it is there, size, licence, source, what it is for.
std::string RenderList(const std::vector<ModelState>& states, const std::string& dir);

// One line a file, and at the end whether all is well.
std::string RenderVerify(const std::vector<ModelState>& states);
bool AllIntact(const std::vector<ModelState>& states);

std::string RenderFetch(const FetchReport& report, const std::string& dir);

// On a terminal one line that is written over and over; elsewhere a line for every quarter of a
// file.
class ConsoleProgress {
 public:
  explicit ConsoleProgress(std::FILE* out);
  bool operator()(const Progress& progress);

 private:
  std::FILE* out_;
  bool terminal_;
  std::string what_;
  int64_t shown_ = -1;  // quarters of the file, or tenths of a second on a terminal
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace parley::fetch

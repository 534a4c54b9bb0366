// What is told while a model is loaded, where nobody looks at a terminal: a line for every quarter, and one at the end.
// SPDX-License-Identifier: Apache-2.0
#include "app/loading_progress.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace parley::app {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

std::string TextOf(std::FILE* file) {
  std::rewind(file);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  return text;
}

TEST(LoadingProgress, TellsQuartersAndTheEndOnce) {
  const File file(std::tmpfile(), std::fclose);
  LoadingProgress progress("cuda:0", 400'000'000, file.get());
  for (int i = 0; i < 39; ++i) progress.Add(10'000'000);  // the norms are not counted
  progress.End();
  progress.Add(10'000'000);  // the transcriber, on the same device
  progress.End();
  EXPECT_EQ(TextOf(file.get()),
            "  cuda:0: weights  100.0 MB of 400.0 MB\n"
            "  cuda:0: weights  200.0 MB of 400.0 MB\n"
            "  cuda:0: weights  300.0 MB of 400.0 MB\n"
            "  cuda:0: weights  400.0 MB of 400.0 MB\n");
}

TEST(LoadingProgress, RanksMayTellMoreThanWasExpected) {
  const File file(std::tmpfile(), std::fclose);
  LoadingProgress progress("cuda:0+1", 80'000'000, file.get());
  {
    std::vector<std::jthread> ranks;
    for (int rank = 0; rank < 2; ++rank) {
      ranks.emplace_back([&] {
        for (int i = 0; i < 60; ++i) progress.Add(1'000'000);
      });
    }
  }
  progress.End();
  EXPECT_EQ(TextOf(file.get()),
            "  cuda:0+1: weights  20.0 MB of 80.0 MB\n"
            "  cuda:0+1: weights  40.0 MB of 80.0 MB\n"
            "  cuda:0+1: weights  60.0 MB of 80.0 MB\n"
            "  cuda:0+1: weights  80.0 MB of 80.0 MB\n");
}

}  // namespace
}  // namespace parley::app

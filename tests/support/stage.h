// Drives a streaming stage with one cutting of its input after another.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <vector>

#include "common/streaming_stage.h"

namespace parley::test {

template <StreamingStage Stage>
std::vector<typename Stage::Out> RunStage(Stage& stage, std::span<const typename Stage::In> input,
                                          size_t chunk) {
  std::vector<typename Stage::Out> output;
  auto append = [&](std::span<const typename Stage::Out> out) {
    output.insert(output.end(), out.begin(), out.end());
  };
  for (size_t at = 0; at < input.size(); at += chunk) {
    append(stage.Push(input.subspan(at, std::min(chunk, input.size() - at))));
  }
  append(stage.Flush());
  return output;
}

// The law of style §3.11: any cutting equals one push plus flush, and a stage that was flushed or
// reset has forgotten what was before. Every comparison is exact.
template <StreamingStage Stage>
void ExpectChunkingDoesNotMatter(Stage& stage, std::span<const typename Stage::In> input) {
  const auto whole = RunStage(stage, input, std::max<size_t>(1, input.size()));
  ASSERT_FALSE(whole.empty()) << "a comparison of nothing proves nothing";
  for (const size_t chunk : {1, 2, 3, 7, 160}) {
    const auto cut = RunStage(stage, input, chunk);
    ASSERT_EQ(cut.size(), whole.size()) << "chunks of " << chunk;
    for (size_t i = 0; i < cut.size(); ++i) {
      ASSERT_TRUE(cut[i] == whole[i]) << "output " << i << " with chunks of " << chunk;
    }
  }
  stage.Push(input.first(input.size() / 2));
  stage.Reset();
  EXPECT_TRUE(RunStage(stage, input, input.size()) == whole) << "Reset left something behind";
}

}  // namespace parley::test

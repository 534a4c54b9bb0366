// A device that draws tokens itself: the host's sampler behind the device's interface, greedy, one token a row of logits.
// Thread:   as the backend behind it.
// Memory:   a row of logits.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <vector>

#include "kernels/forwarding_backend.h"
#include "model/sampler.h"

namespace parley::test {

class DrawingBackend final : public kernels::ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  bool samples() const override { return true; }
  void Sample(const kernels::TensorView& logits, std::span<const kernels::TokenRequest> rows,
              std::span<int32_t> ids) override {
    ++steps;
    for (size_t r = 0; r < rows.size(); ++r) {
      const kernels::TokenRequest& request = rows[r];
      most_history = std::max(most_history, request.history.size());
      std::vector<float> values(static_cast<size_t>(logits.cols));
      Download(logits.Rows(static_cast<int32_t>(r), 1), values);
      EXPECT_GE(request.uniform, 0.0);
      EXPECT_LT(request.uniform, 1.0);
      model::Sampler greedy({.repetition_penalty = request.repetition_penalty,
                             .vocabulary_limit = request.limit,
                             .banned = {request.banned.begin(), request.banned.end()}});
      ids[r] = greedy.Sample(values, request.history);
    }
  }
  int steps = 0;
  size_t most_history = 0;
};

}  // namespace parley::test

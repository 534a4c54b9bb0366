// A decoder in front of another: keeps the logits of the last sampled row, so that a test can compare bits.
// Thread:   one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "model/decoder.h"

namespace parley::test {

class LogitRecorder final : public model::Decoder {
 public:
  explicit LogitRecorder(const model::Decoder& inner) : inner_(inner) {}
  const model::DecoderGeometry& geometry() const override { return inner_.geometry(); }
  size_t weight_bytes() const override { return inner_.weight_bytes(); }
  model::DecoderState NewState(int32_t max_rows, int32_t max_logit_rows) const override {
    return inner_.NewState(max_rows, max_logit_rows);
  }
  void Forward(const model::DecoderInput& input, model::DecoderState& state) const override {
    inner_.Forward(input, state);
    if (input.logit_rows.empty()) return;
    const float* row = state.logits.view().F32(static_cast<int32_t>(input.logit_rows.size()) - 1);
    last_.assign(row, row + geometry().vocabulary);
  }
  const std::vector<float>& last() const { return last_; }

 private:
  const model::Decoder& inner_;
  mutable std::vector<float> last_;
};

}  // namespace parley::test

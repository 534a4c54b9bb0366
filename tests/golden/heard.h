// A golden's mel through the encoder and the adaptor that are compared with it.
// Thread:   one.
// Memory:   what is given back.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "kernels/backend.h"
#include "model/audio_encoder.h"

namespace parley::golden {

// `mel` is rows of `cols`; `most_frames` is what the state has room for.
inline model::EncoderState Encode(const model::AudioEncoder& encoder, std::vector<float>& mel,
                                  int32_t cols, int32_t most_frames) {
  model::EncoderState state = encoder.NewState(most_frames);
  const kernels::TensorView rows{.data = mel.data(),
                                 .dtype = kernels::DType::kF32,
                                 .rows = static_cast<int32_t>(mel.size()) / cols,
                                 .cols = cols,
                                 .stride = cols};
  const bool begun = encoder.Begin(rows, state).has_value();
  EXPECT_TRUE(begun);
  while (begun && !encoder.Advance(state)) {
  }
  return state;
}

inline kernels::Tensor Adapt(kernels::Backend& backend, model::Adaptor& adaptor,
                             const model::EncoderState& state) {
  kernels::Tensor heard =
      backend.Allocate(kernels::DType::kF32, adaptor.OutRows(state.out_rows), adaptor.out_width());
  adaptor.Forward(state.out.view().Rows(0, state.out_rows), heard);
  return heard;
}

}  // namespace parley::golden

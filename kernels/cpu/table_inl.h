// The table of the instruction set whose lanes were included before.
// Thread:   constant.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cpu/math_inl.h"
// the others build on the two above
#include "kernels/cpu/attention_inl.h"
#include "kernels/cpu/dense_product_inl.h"
#include "kernels/cpu/group_product_inl.h"
#include "kernels/cpu/quantise_inl.h"
#include "kernels/cpu/rows_inl.h"

namespace parley::kernels::cpu {
namespace {

constexpr KernelTable TableNamed(const char* name) {
  return {.name = name,
          .quantise_wide = QuantiseWide,
          .quantise_row = QuantiseRow,
          .to_bf16 = ToBf16Row,
          .dense_f32 = Dense<F32Kind>,
          .dense_bf16 = Dense<Bf16Kind>,
          .dense_i8 = Dense<I8Kind>,
          .group_product = Group,
          .dot_bytes_peak = DotBytesPeak,
          .read_peak = ReadPeak,
          .key_tiles = KeyTiles,
          .value_rows = ValueRows,
          .softmax = Softmax,
          .rms_norm = RmsNormRow,
          .layer_norm = LayerNormRow,
          .add = AddRow,
          .scale = ScaleRow,
          .blend = BlendRow,
          .swiglu = SwiGluRow,
          .gelu = GeluRow,
          .relu = ReluRow,
          .rope_split = RopeSplit,
          .mean2 = Mean2,
          .first_above = FirstAbove};
}

}  // namespace
}  // namespace parley::kernels::cpu

// What a decoder takes of a GPU's memory, computed from its geometry: for `parley doctor`, and so that a model that does
// not fit is refused, with what would fit, before a byte of it is read.
// Thread:   plain functions.
// Memory:   none.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"
#include "model/decoder.h"
#include "weights/checkpoint.h"

namespace parley::model {

// Beside weights and cache: the context, the library's workspace, activations, recorded steps. A round number that the
// measured use of the benches (0.6 to 0.9 GiB) stays below.
inline constexpr int64_t kGpuOverheadBytes = int64_t{1} << 30;
// Of what is left behind the weights and that, pages take so much; the rest is for what grows (scratch, libraries).
inline constexpr double kPagesShare = 0.95;

// Weights of one rank as kernels/cuda keeps them: the table whole and in bf16, the head and the matrices cut and in
// `storage`, biases and norms in f32. kFp8Row has a scale a row.
int64_t RankWeightBytes(const DecoderGeometry& geometry, kernels::Storage storage, int32_t ranks);

// Keys and values of a page on one rank, in bf16.
int64_t RankPageBytes(const DecoderGeometry& geometry, int32_t ranks);

// Pages that fit on every rank when the one with the least memory has so much; 0 when not even the weights do.
int64_t PagesThatFit(const DecoderGeometry& geometry, kernels::Storage storage, int32_t ranks,
                     int64_t memory_bytes);

// Talks of `positions` each in so many pages, as an engine promises them.
int64_t TalksThatFit(int64_t pages, int64_t positions);

// kExhausted when one talk does not fit: how much is missing, and which storage or number of GPUs would do.
Status CheckFits(const DecoderGeometry& geometry, kernels::Storage storage, int32_t ranks,
                 int64_t free_bytes, int64_t positions);

// With what a model hears sound itself: where its audio encoder is and where its adaptor; null: it hears words.
struct Ears {
  const weights::Checkpoint* encoder = nullptr;
  const weights::Checkpoint* adaptor = nullptr;
};
// Of a checkpoint that has both beside its decoder.
Ears EarsOf(const weights::Checkpoint& checkpoint);
// What they take in bf16, with a state for so many sounds at once; 0 when there are none.
int64_t EarsBytes(const Ears& ears, int32_t sounds);

std::string PrintGib(int64_t bytes);  // "62.4 GiB"

}  // namespace parley::model

// The language model: a Llama- or Qwen2-shaped decoder over a paged cache, written once for every backend.
// Thread:   const after Load; the state is the caller's, one step at a time (the engine's thread).
// Memory:   weights in the backend's storage; DecoderState holds every activation, allocated once for `max_rows`.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "common/ids.h"
#include "common/result.h"
#include "kernels/backend.h"
#include "model/weight_loading.h"
#include "weights/checkpoint.h"

namespace parley::model {

struct DecoderGeometry {  // read from the checkpoint, never operator config
  int32_t layers = 0;
  int32_t hidden = 0;
  int32_t heads = 0;
  int32_t kv_heads = 0;
  int32_t head_dim = 0;
  int32_t ffn = 0;
  int32_t vocabulary = 0;
  int32_t max_positions = 0;
  float norm_eps = 1e-5F;
  kernels::RopeParams rope;
  bool qkv_bias = false;
  bool tied_head = false;
};

Result<DecoderGeometry> ReadDecoderGeometry(const weights::Checkpoint& checkpoint);

// Every activation of a step. Row r of x is one position of one sequence. Types are the backend's activation_type(), but
// where f32 is said.
struct DecoderState {
  kernels::Tensor x;            // [max_rows, hidden] residual stream, f32
  kernels::Tensor h;            // [max_rows, hidden]
  kernels::Tensor qkv;          // [max_rows, (heads + 2 kv_heads) * head_dim]
  kernels::Tensor attn;         // [max_rows, heads * head_dim]
  kernels::Tensor gate_up;      // [max_rows, 2 ffn]
  kernels::Tensor act;          // [max_rows, ffn]
  kernels::Tensor picked_x;     // [max_logit_rows, hidden] of x, f32
  kernels::Tensor picked;       // [max_logit_rows, hidden], normed
  kernels::Tensor logits_part;  // [max_logit_rows, vocabulary / ranks], f32; empty alone
  kernels::Tensor logits;       // [max_logit_rows, vocabulary], f32
  std::vector<std::shared_ptr<DecoderState>> others;  // of the other ranks
};

// Rows of one step: ids[i] >= 0 is a token; ids[i] < 0 takes the next row of `embeddings` (audio from the adaptor).
struct DecoderInput {
  std::span<const TokenId> ids;    // [batch.rows]
  kernels::TensorView embeddings;  // [number of negative ids, hidden], or empty
  const kernels::StepBatch* batch = nullptr;
  std::span<const int32_t> logit_rows;  // rows whose next-token logits are wanted; may be empty
};

// The first tensor that is missing or has another shape than the geometry says.
Status CheckDecoderTensors(const weights::Checkpoint& checkpoint, const DecoderGeometry& geometry);

// Whether a decoder can be cut over so many ranks; the error names what does not divide.
Status CheckRanks(const DecoderGeometry& geometry, int32_t ranks);

class Decoder {
 public:
  // `slice`: a rank of a tensor-parallel decoder loads its share of the heads, the inner rows of the feed-forward network and
  // the head's rows; its backend has joined the others' communicator, and all ranks run the same steps. Its geometry() is the
  // whole model's, its cache has kv_heads / ranks heads, and rank 0 has the logits.
  static Result<std::unique_ptr<Decoder>> Load(kernels::Backend& backend,
                                               const weights::Checkpoint& checkpoint,
                                               kernels::Storage storage = kernels::Storage::kAsIs,
                                               Slice slice = {});
  virtual ~Decoder() = default;
  virtual const DecoderGeometry& geometry() const = 0;
  virtual size_t weight_bytes() const = 0;
  virtual DecoderState NewState(int32_t max_rows, int32_t max_logit_rows) const = 0;
  // Appends the rows to their sequences' pages and leaves logits of `logit_rows` in state.logits.
  virtual void Forward(const DecoderInput& input, DecoderState& state) const = 0;
};

}  // namespace parley::model

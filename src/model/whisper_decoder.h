// Whisper's text decoder: causal over what it has said (a dense cache), crosswise over what the encoder heard.
// Thread:   const after Load; the state is the caller's (the engine's thread).
// Memory:   weights in the backend's storage; a WhisperState is allocated once, for its longest sound and step.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "common/ids.h"
#include "common/result.h"
#include "kernels/backend.h"
#include "model/audio_encoder.h"
#include "model/audio_names.h"
#include "weights/checkpoint.h"

namespace parley::model {

struct WhisperGeometry {  // what the tensors are; the number of heads is metadata
  int32_t layers = 0;
  int32_t hidden = 0;
  int32_t heads = 0;
  int32_t ffn = 0;
  int32_t vocabulary = 0;
  int32_t positions = 0;  // of text, prompt included
};

struct WhisperState {
  kernels::Tensor x, h;                     // [max_rows, hidden]
  kernels::Tensor qkv;                      // [max_rows, 3 hidden]
  kernels::Tensor attn;                     // [max_rows, hidden]
  kernels::Tensor ffn;                      // [max_rows, ffn]
  kernels::Tensor logits;                   // [max_rows, vocabulary]
  std::vector<kernels::Tensor> said = {};   // a layer: [positions, keys | values]
  std::vector<kernels::Tensor> heard = {};  // a layer: [max_heard, keys | values]
  int32_t length = 0;                       // positions said; set it back to say something else
  int32_t heard_rows = 0;
};

class WhisperDecoder {
 public:
  static Result<std::unique_ptr<WhisperDecoder>> Load(kernels::Backend& backend,
                                                      const weights::Checkpoint& checkpoint,
                                                      kernels::Storage storage);
  const WhisperGeometry& geometry() const { return geometry_; }
  size_t weight_bytes() const;
  WhisperState NewState(int32_t max_heard, int32_t max_rows) const;

  // Keys and values of one layer over the encoder's rows: once a sound and layer, before the first Forward.
  void Hear(const kernels::TensorView& encoded, SilentTail tail, int32_t layer,
            WhisperState& state) const;
  // Says `ids` from state.length on; the logits of the last `logit_rows` of them are in state.logits.
  void Forward(std::span<const TokenId> ids, int32_t logit_rows, WhisperState& state) const;

 private:
  struct LayerWeights {
    NormWeights self_norm;
    LinearWeights qkv, self_out;
    NormWeights cross_norm;
    LinearWeights cross_q, cross_kv, cross_out;
    NormWeights ffn_norm;
    LinearWeights up, down;
  };

  explicit WhisperDecoder(kernels::Backend& backend) : backend_(backend) {}
  Status ReadGeometry(const weights::Checkpoint& checkpoint, const AudioNames& names);
  Status LoadWeights(const weights::Checkpoint& checkpoint, kernels::Storage storage);
  Status LoadLayer(const AudioLoader& load, int32_t layer);
  void Layer(int32_t layer, int32_t rows, WhisperState& state) const;

  kernels::Backend& backend_;
  WhisperGeometry geometry_;
  kernels::WeightPtr table_;  // embeddings and head
  kernels::Tensor positions_;
  std::vector<LayerWeights> layers_;
  NormWeights final_norm_;
};

}  // namespace parley::model

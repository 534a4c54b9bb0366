// What the decoder's tensors are called: in GGUF files, and in safetensors of Hugging Face and of Step-Audio.
// Thread:   plain values.
// Memory:   a few strings, while loading.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "weights/checkpoint.h"

namespace parley::model {

struct DecoderNames {
  std::string table;  // token embeddings
  std::string final_norm;
  std::string head;       // absent from the file when it is tied to the table
  std::string layers;     // "model.layers." or "blk."
  std::string attn_norm;  // the rest: after the layer's number
  std::string q, k, v, out;
  std::string ffn_norm;
  std::string gate, up, down;
  std::string q_norm;  // of models that this graph does not run (Qwen3): refused when there

  std::string Weight(int32_t layer, const std::string& part) const {
    return layers + std::to_string(layer) + "." + part + ".weight";
  }
  std::string Bias(int32_t layer, const std::string& part) const {
    return layers + std::to_string(layer) + "." + part + ".bias";
  }
};

DecoderNames NamesOf(const weights::Checkpoint& checkpoint);

}  // namespace parley::model

// What the tensors of audio encoders and of Whisper's decoder are called in each of three families of checkpoints:
// CTranslate2, Hugging Face (Whisper), Step-Audio. A part is named without its ending; the endings differ too.
// Thread:   plain values.
// Memory:   a few strings, while loading.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "common/result.h"
#include "kernels/backend.h"
#include "model/weight_loading.h"
#include "weights/checkpoint.h"

namespace parley::model {

struct AudioNames {                    // a part that a family does not have stays empty
  std::string conv1 = {}, conv2 = {};  // of the encoder
  std::string embeddings = {};         // of the decoder; the head is tied to it
  std::string positions = {};          // the whole name of the table
  std::string block = {};              // before the number of a block
  std::string attn_norm = {};
  std::string qkv = {}, q = {}, k = {}, v = {}, out = {};  // fused, or three apart
  std::string cross_norm = {};                             // cross_*: of the decoder
  std::string cross_q = {}, cross_kv = {}, cross_k = {}, cross_v = {}, cross_out = {};
  std::string ffn_norm = {}, up = {}, down = {};
  std::string final_norm = {};
  std::string weight = ".weight", bias = ".bias";            // endings of linear and convolution
  std::string norm_weight = ".weight", norm_bias = ".bias";  // endings of a norm
  bool pool = false;           // pairs of rows are averaged before the last norm
  std::string heads_key = {};  // where the metadata says how many heads there are

  std::string Block(int32_t layer, const std::string& part) const {
    return block + std::to_string(layer) + (weight[0] == '/' ? "/" : ".") + part;
  }
};

// Which family the checkpoint is of, by its tensors; an error that says what was looked for.
Result<AudioNames> EncoderNamesOf(const weights::Checkpoint& checkpoint);
Result<AudioNames> WhisperDecoderNamesOf(const weights::Checkpoint& checkpoint);

// How many blocks there are: block 0, 1, … as long as the next one's attention norm is found.
int32_t CountBlocks(const weights::Checkpoint& checkpoint, const AudioNames& names);

struct NormWeights {
  kernels::Tensor weight, bias;
};
struct LinearWeights {
  kernels::WeightPtr weight;
  kernels::Tensor bias;
};

// Loads the parts of one network: a backend, a checkpoint, its names and a storage, said once.
struct AudioLoader {
  kernels::Backend& backend;
  const weights::Checkpoint& checkpoint;
  const AudioNames& names;
  kernels::Storage storage;

  Result<NormWeights> Norm(const std::string& part, int32_t size) const;
  // Several parts become one product. A part without a bias in the file (Whisper's keys) gets zeros.
  Result<LinearWeights> Linear(std::initializer_list<MatrixRows> parts, int32_t in) const;
  // `fused` when the file has it, else the parts.
  Result<LinearWeights> Fused(const std::string& fused, std::initializer_list<MatrixRows> parts,
                              int32_t in) const;
};

}  // namespace parley::model

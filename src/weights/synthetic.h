// Checkpoints of the Step-Audio family with random weights: every name and shape of the real ones, so that loading, memory
// and speed can be measured where the real weights are not at hand. What such a model says is noise.
// Thread:   one.
// Memory:   a few megabytes; weights are made in pieces.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "weights/checkpoint_table.h"
#include "weights/safetensors_writer.h"

namespace parley::weights {

struct SyntheticGeometry {
  // audio encoder and adaptor
  int64_t mels = 128;
  int64_t audio_context = 1500;
  int64_t audio_state = 1280;
  int64_t audio_heads = 20;
  int64_t audio_layers = 32;
  int64_t adaptor_hidden = 2048;
  // decoder
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t ffn = 0;
  int64_t vocabulary = 158720;
  int64_t max_positions = 0;
  double norm_eps = 0;
  double rope_theta = 1e6;

  // "step-audio-2-mini": 832 tensors, 8.3 billion parameters. "step-audio-r1": 1264 tensors, 33.5 billion parameters.
  // "tiny", for tests: the same names, two layers, well under a million parameters.
  static Result<SyntheticGeometry> Named(const std::string& name);
};

enum class ConfigLayout : uint8_t {
  kNested,
  kFlat
};  // config.json and config_origin.json of the published models

struct SyntheticOptions {
  SyntheticGeometry geometry;
  ConfigLayout config = ConfigLayout::kNested;
  bool index = true;  // write model.safetensors.index.json
  uint64_t shard_bytes = uint64_t{5} * 1000 * 1000 * 1000;
  uint64_t seed = 1;
};

// The decoder's part of config.json, for weights that are no file.
void SetDecoderNumbers(const SyntheticGeometry& geometry, CheckpointTable& table);

// Every tensor of the model, in the order it is written; all bf16.
std::vector<TensorPlan> SyntheticTensors(const SyntheticGeometry& geometry);

// Writes shards, config.json and the index into the folder `dir`, which is made. The same options give the same bytes.
// Norms are near one; a matrix [out, in] is uniform with the variance 1 / in, so that activations keep their size.
Status WriteSynthetic(const std::string& dir, const SyntheticOptions& options);

}  // namespace parley::weights

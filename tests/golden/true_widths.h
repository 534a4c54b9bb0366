// Step-Audio-R1 in its true widths, with as many layers as asked for and a vocabulary of 4,096. Its weights are written
// nowhere: a counter makes them, by the rules of `weight` in make_width_goldens.py.
// Thread:   plain values.
// Memory:   vectors, convolutions and positions; matrices are made where they are loaded.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/random_values.h"
#include "weights/checkpoint_table.h"
#include "weights/synthetic.h"

namespace parley::golden {

class TrueWidths {
 public:
  TrueWidths(int64_t audio_layers, int64_t layers) {
    weights::SyntheticGeometry g = *weights::SyntheticGeometry::Named("step-audio-r1");
    g.audio_layers = audio_layers;
    g.layers = layers;
    g.vocabulary = 4096;
    for (const weights::TensorPlan& tensor : weights::SyntheticTensors(g)) Add(tensor);
    table_.SetNumber("audio_encoder_config.n_audio_head", static_cast<double>(g.audio_heads));
    weights::SetDecoderNumbers(g, table_);
  }
  const weights::Checkpoint& checkpoint() const { return table_; }

 private:
  static uint64_t SeedOf(std::string_view name) {
    uint64_t fnv = 14695981039346656037U;
    for (const char c : name) fnv = (fnv ^ static_cast<uint8_t>(c)) * 1099511628211U;
    return fnv;
  }

  void Add(const weights::TensorPlan& tensor) {
    const bool vector = tensor.shape.size() == 1;
    double in = 1;
    size_t count = 1;
    for (size_t d = 0; d < tensor.shape.size(); ++d) {
      count *= static_cast<size_t>(tensor.shape[d]);
      if (d > 0) in *= static_cast<double>(tensor.shape[d]);
    }
    const bool positions = tensor.name.find("positional") != std::string::npos;
    const bool embeds = tensor.name.find("embed") != std::string::npos;
    const float scale = vector                ? 0.2F
                        : embeds || positions ? 1.0F
                                              : static_cast<float>(std::sqrt(3.0 / in));
    const uint64_t seed = SeedOf(tensor.name);
    if (tensor.shape.size() == 2 && !positions) {
      EXPECT_TRUE(table_.AddRandom(tensor.name, tensor.shape, seed, scale).has_value());
      return;
    }
    const float middle = vector && tensor.name.ends_with(".weight") ? 1.0F : 0.0F;
    std::vector<float>& values = *memory_.emplace_back(std::make_unique<std::vector<float>>(count));
    for (size_t i = 0; i < count; ++i) {
      const float value = kernels::RandomValue(seed, i) * scale;
      values[i] = value + middle;
    }
    EXPECT_TRUE(table_
                    .Add("width_test", tensor.name, tensor.shape, kernels::WeightFormat::kF32,
                         std::as_bytes(std::span(values)))
                    .has_value());
  }

  std::vector<std::unique_ptr<std::vector<float>>> memory_;  // before the table, which borrows
  weights::CheckpointTable table_{"safetensors"};
};

}  // namespace parley::golden

// What stands beside a Piper voice in its .onnx.json: rate, defaults, and the numbers of phonemes.
// Thread:   const after loading.
// Memory:   a few kB.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/result.h"
#include "tts/text_normalizer.h"

namespace parley::tts {

struct PiperConfig {
  int sample_rate_hz = 0;
  float noise_scale = 0;                                      // of the sound
  float length_scale = 1;                                     // larger is slower
  float noise_w = 0;                                          // of the durations
  std::unordered_map<std::string, std::vector<int64_t>> ids;  // one UTF-8 character -> numbers
};

Result<PiperConfig> LoadPiperConfig(const std::string& path);

// What the network reads for a clause, and where each word begins in it.
struct PiperInput {
  std::vector<int64_t> ids;
  std::vector<size_t> word_begin;  // index into ids; a word without sound: that of the next
  int unknown = 0;                 // characters the voice has no number for, left out
};

// `sounds` are the IPA of `words`. Between two symbols stands a pad, as Piper was trained.
PiperInput MakePiperInput(const PiperConfig& config, std::span<const SpokenWord> words,
                          std::span<const std::string> sounds);

}  // namespace parley::tts

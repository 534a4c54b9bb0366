// SPDX-License-Identifier: Apache-2.0
#include "app/gpu_report.h"

#include <cstdio>

#include "common/check.h"
#include "model/footprint.h"
#include "weights/synthetic.h"

namespace parley::app {
namespace {

constexpr const char* kModels[] = {"step-audio-2-mini", "step-audio-r1"};

model::DecoderGeometry DecoderOf(const weights::SyntheticGeometry& from) {
  model::DecoderGeometry g;
  g.layers = static_cast<int32_t>(from.layers);
  g.hidden = static_cast<int32_t>(from.hidden);
  g.heads = static_cast<int32_t>(from.heads);
  g.kv_heads = static_cast<int32_t>(from.kv_heads);
  g.head_dim = g.hidden / g.heads;
  g.ffn = static_cast<int32_t>(from.ffn);
  g.vocabulary = static_cast<int32_t>(from.vocabulary);
  g.qkv_bias = true;
  return g;
}

// Encoder and adaptor, in bf16.
int64_t HearingBytes(const weights::SyntheticGeometry& geometry) {
  int64_t values = 0;
  for (const weights::TensorPlan& tensor : weights::SyntheticTensors(geometry)) {
    if (tensor.name.starts_with("model.") || tensor.name.starts_with("lm_head")) continue;
    int64_t count = 1;
    for (const int64_t size : tensor.shape) count *= size;
    values += count;
  }
  return values * 2;
}

template <class... Arguments>
std::string Line(const char* format, Arguments... arguments) {
  char text[256];
  std::snprintf(text, sizeof(text), format, arguments...);
  return text;
}

std::string Row(const char* name, const model::DecoderGeometry& g, kernels::Storage storage,
                int32_t gpus, int64_t gpu_bytes, int64_t positions) {
  const char* weights = storage == kernels::Storage::kFp8Row ? "fp8" : "bf16";
  if (const Status cut = model::CheckRanks(g, gpus); !cut) {
    return Line("%-18s %-5s %4d   %s\n", name, weights, gpus, cut.error().message.c_str());
  }
  const int64_t bytes = model::RankWeightBytes(g, storage, gpus);
  const int64_t talks =
      model::TalksThatFit(model::PagesThatFit(g, storage, gpus, gpu_bytes), positions);
  const std::string sessions = talks > 0 ? std::to_string(talks) : "does not fit";
  return Line("%-18s %-5s %4d %14s   %s\n", name, weights, gpus, model::PrintGib(bytes).c_str(),
              sessions.c_str());
}

std::string Numbers(const std::vector<int>& numbers) {
  std::string text;
  for (const int number : numbers) text += (text.empty() ? "" : ", ") + std::to_string(number);
  return text;
}

}  // namespace

std::vector<HealthRow> GpuHealth(const Result<std::vector<kernels::CudaDevice>>& devices) {
  if (!devices) return {{Health::kOk, "GPU", "none used: " + devices.error().message, ""}};
  if (devices->empty()) return {{Health::kOk, "GPU", "none here", ""}};
  std::vector<HealthRow> rows;
  for (const kernels::CudaDevice& gpu : *devices) {
    std::string found = gpu.name + ", " + model::PrintGib(gpu.total_bytes) + ", " +
                        model::PrintGib(gpu.free_bytes) + " free";
    if (devices->size() > 1) {
      found += gpu.peers.empty() ? ", reaches no other GPU's memory"
                                 : ", reaches the memory of " + Numbers(gpu.peers);
    }
    const bool fits = gpu.major == 9;
    rows.push_back({fits ? Health::kOk : Health::kWarn, "cuda:" + std::to_string(gpu.index), found,
                    fits ? ""
                         : "its compute capability is " + std::to_string(gpu.major) + "." +
                               std::to_string(gpu.minor) +
                               "; the kernels are built for 9.0 (H100, H200)"});
  }
  return rows;
}

std::string WhatFits(int64_t gpu_bytes, int64_t positions) {
  std::string text = "what fits on GPUs with " + model::PrintGib(gpu_bytes) +
                     " free each, in talks of " + std::to_string(positions) +
                     " positions (conversation.max_tokens)\n";
  text += Line("%-18s %-5s %4s %14s   %s\n", "model", "in", "GPUs", "weights each", "talks");
  int64_t hearing = 0;
  for (const char* name : kModels) {
    const auto geometry = weights::SyntheticGeometry::Named(name);
    PARLEY_CHECK(geometry.has_value(), "a geometry of our own");
    hearing = HearingBytes(*geometry);
    for (const auto storage : {kernels::Storage::kBf16, kernels::Storage::kFp8Row}) {
      for (const int32_t gpus : {1, 2, 4, 8}) {
        text += Row(name, DecoderOf(*geometry), storage, gpus, gpu_bytes, positions);
      }
    }
  }
  text += "decoders only; encoder and adaptor take " + model::PrintGib(hearing) +
          " more where they run. " + model::PrintGib(model::kGpuOverheadBytes) +
          " a GPU is left for the library and activations.\n";
  return text;
}

}  // namespace parley::app

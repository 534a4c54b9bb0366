// SPDX-License-Identifier: Apache-2.0
#include "model/footprint.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "model/audio_names.h"

namespace parley::model {

using kernels::Storage;

namespace {

// A page more than the positions need, for the page that a fork copies (engine/engine_core.h).
int64_t PagesOfTalk(int64_t positions) {
  return (positions + kernels::kPageTokens - 1) / kernels::kPageTokens + 1;
}

const char* Name(Storage storage) { return storage == Storage::kFp8Row ? "fp8" : "bf16"; }

int64_t Need(const DecoderGeometry& g, Storage storage, int32_t ranks, int64_t positions) {
  const auto pages = static_cast<double>(PagesOfTalk(positions) * RankPageBytes(g, ranks));
  return RankWeightBytes(g, storage, ranks) + kGpuOverheadBytes +
         static_cast<int64_t>(pages / kPagesShare) + 1;
}

std::string OnGpus(int32_t ranks) {
  return ranks == 1 ? "one GPU" : "each of " + std::to_string(ranks) + " GPUs";
}

}  // namespace

int64_t RankWeightBytes(const DecoderGeometry& g, Storage storage, int32_t ranks) {
  const bool fp8 = storage == Storage::kFp8Row;
  // A matrix [out, in] of which a rank has values / ranks; `rows` of them are its own.
  const auto matrix = [&](int64_t out, int64_t in, int64_t rows) {
    const int64_t values = out * in / ranks;
    return fp8 ? values + rows * 4 : values * 2;
  };
  const int64_t hidden = g.hidden;
  const int64_t q = int64_t{g.heads} * g.head_dim;
  const int64_t qkv = q + int64_t{2} * g.kv_heads * g.head_dim;
  const int64_t ffn = g.ffn;
  int64_t layer = matrix(qkv, hidden, qkv / ranks) + matrix(hidden, q, hidden) +
                  matrix(2 * ffn, hidden, 2 * ffn / ranks) + matrix(hidden, ffn, hidden) +
                  2 * hidden * 4;
  if (g.qkv_bias) layer += qkv / ranks * 4;
  const int64_t values = int64_t{g.vocabulary} * hidden;
  const int64_t head = matrix(g.vocabulary, hidden, g.vocabulary / ranks);
  // A tied table is kept as the head is. One rank has one of both, several cut the head and keep the table whole.
  const int64_t table = g.tied_head && fp8 ? values + int64_t{g.vocabulary} * 4 : values * 2;
  const int64_t ends = g.tied_head && ranks == 1 ? head : table + head;
  return layer * g.layers + ends + hidden * 4;
}

int64_t RankPageBytes(const DecoderGeometry& g, int32_t ranks) {
  return int64_t{2} * g.layers * (g.kv_heads / ranks) * kernels::kPageTokens * g.head_dim * 2;
}

int64_t PagesThatFit(const DecoderGeometry& geometry, Storage storage, int32_t ranks,
                     int64_t memory_bytes) {
  const int64_t left = memory_bytes - RankWeightBytes(geometry, storage, ranks) - kGpuOverheadBytes;
  if (left <= 0) return 0;
  return static_cast<int64_t>(static_cast<double>(left) * kPagesShare) /
         RankPageBytes(geometry, ranks);
}

int64_t TalksThatFit(int64_t pages, int64_t positions) { return pages / PagesOfTalk(positions); }

Status CheckFits(const DecoderGeometry& geometry, Storage storage, int32_t ranks,
                 int64_t free_bytes, int64_t positions) {
  PARLEY_TRY_STATUS(CheckRanks(geometry, ranks));
  const int64_t need = Need(geometry, storage, ranks, positions);
  if (need <= free_bytes) return {};
  std::string would;
  const auto offer = [&](Storage other, int32_t gpus) {
    if (!CheckRanks(geometry, gpus) || Need(geometry, other, gpus, positions) > free_bytes) return;
    would += (would.empty() ? "" : ", or ") + std::string(Name(other)) + " on " + OnGpus(gpus) +
             " (" + PrintGib(Need(geometry, other, gpus, positions)) + ")";
  };
  if (storage != Storage::kFp8Row) offer(Storage::kFp8Row, ranks);
  for (int32_t gpus = ranks * 2; gpus <= 8; gpus *= 2) {
    const size_t before = would.size();
    offer(storage, gpus);
    if (would.size() > before) break;
  }
  return Fail(Code::kExhausted, "the model in " + std::string(Name(storage)) + " needs " +
                                    PrintGib(need) + " of " + OnGpus(ranks) + ", one talk of " +
                                    std::to_string(positions) + " positions included, and " +
                                    PrintGib(free_bytes) +
                                    " are free: " + PrintGib(need - free_bytes) + " are missing; " +
                                    (would.empty() ? "neither fp8 nor up to 8 such GPUs would do"
                                                   : "it would fit as " + would));
}

Ears EarsOf(const weights::Checkpoint& checkpoint) {
  const bool both = checkpoint.Find("encoder.conv1.weight") != nullptr &&
                    checkpoint.Find("adapter.conv.weight") != nullptr;
  return both ? Ears{&checkpoint, &checkpoint} : Ears{};
}

int64_t EarsBytes(const Ears& ears, int32_t sounds) {
  if (ears.encoder == nullptr) return 0;
  int64_t weights = 0;
  const auto count = [&](const weights::Checkpoint& checkpoint, std::string_view part) {
    for (const weights::TensorInfo& tensor : checkpoint.tensors()) {
      if (!tensor.name.starts_with(part)) continue;
      int64_t values = 1;
      for (const int64_t extent : tensor.shape) values *= extent;
      weights += 2 * values;
    }
  };
  count(*ears.encoder, "encoder");
  count(*ears.adaptor, "adapter.");
  const auto names = EncoderNamesOf(*ears.encoder);
  const auto extent = [&](const std::string& name, size_t dimension) -> int64_t {
    const weights::TensorInfo* tensor = ears.encoder->Find(name);
    return tensor == nullptr || tensor->shape.size() <= dimension ? 0 : tensor->shape[dimension];
  };
  if (!names) return weights;  // loading them says what is missing
  const int64_t positions = extent(names->positions, 0);
  const int64_t hidden = extent(names->conv1 + names->weight, 0);
  const int64_t ffn = extent(names->Block(0, names->up) + names->weight, 0);
  // EncoderState: the residual stream in f32, six times its width and the middle in bf16 for every row; of one sound its
  // features and what the convolutions make of them, unfolded.
  const int64_t rows = positions * (4 * hidden + 2 * (6 * hidden + ffn));
  const int64_t once = positions * hidden * 2 * (2 + 3 + 2) + positions * 2 * 128 * 4;
  return weights + sounds * rows + once;
}

std::string PrintGib(int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f GiB", static_cast<double>(bytes) / (1 << 30));
  return text;
}

}  // namespace parley::model

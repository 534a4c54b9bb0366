// What the engine relies on: rows may come in any chunks, be taken back, and share a step with others, and nothing
// changes. The tiny Llama of the goldens is the model.
// SPDX-License-Identifier: Apache-2.0
#include "model/decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "model/one_sequence.h"
#include "support/paths.h"
#include "weights/checkpoint_table.h"

namespace parley::model {
namespace {

using kernels::DType;
using kernels::Storage;

constexpr int32_t kLength = 37;  // into the third page

std::vector<TokenId> Ids() {
  std::vector<TokenId> ids(kLength);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<TokenId>((i * 53 + 11) % 128);
  return ids;
}

std::vector<float> Values(kernels::Backend& backend, const kernels::TensorView& view) {
  std::vector<float> out(static_cast<size_t>(view.rows) * static_cast<size_t>(view.cols));
  backend.Download(view, out);
  return out;
}

struct Tiny {
  explicit Tiny(Storage storage, DType kv = DType::kF32) : kv_dtype(kv) {
    auto opened = weights::Checkpoint::Open(test::GoldenDir() + "/llama");
    PARLEY_CHECK(opened.has_value(), "the golden Llama");
    checkpoint = *std::move(opened);
    auto loaded = Decoder::Load(*backend, *checkpoint, storage);
    PARLEY_CHECK(loaded.has_value(), "loads");
    decoder = *std::move(loaded);
  }
  OneSequence Sequence() const { return {*backend, *decoder, 64, kv_dtype, kLength}; }
  std::vector<float> Whole() const {
    OneSequence sequence = Sequence();
    return Values(*backend, sequence.Append(Ids()));
  }

  DType kv_dtype;
  std::unique_ptr<kernels::Backend> backend = kernels::MakeReferenceBackend();
  std::unique_ptr<weights::Checkpoint> checkpoint;
  std::unique_ptr<Decoder> decoder;
};

class DecoderChunks : public ::testing::TestWithParam<Storage> {};

TEST_P(DecoderChunks, AnyChunkingGivesTheSameBits) {
  const Tiny tiny(GetParam(), DType::kBf16);
  const std::vector<float> whole = tiny.Whole();
  const std::vector<TokenId> ids = Ids();
  for (const size_t chunk : {1U, 2U, 3U, 7U, 16U, 17U}) {
    OneSequence sequence = tiny.Sequence();
    std::vector<float> logits;
    for (size_t at = 0; at < ids.size(); at += chunk) {
      const std::span<const TokenId> part =
          std::span(ids).subspan(at, std::min(chunk, ids.size() - at));
      const std::vector<float> values = Values(*tiny.backend, sequence.Append(part));
      logits.insert(logits.end(), values.begin(), values.end());
    }
    EXPECT_EQ(logits, whole) << "in chunks of " << chunk;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryStorage, DecoderChunks,
                         ::testing::Values(Storage::kAsIs, Storage::kF32, Storage::kBf16,
                                           Storage::kGroup8, Storage::kI8Row));

TEST(Decoder, WhatWasTakenBackLeavesNoTrace) {
  const Tiny tiny(Storage::kF32);
  const std::vector<TokenId> ids = Ids();
  OneSequence sequence = tiny.Sequence();
  sequence.Append(std::span(ids).first(20));
  const std::vector<TokenId> wrong(9, 5);
  sequence.Append(wrong);
  sequence.Rollback(14);
  const std::vector<float> again =
      Values(*tiny.backend, sequence.Append(std::span(ids).subspan(14)));
  const std::vector<float> whole = tiny.Whole();
  const std::vector<float> tail(whole.end() - static_cast<ptrdiff_t>(again.size()), whole.end());
  EXPECT_EQ(again, tail);
}

TEST(Decoder, GivesLogitsOfTheRowsThatAreWantedOnly) {
  const Tiny tiny(Storage::kF32);
  OneSequence sequence = tiny.Sequence();
  const kernels::TensorView last = sequence.Append(Ids(), {}, /*all_logits=*/false);
  EXPECT_EQ(last.rows, 1);
  const std::vector<float> whole = tiny.Whole();
  const std::vector<float> values = Values(*tiny.backend, last);
  EXPECT_TRUE(std::equal(values.begin(), values.end(),
                         whole.end() - static_cast<ptrdiff_t>(values.size())));
}

TEST(Decoder, EmbeddingsStandForTokens) {
  const Tiny tiny(Storage::kF32);
  std::vector<TokenId> ids = Ids();
  // The embeddings of ids 3, 4 and 30 themselves, handed in from outside.
  const weights::TensorInfo* table = tiny.checkpoint->Find("model.embed_tokens.weight");
  const auto weight = tiny.backend->LoadWeight(
      std::vector<kernels::WeightSource>{
          {.format = table->format, .out = 128, .in = 64, .data = table->data}},
      Storage::kF32);
  ASSERT_TRUE(weight.has_value());
  const kernels::Tensor rows = tiny.backend->Allocate(DType::kF32, 3, 64);
  tiny.backend->Embed(**weight, std::vector<int32_t>{ids[3], ids[4], ids[30]}, rows);
  ids[3] = ids[4] = ids[30] = -1;
  OneSequence sequence = tiny.Sequence();
  EXPECT_EQ(Values(*tiny.backend, sequence.Append(ids, rows)), tiny.Whole());
}

TEST(Decoder, SequencesOfOneStepDoNotSeeEachOther) {
  const Tiny tiny(Storage::kF32);
  const DecoderGeometry& g = tiny.decoder->geometry();
  auto pool = tiny.backend->AllocateKv(
      {.layers = g.layers, .kv_heads = g.kv_heads, .head_dim = g.head_dim, .dtype = DType::kF32},
      8);
  ASSERT_TRUE(pool.has_value());
  // Two sequences over pages that alternate: 37 tokens and their first 20, in one step.
  const std::vector<TokenId> ids = Ids();
  std::vector<TokenId> both(ids);
  both.insert(both.end(), ids.begin(), ids.begin() + 20);
  std::vector<int32_t> positions(both.size());
  std::iota(positions.begin(), positions.begin() + kLength, 0);
  std::iota(positions.begin() + kLength, positions.end(), 0);
  std::vector<int32_t> row_seq(both.size(), 1);
  std::fill(row_seq.begin(), row_seq.begin() + kLength, 0);
  const std::vector<int32_t> pages = {0, 2, 4, 1, 3, 5};
  const kernels::StepBatch batch{.pool = &*pool,
                                 .rows = static_cast<int32_t>(both.size()),
                                 .position = positions.data(),
                                 .row_seq = row_seq.data(),
                                 .seqs = 2,
                                 .page_table = pages.data(),
                                 .max_pages = 3};
  DecoderState state = tiny.decoder->NewState(static_cast<int32_t>(both.size()), 2);
  const std::vector<int32_t> wanted = {kLength - 1, kLength + 19};
  tiny.decoder->Forward({.ids = both, .embeddings = {}, .batch = &batch, .logit_rows = wanted},
                        state);
  const std::vector<float> values = Values(*tiny.backend, state.logits);
  const std::vector<float> whole = tiny.Whole();
  const auto row = [&](const std::vector<float>& from, size_t n) {
    return std::vector<float>(from.begin() + static_cast<ptrdiff_t>(n * 128),
                              from.begin() + static_cast<ptrdiff_t>((n + 1) * 128));
  };
  EXPECT_EQ(row(values, 0), row(whole, kLength - 1));
  EXPECT_EQ(row(values, 1), row(whole, 19));
}

TEST(Decoder, ATiedHeadIsTheTableAndTakesNoMemoryOfItsOwn) {
  const Tiny tiny(Storage::kF32);
  const DecoderGeometry& g = tiny.decoder->geometry();
  ASSERT_TRUE(g.tied_head);
  const size_t layer = static_cast<size_t>(64) * 128 + 64 * 64 + 3 * 64 * 96;
  const size_t table = static_cast<size_t>(128) * 64;
  EXPECT_EQ(tiny.decoder->weight_bytes(), 4 * (2 * layer + table));
}

// The golden Llama with one tensor left out, renamed or of another shape.
std::string LoadErrorWith(const std::string& change, const std::string& new_name,
                          std::vector<int64_t> new_shape) {
  const auto original = weights::Checkpoint::Open(test::GoldenDir() + "/llama");
  weights::CheckpointTable table("safetensors");
  for (const char* key :
       {"hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
        "intermediate_size", "max_position_embeddings", "rms_norm_eps", "rope_theta"}) {
    table.SetNumber(key, *(*original)->Number(key));
  }
  for (const weights::TensorInfo& info : (*original)->tensors()) {
    const std::span bytes(static_cast<const std::byte*>(info.data), info.bytes);
    const bool changed = info.name == change;
    if (changed && new_name.empty()) continue;
    const auto added =
        table.Add("test", changed ? new_name : info.name,
                  changed && !new_shape.empty() ? new_shape : info.shape, info.format, bytes);
    EXPECT_TRUE(added.has_value());
  }
  const auto backend = kernels::MakeReferenceBackend();
  const auto decoder = Decoder::Load(*backend, table);
  return decoder.has_value() ? "loaded" : decoder.error().message;
}

TEST(Decoder, NamesATensorThatIsMissing) {
  const std::string message = LoadErrorWith("model.layers.1.mlp.down_proj.weight", "", {});
  EXPECT_NE(message.find("\"model.layers.1.mlp.down_proj.weight\""), std::string::npos) << message;
}

TEST(Decoder, NamesTheNearestTensorWhenOneIsMisspelt) {
  const std::string message = LoadErrorWith("model.norm.weight", "model.norms.weight", {});
  EXPECT_NE(message.find("\"model.norm.weight\""), std::string::npos) << message;
  EXPECT_NE(message.find("\"model.norms.weight\""), std::string::npos) << message;
}

TEST(Decoder, NamesBothShapesWhenOneIsWrong) {
  const std::string name = "model.layers.0.self_attn.k_proj.weight";
  const std::string message = LoadErrorWith(name, name, {64, 32});
  EXPECT_NE(message.find(name), std::string::npos) << message;
  EXPECT_NE(message.find("[64, 32]"), std::string::npos) << message;
  EXPECT_NE(message.find("[32, 64]"), std::string::npos) << message;
}

}  // namespace
}  // namespace parley::model

// A decoder cut over ranks says what the whole one says: 2, 4 and 8 ranks on the reference backend with a communicator in
// the process; what cannot be cut is refused by name; a rank that never comes is an error in time.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "kernels/communicator.h"
#include "model/decoder.h"
#include "model/parallel_decoder.h"
#include "support/compare.h"
#include "weights/checkpoint_table.h"

namespace parley::model {
namespace {

using weights::CheckpointTable;

constexpr int32_t kHidden = 64;
constexpr int32_t kHeads = 16;
constexpr int32_t kKvHeads = 8;
constexpr int32_t kDim = 8;
constexpr int32_t kFfn = 96;
constexpr int32_t kVocabulary = 128;

struct Made {
  std::unique_ptr<CheckpointTable> checkpoint;
  std::vector<std::unique_ptr<std::vector<float>>> memory;  // of its vectors
};

// Qwen2's shape with biases; every matrix by a counter.
Made Model(bool tied) {
  Made made;
  made.checkpoint = std::make_unique<CheckpointTable>("safetensors");
  CheckpointTable* t = made.checkpoint.get();
  t->SetNumber("hidden_size", kHidden);
  t->SetNumber("num_hidden_layers", 3);
  t->SetNumber("num_attention_heads", kHeads);
  t->SetNumber("num_key_value_heads", kKvHeads);
  t->SetNumber("head_dim", kDim);
  t->SetNumber("intermediate_size", kFfn);
  t->SetNumber("max_position_embeddings", 256);
  t->SetNumber("rms_norm_eps", 1e-6);
  t->SetNumber("rope_theta", 1e4);
  uint64_t seed = 1;
  const auto matrix = [&](const std::string& name, int64_t out, int64_t in) {
    EXPECT_TRUE(t->AddRandom(name, {out, in}, seed++, 0.2F).has_value());
  };
  const auto vector = [&](const std::string& name, int64_t n, float middle) {
    made.memory.push_back(std::make_unique<std::vector<float>>(
        testing::Noise(seed++).Values(static_cast<size_t>(n), 0.1F)));
    std::vector<float>& values = *made.memory.back();
    for (float& v : values) v += middle;
    EXPECT_TRUE(
        t->Add("test", name, {n}, kernels::WeightFormat::kF32, std::as_bytes(std::span(values)))
            .has_value());
  };
  matrix("model.embed_tokens.weight", kVocabulary, kHidden);
  vector("model.norm.weight", kHidden, 1.0F);
  if (!tied) matrix("lm_head.weight", kVocabulary, kHidden);
  for (int layer = 0; layer < 3; ++layer) {
    const std::string p = "model.layers." + std::to_string(layer) + ".";
    vector(p + "input_layernorm.weight", kHidden, 1.0F);
    vector(p + "post_attention_layernorm.weight", kHidden, 1.0F);
    matrix(p + "self_attn.q_proj.weight", kHeads * kDim, kHidden);
    matrix(p + "self_attn.k_proj.weight", kKvHeads * kDim, kHidden);
    matrix(p + "self_attn.v_proj.weight", kKvHeads * kDim, kHidden);
    vector(p + "self_attn.q_proj.bias", kHeads * kDim, 0.0F);
    vector(p + "self_attn.k_proj.bias", kKvHeads * kDim, 0.0F);
    vector(p + "self_attn.v_proj.bias", kKvHeads * kDim, 0.0F);
    matrix(p + "self_attn.o_proj.weight", kHidden, kHeads * kDim);
    matrix(p + "mlp.gate_proj.weight", kFfn, kHidden);
    matrix(p + "mlp.up_proj.weight", kFfn, kHidden);
    matrix(p + "mlp.down_proj.weight", kHidden, kFfn);
  }
  return made;
}

// Logits of a prompt's last row and of three tokens behind it, as rank 0 has them.
std::vector<float> Say(const CheckpointTable& checkpoint, int32_t ranks) {
  const auto communicator = ranks > 1 ? kernels::MakeHostCommunicator(ranks) : nullptr;
  std::vector<float> said;
  std::vector<std::thread> threads;
  for (int32_t rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      const auto backend = kernels::MakeReferenceBackend();
      if (communicator != nullptr) backend->Join(communicator, rank);
      const auto decoder =
          Decoder::Load(*backend, checkpoint, kernels::Storage::kF32, {rank, ranks});
      ASSERT_TRUE(decoder.has_value()) << decoder.error().message;
      DecoderState state = (*decoder)->NewState(8, 2);
      const auto pool = backend->AllocateKv({.layers = 3,
                                             .kv_heads = kKvHeads / ranks,
                                             .head_dim = kDim,
                                             .dtype = kernels::DType::kF32},
                                            2);
      ASSERT_TRUE(pool.has_value());
      const std::vector<int32_t> pages = {1, 0};
      const std::vector<TokenId> ids = {5, 77, 3, 120, 9, 64, 2};
      const std::vector<int32_t> seqs(ids.size(), 0);
      for (int32_t begin = 0; begin < 7;) {
        const int32_t count = begin == 0 ? 4 : 1;
        std::vector<int32_t> positions;
        for (int32_t i = 0; i < count; ++i) positions.push_back(begin + i);
        const kernels::StepBatch batch{.pool = &*pool,
                                       .rows = count,
                                       .position = positions.data(),
                                       .row_seq = seqs.data(),
                                       .seqs = 1,
                                       .page_table = pages.data(),
                                       .max_pages = 2};
        const std::vector<int32_t> wanted = {count - 1};
        (*decoder)->Forward(
            {.ids = std::span(ids).subspan(static_cast<size_t>(begin), static_cast<size_t>(count)),
             .embeddings = {},
             .batch = &batch,
             .logit_rows = wanted},
            state);
        if (rank == 0) {
          std::vector<float> logits(kVocabulary);
          backend->Download(state.logits.view().Rows(0, 1), logits);
          said.insert(said.end(), logits.begin(), logits.end());
        }
        begin += count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return said;
}

TEST(TensorParallel, EveryNumberOfRanksSaysTheSame) {
  for (const bool tied : {false, true}) {
    const Made made = Model(tied);
    const std::vector<float> alone = Say(*made.checkpoint, 1);
    ASSERT_EQ(alone.size(), size_t{4} * kVocabulary);
    float largest = 0.0F;
    for (const float v : alone) largest = std::max(largest, std::fabs(v));
    ASSERT_GT(largest, 0.1F);
    for (const int32_t ranks : {2, 4, 8}) {
      // Parts are rounded to f32 before they are added: 2 sums a layer, of values about the size of the residual stream.
      const std::vector<double> tolerance(alone.size(), 1e-5 * largest * ranks);
      EXPECT_TRUE(testing::Close(Say(*made.checkpoint, ranks), alone, tolerance))
          << ranks << " ranks";
    }
  }
}

// The ranks as one decoder over one backend: what an engine would do with it, a fork's page included.
TEST(TensorParallel, RanksAreOneDecoderForAnEngine) {
  const Made made = Model(false);
  std::vector<float> said[2];
  for (const int32_t count : {1, 4}) {
    const auto communicator = kernels::MakeHostCommunicator(count);
    std::vector<std::unique_ptr<kernels::Backend>> ranks;
    for (int32_t rank = 0; rank < count; ++rank) {
      ranks.push_back(kernels::MakeReferenceBackend());
      ranks.back()->Join(communicator, rank);
    }
    const auto model =
        ParallelModel::Load(std::move(ranks), *made.checkpoint, kernels::Storage::kF32);
    ASSERT_TRUE(model.has_value()) << model.error().message;
    kernels::Backend& backend = (*model)->backend();
    const Decoder& decoder = (*model)->decoder();
    DecoderState state = decoder.NewState(8, 2);
    const auto pool = backend.AllocateKv({.layers = 3,
                                          .kv_heads = decoder.geometry().kv_heads,
                                          .head_dim = kDim,
                                          .dtype = kernels::DType::kF32},
                                         3);
    ASSERT_TRUE(pool.has_value()) << pool.error().message;
    const auto step = [&](const std::vector<TokenId>& ids, int32_t begin, int32_t page) {
      std::vector<int32_t> positions;
      for (size_t i = 0; i < ids.size(); ++i) positions.push_back(begin + static_cast<int32_t>(i));
      const std::vector<int32_t> seqs(ids.size(), 0);
      const kernels::StepBatch batch{.pool = &*pool,
                                     .rows = static_cast<int32_t>(ids.size()),
                                     .position = positions.data(),
                                     .row_seq = seqs.data(),
                                     .seqs = 1,
                                     .page_table = &page,
                                     .max_pages = 1};
      const std::vector<int32_t> wanted = {static_cast<int32_t>(ids.size()) - 1};
      decoder.Forward({.ids = ids, .embeddings = {}, .batch = &batch, .logit_rows = wanted}, state);
      std::vector<float> logits(kVocabulary);
      backend.Download(state.logits.view().Rows(0, 1), logits);
      auto& all = said[count == 1 ? 0 : 1];
      all.insert(all.end(), logits.begin(), logits.end());
    };
    step({5, 77, 3, 120}, 0, 2);
    backend.CopyPage(*pool, 2, 0);
    step({9}, 4, 2);
    step({64}, 4, 0);  // the fork goes on differently
    step({11}, 5, 2);
    EXPECT_TRUE(backend.Poll().has_value());
  }
  ASSERT_EQ(said[0].size(), size_t{4} * kVocabulary);
  EXPECT_TRUE(testing::Close(said[1], said[0], std::vector<double>(said[0].size(), 1e-3)));
  EXPECT_NE(said[0][kVocabulary], said[0][size_t{2} * kVocabulary]);
}

TEST(TensorParallel, WhatCannotBeCutIsRefusedByName) {
  DecoderGeometry mini;
  mini.heads = 28;
  mini.kv_heads = 4;
  mini.ffn = 18944;
  mini.vocabulary = 158720;
  EXPECT_TRUE(CheckRanks(mini, 1).has_value());
  EXPECT_TRUE(CheckRanks(mini, 2).has_value());
  EXPECT_TRUE(CheckRanks(mini, 4).has_value());
  const Status eight = CheckRanks(mini, 8);
  ASSERT_FALSE(eight.has_value());
  EXPECT_EQ(eight.error().code, Code::kUnsupported);
  EXPECT_NE(eight.error().message.find("28 query heads cannot be cut over 8"), std::string::npos)
      << eight.error().message;
  mini.heads = 32;
  EXPECT_NE(CheckRanks(mini, 8).error().message.find("4 key-value heads"), std::string::npos);
  EXPECT_FALSE(CheckRanks(mini, 0).has_value());
  const auto backend = kernels::MakeReferenceBackend();
  EXPECT_FALSE(Decoder::Load(*backend, *Model(false).checkpoint, kernels::Storage::kF32, {0, 3})
                   .has_value());
}

TEST(TensorParallel, ARankThatNeverComesIsAnErrorInTime) {
  const auto communicator = kernels::MakeHostCommunicator(2, std::chrono::milliseconds(50));
  const auto backend = kernels::MakeReferenceBackend();
  const kernels::Tensor part = backend->Allocate(kernels::DType::kF32, 1, 8);
  EXPECT_TRUE(communicator->Failed().has_value());
  const auto start = std::chrono::steady_clock::now();
  communicator->Sum(0, part);
  communicator->Sum(0, part);  // and does not wait again
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  ASSERT_FALSE(communicator->Failed().has_value());
  EXPECT_NE(communicator->Failed().error().message.find("of 2 ranks"), std::string::npos);
}

}  // namespace
}  // namespace parley::model

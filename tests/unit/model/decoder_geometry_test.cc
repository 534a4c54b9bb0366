// Every layout of metadata that the family is found with, and what is said when it is not right.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/decoder.h"
#include "weights/checkpoint_table.h"

namespace parley::model {
namespace {

using ::testing::Test;
using weights::CheckpointTable;

void AddTensor(CheckpointTable& table, const std::string& name, std::vector<int64_t> shape) {
  size_t count = 1;
  for (const int64_t n : shape) count *= static_cast<size_t>(n);
  const std::vector<float> zeros(count);
  ASSERT_TRUE(table
                  .Add("test", name, std::move(shape), kernels::WeightFormat::kF32,
                       std::as_bytes(std::span(zeros)))
                  .has_value());
}

CheckpointTable Flat(const std::string& prefix = "") {
  CheckpointTable t("safetensors");
  t.SetNumber(prefix + "hidden_size", 64);
  t.SetNumber(prefix + "num_hidden_layers", 2);
  t.SetNumber(prefix + "num_attention_heads", 4);
  t.SetNumber(prefix + "num_key_value_heads", 2);
  t.SetNumber(prefix + "intermediate_size", 96);
  t.SetNumber(prefix + "max_position_embeddings", 256);
  t.SetNumber(prefix + "rms_norm_eps", 1e-6);
  t.SetNumber(prefix + "rope_theta", 1e6);
  AddTensor(t, "model.embed_tokens.weight", {12, 64});
  return t;
}

CheckpointTable Gguf(const std::string& architecture) {
  CheckpointTable t("gguf");
  t.SetText("general.architecture", architecture);
  t.SetNumber(architecture + ".block_count", 2);
  t.SetNumber(architecture + ".embedding_length", 64);
  t.SetNumber(architecture + ".attention.head_count", 4);
  t.SetNumber(architecture + ".attention.head_count_kv", 2);
  t.SetNumber(architecture + ".feed_forward_length", 96);
  t.SetNumber(architecture + ".context_length", 256);
  t.SetNumber(architecture + ".attention.layer_norm_rms_epsilon", 1e-5);
  t.SetNumber(architecture + ".rope.freq_base", 1e5);
  t.SetNumber(architecture + ".rope.dimension_count", 16);
  AddTensor(t, "token_embd.weight", {12, 64});
  return t;
}

std::string ErrorOf(const CheckpointTable& table) {
  const auto geometry = ReadDecoderGeometry(table);
  return geometry.has_value() ? "no error" : geometry.error().message;
}

void ExpectMentions(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message << "\nlacks: " << part;
}

TEST(DecoderGeometry, ReadsLlamaOfGguf) {
  const auto g = ReadDecoderGeometry(Gguf("llama"));
  ASSERT_TRUE(g.has_value()) << g.error().message;
  EXPECT_EQ(g->layers, 2);
  EXPECT_EQ(g->hidden, 64);
  EXPECT_EQ(g->heads, 4);
  EXPECT_EQ(g->kv_heads, 2);
  EXPECT_EQ(g->head_dim, 16);
  EXPECT_EQ(g->ffn, 96);
  EXPECT_EQ(g->vocabulary, 12);
  EXPECT_EQ(g->max_positions, 256);
  EXPECT_FLOAT_EQ(g->norm_eps, 1e-5F);
  EXPECT_FLOAT_EQ(g->rope.theta, 1e5F);
  EXPECT_EQ(g->rope.head_dim, 16);
  EXPECT_EQ(g->rope.style, kernels::RopeStyle::kInterleaved);
  EXPECT_FALSE(g->qkv_bias);
  EXPECT_TRUE(g->tied_head);
}

TEST(DecoderGeometry, Qwen2OfGgufRotatesHalves) {
  const auto g = ReadDecoderGeometry(Gguf("qwen2"));
  ASSERT_TRUE(g.has_value()) << g.error().message;
  EXPECT_EQ(g->rope.style, kernels::RopeStyle::kHalfSplit);
}

TEST(DecoderGeometry, ReadsFlatConfigJson) {
  CheckpointTable t = Flat();
  AddTensor(t, "lm_head.weight", {12, 64});
  AddTensor(t, "model.layers.0.self_attn.q_proj.bias", {64});
  const auto g = ReadDecoderGeometry(t);
  ASSERT_TRUE(g.has_value()) << g.error().message;
  EXPECT_EQ(g->kv_heads, 2);
  EXPECT_FLOAT_EQ(g->norm_eps, 1e-6F);
  EXPECT_FLOAT_EQ(g->rope.theta, 1e6F);
  EXPECT_EQ(g->rope.style, kernels::RopeStyle::kHalfSplit);
  EXPECT_TRUE(g->qkv_bias);
  EXPECT_FALSE(g->tied_head);
}

TEST(DecoderGeometry, ReadsNestedTextConfigOfStepAudio) {
  const auto g = ReadDecoderGeometry(Flat("text_config."));
  ASSERT_TRUE(g.has_value()) << g.error().message;
  EXPECT_EQ(g->hidden, 64);
  EXPECT_EQ(g->kv_heads, 2);
}

TEST(DecoderGeometry, ReadsStepAudiosOwnWords) {
  CheckpointTable t("safetensors");
  t.SetNumber("hidden_size", 64);
  t.SetNumber("num_hidden_layers", 64);
  t.SetNumber("num_attention_heads", 4);
  t.SetNumber("num_attention_groups", 2);  // for num_key_value_heads
  t.SetNumber("intermediate_size", 96);
  t.SetNumber("max_seq_len", 65536);  // for max_position_embeddings
  t.SetNumber("rope_theta", 1e6);
  AddTensor(t, "model.embed_tokens.weight", {12, 64});
  const auto g = ReadDecoderGeometry(t);
  ASSERT_TRUE(g.has_value()) << g.error().message;
  EXPECT_EQ(g->kv_heads, 2);
  EXPECT_EQ(g->max_positions, 65536);
  EXPECT_FLOAT_EQ(g->norm_eps, 1e-5F) << "64 layers without rms_norm_eps are R1's";
}

TEST(DecoderGeometry, ReadsThetaWhereNewerTransformersPutIt) {
  CheckpointTable t("safetensors");
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, double>>{{"hidden_size", 64},
                                                   {"num_hidden_layers", 1},
                                                   {"num_attention_heads", 4},
                                                   {"intermediate_size", 96},
                                                   {"max_position_embeddings", 256},
                                                   {"rms_norm_eps", 1e-6},
                                                   {"head_dim", 32},
                                                   {"rope_parameters.rope_theta", 5e5}}) {
    t.SetNumber(key, value);
  }
  t.SetText("rope_parameters.rope_type", "default");
  AddTensor(t, "model.embed_tokens.weight", {12, 64});
  const auto g = ReadDecoderGeometry(t);
  ASSERT_TRUE(g.has_value()) << g.error().message;
  EXPECT_FLOAT_EQ(g->rope.theta, 5e5F);
  EXPECT_EQ(g->head_dim, 32) << "head_dim need not be hidden / heads";
  EXPECT_EQ(g->kv_heads, 4) << "without a count of its own, every head has its keys";
}

TEST(DecoderGeometry, NamesTheKeyThatIsMissing) {
  CheckpointTable t("safetensors");
  t.SetNumber("hidden_size", 64);
  ExpectMentions(ErrorOf(t), "\"num_hidden_layers\"");
  CheckpointTable g("gguf");
  g.SetText("general.architecture", "llama");
  ExpectMentions(ErrorOf(g), "\"llama.block_count\"");
}

TEST(DecoderGeometry, RefusesAnEpsThatNobodySays) {
  CheckpointTable t = Flat();
  CheckpointTable without("safetensors");
  for (const char* key : {"hidden_size", "num_hidden_layers", "num_attention_heads",
                          "intermediate_size", "max_position_embeddings", "rope_theta"}) {
    without.SetNumber(key, *t.Number(key));
  }
  AddTensor(without, "model.embed_tokens.weight", {12, 64});
  ExpectMentions(ErrorOf(without), "\"rms_norm_eps\"");
}

TEST(DecoderGeometry, RefusesWhatTheGraphDoesNotRun) {
  CheckpointTable scaled = Flat();
  scaled.SetText("rope_scaling.rope_type", "yarn");
  ExpectMentions(ErrorOf(scaled), "\"rope_scaling.rope_type\" is \"yarn\"");

  CheckpointTable frequencies = Gguf("llama");
  AddTensor(frequencies, "rope_freqs.weight", {8});
  ExpectMentions(ErrorOf(frequencies), "rope_freqs.weight");

  CheckpointTable sliding = Flat();
  sliding.SetNumber("use_sliding_window", 1);
  ExpectMentions(ErrorOf(sliding), "use_sliding_window");

  CheckpointTable qwen3 = Flat();
  AddTensor(qwen3, "model.layers.0.self_attn.q_norm.weight", {16});
  ExpectMentions(ErrorOf(qwen3), "q_norm");

  ExpectMentions(ErrorOf(Gguf("mamba")), "\"mamba\"");

  CheckpointTable partial = Gguf("llama");
  partial.SetNumber("llama.rope.dimension_count", 8);
  ExpectMentions(ErrorOf(partial), "dimension_count");
}

TEST(DecoderGeometry, RefusesNumbersThatCannotBe) {
  CheckpointTable heads = Flat();
  heads.SetNumber("num_key_value_heads", 3);
  ExpectMentions(ErrorOf(heads), "4 heads");
  for (const double layers : {0.0, -1.0, 2.5, 1e12}) {
    CheckpointTable t = Flat();
    t.SetNumber("num_hidden_layers", layers);
    ExpectMentions(ErrorOf(t), "whole number");
  }
}

TEST(DecoderGeometry, TableMustBeAsWideAsTheConfigSays) {
  CheckpointTable t = Flat();
  t.SetNumber("hidden_size", 128);
  const std::string message = ErrorOf(t);
  ExpectMentions(message, "model.embed_tokens.weight");
  ExpectMentions(message, "64");
  ExpectMentions(message, "128");
}

}  // namespace
}  // namespace parley::model

// SPDX-License-Identifier: Apache-2.0
#include "weights/synthetic.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "weights/weight_format.h"

namespace parley::weights {
namespace {

namespace fs = std::filesystem;
constexpr size_t kPiece = size_t{1} << 18U;  // values that are made at a time

struct NamedGeometry {
  const char* name;
  SyntheticGeometry geometry;
};
constexpr NamedGeometry kGeometries[] = {
    {"step-audio-2-mini",
     {.hidden = 3584,
      .layers = 28,
      .heads = 28,
      .kv_heads = 4,
      .ffn = 18944,
      .max_positions = 16384,
      .norm_eps = 1e-6}},
    {"step-audio-r1",
     {.hidden = 5120,
      .layers = 64,
      .heads = 40,
      .kv_heads = 8,
      .ffn = 27648,
      .max_positions = 65536,
      .norm_eps = 1e-5}},
    {"tiny",
     {.audio_context = 100,
      .audio_state = 64,
      .audio_heads = 2,
      .audio_layers = 2,
      .adaptor_hidden = 96,
      .hidden = 128,
      .layers = 2,
      .heads = 4,
      .kv_heads = 2,
      .ffn = 160,
      .vocabulary = 320,
      .max_positions = 512,
      .norm_eps = 1e-6}},
};

class PlanBuilder {
 public:
  void Add(const std::string& name, std::vector<int64_t> shape) {
    plan_.push_back({name, std::move(shape), kernels::WeightFormat::kBf16});
  }
  void AddWithBias(const std::string& name, std::vector<int64_t> shape) {
    const int64_t out = shape[0];
    Add(name + ".weight", std::move(shape));
    Add(name + ".bias", {out});
  }
  std::vector<TensorPlan> Take() { return std::move(plan_); }

 private:
  std::vector<TensorPlan> plan_;
};

void AddEncoder(const SyntheticGeometry& g, PlanBuilder& plan) {
  const int64_t n = g.audio_state;
  plan.AddWithBias("encoder.conv1", {n, g.mels, 3});
  plan.AddWithBias("encoder.conv2", {n, n, 3});
  plan.Add("encoder.positional_embedding.weight", {g.audio_context, n});
  for (int64_t i = 0; i < g.audio_layers; ++i) {
    const std::string block = "encoder.blocks." + std::to_string(i) + ".";
    plan.AddWithBias(block + "attn_ln", {n});
    plan.AddWithBias(block + "attn.query", {n, n});
    plan.Add(block + "attn.key.weight", {n, n});  // the key has no bias
    plan.AddWithBias(block + "attn.value", {n, n});
    plan.AddWithBias(block + "attn.out", {n, n});
    plan.AddWithBias(block + "mlp_ln", {n});
    plan.AddWithBias(block + "mlp.0", {4 * n, n});
    plan.AddWithBias(block + "mlp.2", {n, 4 * n});
  }
  plan.AddWithBias("encoder.after_norm", {n});
}

void AddDecoder(const SyntheticGeometry& g, PlanBuilder& plan) {
  const int64_t head = g.hidden / g.heads;
  plan.Add("model.embed_tokens.weight", {g.vocabulary, g.hidden});
  for (int64_t i = 0; i < g.layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    plan.Add(layer + "input_layernorm.weight", {g.hidden});
    plan.AddWithBias(layer + "self_attn.q_proj", {g.hidden, g.hidden});
    plan.AddWithBias(layer + "self_attn.k_proj", {g.kv_heads * head, g.hidden});
    plan.AddWithBias(layer + "self_attn.v_proj", {g.kv_heads * head, g.hidden});
    plan.Add(layer + "self_attn.o_proj.weight", {g.hidden, g.hidden});
    plan.Add(layer + "post_attention_layernorm.weight", {g.hidden});
    plan.Add(layer + "mlp.gate_proj.weight", {g.ffn, g.hidden});
    plan.Add(layer + "mlp.up_proj.weight", {g.ffn, g.hidden});
    plan.Add(layer + "mlp.down_proj.weight", {g.hidden, g.ffn});
  }
  plan.Add("model.norm.weight", {g.hidden});
  plan.Add("lm_head.weight", {g.vocabulary, g.hidden});
}

nlohmann::ordered_json ConfigJson(const SyntheticGeometry& g, ConfigLayout layout) {
  nlohmann::ordered_json audio = {{"n_mels", g.mels},
                                  {"n_audio_ctx", g.audio_context},
                                  {"n_audio_state", g.audio_state},
                                  {"n_audio_head", g.audio_heads},
                                  {"n_audio_layer", g.audio_layers},
                                  {"n_codebook_size", 4096},
                                  {"llm_dim", g.hidden},
                                  {"kernel_size", 3},
                                  {"adapter_stride", 2}};
  nlohmann::ordered_json text = {{"hidden_size", g.hidden},
                                 {"intermediate_size", g.ffn},
                                 {"num_hidden_layers", g.layers},
                                 {"num_attention_heads", g.heads},
                                 {"num_attention_groups", g.kv_heads},
                                 {"num_key_value_heads", g.kv_heads},
                                 {"vocab_size", g.vocabulary},
                                 {"max_position_embeddings", g.max_positions},
                                 {"rms_norm_eps", g.norm_eps},
                                 {"rope_theta", g.rope_theta},
                                 {"tie_word_embeddings", false},
                                 {"eos_token_id", 151643}};
  nlohmann::ordered_json config = {{"architectures", {"StepAudio2ForCausalLM"}},
                                   {"model_type", "step_audio_2"}};
  config["parley_synthetic"] = true;  // so that nobody takes these weights for a model
  if (layout == ConfigLayout::kNested) {
    config["audio_encoder_config"] = std::move(audio);
    config["text_config"] = std::move(text);
  } else {
    config.update(audio);
    config.update(text);
  }
  return config;
}

uint64_t Mix(uint64_t z) {  // splitmix64
  z += 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

uint64_t HashOf(const std::string& name) {
  uint64_t fnv = 14695981039346656037U;
  for (const char c : name) fnv = (fnv ^ static_cast<uint8_t>(c)) * 1099511628211U;
  return fnv;
}

struct Spread {
  float middle = 0.0F;
  float radius = 0.0F;
};

Spread SpreadOf(const TensorPlan& tensor) {
  if (tensor.shape.size() == 1) {
    const bool norm = tensor.name.find("norm") != std::string::npos ||
                      tensor.name.find("_ln.") != std::string::npos;
    return norm && tensor.name.ends_with(".weight") ? Spread{1.0F, 0.05F} : Spread{0.0F, 0.02F};
  }
  if (tensor.name.ends_with("embedding.weight") || tensor.name.ends_with("embed_tokens.weight"))
    return {0.0F, 0.05F};
  double in = 1;
  for (size_t d = 1; d < tensor.shape.size(); ++d) in *= static_cast<double>(tensor.shape[d]);
  return {0.0F, static_cast<float>(std::sqrt(3.0 / in))};
}

Status WriteTensor(const TensorPlan& tensor, uint64_t seed, SafetensorsWriter& writer) {
  const Spread spread = SpreadOf(tensor);
  const uint64_t key = Mix(seed ^ HashOf(tensor.name));
  const uint64_t count = ElementCount(tensor.shape).value();
  std::vector<float> values;
  for (uint64_t at = 0; at < count; at += values.size()) {
    values.resize(std::min<uint64_t>(kPiece, count - at));
    for (size_t i = 0; i < values.size(); ++i) {
      const auto bits =
          static_cast<int32_t>(Mix(key + at + i) >> 40U) - (1 << 23U);  // [-2^23, 2^23)
      values[i] = spread.middle + spread.radius * static_cast<float>(bits) * 0x1p-23F;
    }
    PARLEY_TRY_STATUS(writer.Write(values));
  }
  return {};
}

// Tensors in order, as many to a shard as fit; one that is larger than a shard has its own.
std::vector<std::vector<TensorPlan>> Shards(std::vector<TensorPlan> tensors, uint64_t shard_bytes) {
  std::vector<std::vector<TensorPlan>> shards(1);
  uint64_t bytes = 0;
  for (TensorPlan& tensor : tensors) {
    const uint64_t size = ByteCount(tensor.format, tensor.shape).value();
    if (bytes + size > shard_bytes && !shards.back().empty()) {
      shards.emplace_back();
      bytes = 0;
    }
    bytes += size;
    shards.back().push_back(std::move(tensor));
  }
  return shards;
}

std::string ShardName(size_t number, size_t count) {
  if (count == 1) return "model.safetensors";
  char name[64];
  std::snprintf(name, sizeof(name), "model-%05zu-of-%05zu.safetensors", number, count);
  return name;
}

Status WriteText(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text << '\n';
  out.close();
  if (!out) return Fail(Code::kIo, path.string() + ": cannot write");
  return {};
}

}  // namespace

Result<SyntheticGeometry> SyntheticGeometry::Named(const std::string& name) {
  std::string known;
  for (const NamedGeometry& row : kGeometries) {
    if (name == row.name) return row.geometry;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  return Fail(Code::kInvalidArgument, "no geometry \"" + name + "\"; there are " + known);
}

void SetDecoderNumbers(const SyntheticGeometry& g, CheckpointTable& table) {
  table.SetNumber("num_hidden_layers", static_cast<double>(g.layers));
  table.SetNumber("hidden_size", static_cast<double>(g.hidden));
  table.SetNumber("num_attention_heads", static_cast<double>(g.heads));
  table.SetNumber("num_key_value_heads", static_cast<double>(g.kv_heads));
  table.SetNumber("intermediate_size", static_cast<double>(g.ffn));
  table.SetNumber("max_position_embeddings", static_cast<double>(g.max_positions));
  table.SetNumber("rope_theta", g.rope_theta);
  table.SetNumber("rms_norm_eps", g.norm_eps);
}

std::vector<TensorPlan> SyntheticTensors(const SyntheticGeometry& g) {
  PlanBuilder plan;
  AddEncoder(g, plan);
  plan.AddWithBias("adapter.conv", {g.audio_state, g.audio_state, 3});
  plan.AddWithBias("adapter.linear1", {g.adaptor_hidden, g.audio_state});
  plan.AddWithBias("adapter.linear2", {g.hidden, g.adaptor_hidden});
  AddDecoder(g, plan);
  return plan.Take();
}

Status WriteSynthetic(const std::string& dir, const SyntheticOptions& options) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) return Fail(Code::kIo, dir + ": cannot make the folder: " + error.message());
  const auto shards = Shards(SyntheticTensors(options.geometry), options.shard_bytes);
  nlohmann::ordered_json weight_map = nlohmann::ordered_json::object();
  uint64_t total = 0;
  for (size_t s = 0; s < shards.size(); ++s) {
    const std::string name = ShardName(s + 1, shards.size());
    PARLEY_TRY(SafetensorsWriter writer,
               SafetensorsWriter::Create((fs::path(dir) / name).string(), shards[s],
                                         {{"format", "pt"}, {"made_by", "parley synth"}}));
    for (const TensorPlan& tensor : shards[s]) {
      PARLEY_TRY_STATUS(WriteTensor(tensor, options.seed, writer));
      weight_map[tensor.name] = name;
      total += ByteCount(tensor.format, tensor.shape).value();
    }
    PARLEY_TRY_STATUS(writer.Finish());
  }
  PARLEY_TRY_STATUS(WriteText(fs::path(dir) / "config.json",
                              ConfigJson(options.geometry, options.config).dump(2)));
  if (!options.index) return {};
  const nlohmann::ordered_json index = {{"metadata", {{"total_size", total}}},
                                        {"weight_map", weight_map}};
  return WriteText(fs::path(dir) / "model.safetensors.index.json", index.dump(2));
}

}  // namespace parley::weights

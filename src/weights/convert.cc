// SPDX-License-Identifier: Apache-2.0
#include "weights/convert.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/check.h"
#include "weights/dequantize.h"
#include "weights/safetensors_writer.h"

namespace parley::weights {
namespace {

namespace fs = std::filesystem;

// GGUF name -> Hugging Face name, of what stands behind "blk.N." and "model.layers.N.".
constexpr std::pair<const char*, const char*> kLayerNames[] = {
    {"attn_norm.weight", "input_layernorm.weight"},
    {"attn_q.weight", "self_attn.q_proj.weight"},
    {"attn_k.weight", "self_attn.k_proj.weight"},
    {"attn_v.weight", "self_attn.v_proj.weight"},
    {"attn_output.weight", "self_attn.o_proj.weight"},
    {"ffn_norm.weight", "post_attention_layernorm.weight"},
    {"ffn_gate.weight", "mlp.gate_proj.weight"},
    {"ffn_up.weight", "mlp.up_proj.weight"},
    {"ffn_down.weight", "mlp.down_proj.weight"},
};
constexpr std::pair<const char*, const char*> kModelNames[] = {
    {"token_embd.weight", "model.embed_tokens.weight"},
    {"output_norm.weight", "model.norm.weight"},
    {"output.weight", "lm_head.weight"},
};

Result<std::string> HuggingFaceName(const std::string& gguf) {
  for (const auto& [from, to] : kModelNames) {
    if (gguf == from) return std::string(to);
  }
  const size_t dot = gguf.find('.', 4);
  if (gguf.starts_with("blk.") && dot != std::string::npos) {
    for (const auto& [from, to] : kLayerNames) {
      if (gguf.substr(dot + 1) == from) return "model.layers." + gguf.substr(4, dot - 4) + "." + to;
    }
  }
  return Fail(Code::kUnsupported, "tensor \"" + gguf + "\" has no name in Hugging Face's Llama");
}

Result<double> RequireNumber(const Checkpoint& from, const std::string& key) {
  const double* number = from.Number(key);
  if (!number) return Fail(Code::kCorruptData, "the GGUF file has no number \"" + key + "\"");
  return *number;
}

// The number that was written as 32 bits: 1e-05, not 9.999999747378752e-06.
double Decimal(double from_f32) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), static_cast<float>(from_f32)).ptr;
  double value = from_f32;
  std::from_chars(text, end, value);
  return value;
}

struct LlamaShape {
  int64_t heads = 0;
  int64_t kv_heads = 0;
};

// config.json of a Llama from the keys of its GGUF file.
Result<nlohmann::ordered_json> LlamaConfig(const Checkpoint& from, LlamaShape& shape) {
  const auto whole = [&from](const char* key) {
    return RequireNumber(from, std::string("llama.") + key);
  };
  PARLEY_TRY(const double layers, whole("block_count"));
  PARLEY_TRY(const double hidden, whole("embedding_length"));
  PARLEY_TRY(const double ffn, whole("feed_forward_length"));
  PARLEY_TRY(const double heads, whole("attention.head_count"));
  PARLEY_TRY(const double context, whole("context_length"));
  PARLEY_TRY(const double eps, whole("attention.layer_norm_rms_epsilon"));
  const double* kv_heads = from.Number("llama.attention.head_count_kv");
  const double* theta = from.Number("llama.rope.freq_base");
  shape = {static_cast<int64_t>(heads), static_cast<int64_t>(kv_heads ? *kv_heads : heads)};
  PARLEY_TRY(const TensorInfo* table,
             from.Require("token_embd.weight", {-1, static_cast<int64_t>(hidden)}));
  return nlohmann::ordered_json{{"architectures", {"LlamaForCausalLM"}},
                                {"model_type", "llama"},
                                {"hidden_size", static_cast<int64_t>(hidden)},
                                {"intermediate_size", static_cast<int64_t>(ffn)},
                                {"num_hidden_layers", static_cast<int64_t>(layers)},
                                {"num_attention_heads", shape.heads},
                                {"num_key_value_heads", shape.kv_heads},
                                {"vocab_size", table->shape[0]},
                                {"max_position_embeddings", static_cast<int64_t>(context)},
                                {"rms_norm_eps", Decimal(eps)},
                                {"rope_theta", theta ? Decimal(*theta) : 10000.0},
                                {"tie_word_embeddings", from.Find("output.weight") == nullptr}};
}

}  // namespace

void UnpermuteRope(std::span<float> rows, int64_t heads, int64_t in) {
  PARLEY_CHECK(heads > 0 && in > 0 && static_cast<int64_t>(rows.size()) % (2 * heads * in) == 0,
               "rows of q or k must be whole heads of pairs");
  const auto width = static_cast<size_t>(in);
  const size_t head = rows.size() / static_cast<size_t>(heads) / width;  // rows of a head
  std::vector<float> copy(head * width);
  for (size_t h = 0; h < static_cast<size_t>(heads); ++h) {
    const std::span<float> block = rows.subspan(h * head * width, head * width);
    std::copy(block.begin(), block.end(), copy.begin());
    for (size_t row = 0; row < head; ++row) {
      const size_t to = row / 2 + (row % 2) * (head / 2);
      std::copy_n(copy.begin() + static_cast<std::ptrdiff_t>(row * width), width,
                  block.begin() + static_cast<std::ptrdiff_t>(to * width));
    }
  }
}

Status ConvertToSafetensors(const Checkpoint& from, const std::string& dir,
                            kernels::WeightFormat format) {
  const std::string* architecture = from.Text("general.architecture");
  const bool gguf = from.format() == "gguf";
  if (gguf && (!architecture || *architecture != "llama")) {
    return Fail(Code::kUnsupported, "general.architecture is " +
                                        (architecture ? "\"" + *architecture + "\"" : "absent") +
                                        "; only \"llama\" GGUF files are converted");
  }
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) return Fail(Code::kIo, dir + ": cannot make the folder: " + error.message());
  LlamaShape llama;
  if (gguf) {
    PARLEY_TRY(const nlohmann::ordered_json config, LlamaConfig(from, llama));
    std::ofstream out(fs::path(dir) / "config.json");
    out << config.dump(2) << '\n';
    out.close();
    if (!out) return Fail(Code::kIo, dir + "/config.json: cannot write");
  }
  std::vector<TensorPlan> plan;
  for (const TensorInfo& tensor : from.tensors()) {
    std::string name = tensor.name;
    if (gguf) {
      PARLEY_TRY(name, HuggingFaceName(tensor.name));
    }
    plan.push_back({std::move(name), tensor.shape, format});
  }
  PARLEY_TRY(SafetensorsWriter writer,
             SafetensorsWriter::Create((fs::path(dir) / "model.safetensors").string(), plan,
                                       {{"format", "pt"}}));
  for (const TensorInfo& tensor : from.tensors()) {
    PARLEY_TRY(std::vector<float> values, Dequantized(tensor));
    const bool q = gguf && tensor.name.ends_with(".attn_q.weight");
    const bool k = gguf && tensor.name.ends_with(".attn_k.weight");
    if (q || k) UnpermuteRope(values, q ? llama.heads : llama.kv_heads, tensor.shape[1]);
    PARLEY_TRY_STATUS(writer.Write(values));
  }
  return writer.Finish();
}

}  // namespace parley::weights

// Geometry of a decoder from what its checkpoint says: GGUF keys, or config.json flat (Hugging Face) or nested
// (Step-Audio). Misleading defaults of Python classes are never relied on: what is missing is an error, with the two
// exceptions that are stated below.
// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "model/decoder.h"
#include "model/decoder_names.h"
#include "model/weight_loading.h"

namespace parley::model {

using weights::Checkpoint;

DecoderNames NamesOf(const Checkpoint& checkpoint) {
  if (checkpoint.format() == "gguf") {
    return {.table = "token_embd.weight",
            .final_norm = "output_norm.weight",
            .head = "output.weight",
            .layers = "blk.",
            .attn_norm = "attn_norm",
            .q = "attn_q",
            .k = "attn_k",
            .v = "attn_v",
            .out = "attn_output",
            .ffn_norm = "ffn_norm",
            .gate = "ffn_gate",
            .up = "ffn_up",
            .down = "ffn_down",
            .q_norm = "attn_q_norm"};
  }
  // Multimodal checkpoints of Hugging Face put the language model one level down.
  const bool nested = checkpoint.Find("language_model.model.embed_tokens.weight") != nullptr;
  const std::string prefix = nested ? "language_model." : "";
  return {.table = prefix + "model.embed_tokens.weight",
          .final_norm = prefix + "model.norm.weight",
          .head = prefix + "lm_head.weight",
          .layers = prefix + "model.layers.",
          .attn_norm = "input_layernorm",
          .q = "self_attn.q_proj",
          .k = "self_attn.k_proj",
          .v = "self_attn.v_proj",
          .out = "self_attn.o_proj",
          .ffn_norm = "post_attention_layernorm",
          .gate = "mlp.gate_proj",
          .up = "mlp.up_proj",
          .down = "mlp.down_proj",
          .q_norm = "self_attn.q_norm"};
}

namespace {

Status RefuseScaledRope(const Checkpoint& checkpoint, const std::string& prefix) {
  for (const char* key : {"rope_scaling.rope_type", "rope_scaling.type",
                          "rope_parameters.rope_type", "rope.scaling.type"}) {
    const std::string* type = checkpoint.Text(prefix + key);
    if (type != nullptr && *type != "default" && *type != "none") {
      return Fail(Code::kUnsupported, "metadata \"" + prefix + key + "\" is \"" + *type +
                                          "\"; this decoder rotates without scaling only");
    }
  }
  if (checkpoint.Find("rope_freqs.weight") != nullptr) {
    return Fail(Code::kUnsupported,
                "the checkpoint scales rope frequencies (rope_freqs.weight); this decoder rotates "
                "without scaling only");
  }
  return {};
}

Result<DecoderGeometry> FromGgufKeys(const Checkpoint& checkpoint) {
  const std::string* architecture = checkpoint.Text("general.architecture");
  if (architecture == nullptr || (*architecture != "llama" && *architecture != "qwen2")) {
    return Fail(Code::kUnsupported,
                "general.architecture is " +
                    (architecture == nullptr ? "missing" : "\"" + *architecture + "\"") +
                    "; this decoder runs \"llama\" and \"qwen2\"");
  }
  const std::string p = *architecture + ".";
  PARLEY_TRY_STATUS(RefuseScaledRope(checkpoint, p));
  DecoderGeometry g;
  PARLEY_TRY(g.layers, RequireCount(checkpoint, {p + "block_count"}));
  PARLEY_TRY(g.hidden, RequireCount(checkpoint, {p + "embedding_length"}));
  PARLEY_TRY(g.heads, RequireCount(checkpoint, {p + "attention.head_count"}));
  PARLEY_TRY(g.kv_heads,
             RequireCount(checkpoint, {p + "attention.head_count_kv", p + "attention.head_count"}));
  PARLEY_TRY(g.ffn, RequireCount(checkpoint, {p + "feed_forward_length"}));
  PARLEY_TRY(g.max_positions, RequireCount(checkpoint, {p + "context_length"}));
  PARLEY_TRY(const double eps, RequireNumber(checkpoint, {p + "attention.layer_norm_rms_epsilon"}));
  g.norm_eps = static_cast<float>(eps);
  g.head_dim = g.hidden / g.heads;
  if (FindNumber(checkpoint, {p + "attention.key_length"}) != nullptr) {
    PARLEY_TRY(g.head_dim, RequireCount(checkpoint, {p + "attention.key_length"}));
  }
  const double* theta = FindNumber(checkpoint, {p + "rope.freq_base"});
  g.rope.theta = theta == nullptr ? 10000.0F : static_cast<float>(*theta);  // GGUF's own default
  const double* rotated = FindNumber(checkpoint, {p + "rope.dimension_count"});
  if (rotated != nullptr && *rotated != static_cast<double>(g.head_dim)) {
    return Fail(Code::kUnsupported, p + "rope.dimension_count is " + std::to_string(*rotated) +
                                        ", a head has " + std::to_string(g.head_dim) +
                                        " values; this decoder rotates whole heads only");
  }
  // llama.cpp's converter reorders the rows of q and k of Llama for neighbouring pairs, those of Qwen2 it leaves.
  g.rope.style =
      *architecture == "llama" ? kernels::RopeStyle::kInterleaved : kernels::RopeStyle::kHalfSplit;
  return g;
}

Result<DecoderGeometry> FromConfigJson(const Checkpoint& checkpoint) {
  const std::string p =
      checkpoint.Number("text_config.hidden_size") != nullptr ? "text_config." : "";
  PARLEY_TRY_STATUS(RefuseScaledRope(checkpoint, p));
  if (const double* sliding = checkpoint.Number(p + "use_sliding_window");
      sliding != nullptr && *sliding != 0) {
    return Fail(Code::kUnsupported,
                "config.json sets " + p + "use_sliding_window; this decoder attends to everything");
  }
  DecoderGeometry g;
  PARLEY_TRY(g.layers, RequireCount(checkpoint, {p + "num_hidden_layers"}));
  PARLEY_TRY(g.hidden, RequireCount(checkpoint, {p + "hidden_size"}));
  PARLEY_TRY(g.heads, RequireCount(checkpoint, {p + "num_attention_heads"}));
  PARLEY_TRY(g.kv_heads,
             RequireCount(checkpoint, {p + "num_key_value_heads", p + "num_attention_groups",
                                       p + "num_attention_heads"}));
  PARLEY_TRY(g.ffn, RequireCount(checkpoint, {p + "intermediate_size"}));
  PARLEY_TRY(g.max_positions,
             RequireCount(checkpoint, {p + "max_position_embeddings", p + "max_seq_len"}));
  PARLEY_TRY(const double theta,
             RequireNumber(checkpoint, {p + "rope_theta", p + "rope_parameters.rope_theta"}));
  g.rope.theta = static_cast<float>(theta);
  g.head_dim = g.hidden / g.heads;
  if (checkpoint.Number(p + "head_dim") != nullptr) {
    PARLEY_TRY(g.head_dim, RequireCount(checkpoint, {p + "head_dim"}));
  }
  if (const double* eps = checkpoint.Number(p + "rms_norm_eps")) {
    g.norm_eps = static_cast<float>(*eps);
  } else if (g.layers == 64 || g.layers == 28) {
    g.norm_eps = g.layers == 64 ? 1e-5F : 1e-6F;  // Step-Audio-R1 and -2-mini, whose copies omit it
  } else {
    PARLEY_TRY_STATUS([&]() -> Status {
      PARLEY_TRY([[maybe_unused]] const double missing,
                 RequireNumber(checkpoint, {p + "rms_norm_eps"}));
      return {};
    }());
  }
  g.rope.style = kernels::RopeStyle::kHalfSplit;
  return g;
}

}  // namespace

Result<DecoderGeometry> ReadDecoderGeometry(const Checkpoint& checkpoint) {
  PARLEY_TRY(DecoderGeometry g,
             checkpoint.format() == "gguf" ? FromGgufKeys(checkpoint) : FromConfigJson(checkpoint));
  if (g.heads % g.kv_heads != 0 || g.head_dim % 2 != 0 || g.head_dim < 2) {
    return Fail(Code::kCorruptData,
                "metadata says " + std::to_string(g.heads) + " heads of " +
                    std::to_string(g.head_dim) + " values over " + std::to_string(g.kv_heads) +
                    " key-value heads; heads must divide by key-value heads, and a head be even");
  }
  g.rope.head_dim = g.head_dim;
  const DecoderNames names = NamesOf(checkpoint);
  // The number of ids is what the table has: config.json and GGUF keys may leave out padding rows.
  PARLEY_TRY(const weights::TensorInfo* table, checkpoint.Require(names.table, {-1, g.hidden}));
  g.vocabulary = static_cast<int32_t>(table->shape[0]);
  g.tied_head = checkpoint.Find(names.head) == nullptr;
  g.qkv_bias = checkpoint.Find(names.Bias(0, names.q)) != nullptr;
  if (checkpoint.Find(names.Weight(0, names.q_norm)) != nullptr) {
    return Fail(Code::kUnsupported, "the checkpoint has \"" + names.Weight(0, names.q_norm) +
                                        "\": it normalises queries and keys (Qwen3 or later); this "
                                        "decoder runs Llama and Qwen2");
  }
  return g;
}

}  // namespace parley::model

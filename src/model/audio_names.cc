// SPDX-License-Identifier: Apache-2.0
#include "model/audio_names.h"

namespace parley::model {

using weights::Checkpoint;

namespace {

AudioNames CTranslate2Names(const std::string& side) {  // "encoder" or "decoder"
  return {.conv1 = "encoder/conv1",
          .conv2 = "encoder/conv2",
          .embeddings = "decoder/embeddings",
          .positions = side + "/position_encodings/encodings",
          .block = side + "/layer_",
          .attn_norm = "self_attention/layer_norm",
          .qkv = "self_attention/linear_0",
          .out = "self_attention/linear_1",
          .cross_norm = "attention/layer_norm",
          .cross_q = "attention/linear_0",
          .cross_kv = "attention/linear_1",
          .cross_out = "attention/linear_2",
          .ffn_norm = "ffn/layer_norm",
          .up = "ffn/linear_0",
          .down = "ffn/linear_1",
          .final_norm = side + "/layer_norm",
          .weight = "/weight",
          .bias = "/bias",
          .norm_weight = "/gamma",
          .norm_bias = "/beta",
          .heads_key = side + "/num_heads"};
}

AudioNames HuggingFaceNames(const std::string& prefix, const std::string& side) {
  const std::string p = prefix + side + ".";
  return {.conv1 = p + "conv1",
          .conv2 = p + "conv2",
          .embeddings = p + "embed_tokens",
          .positions = p + "embed_positions.weight",
          .block = p + "layers.",
          .attn_norm = "self_attn_layer_norm",
          .q = "self_attn.q_proj",
          .k = "self_attn.k_proj",
          .v = "self_attn.v_proj",
          .out = "self_attn.out_proj",
          .cross_norm = "encoder_attn_layer_norm",
          .cross_q = "encoder_attn.q_proj",
          .cross_k = "encoder_attn.k_proj",
          .cross_v = "encoder_attn.v_proj",
          .cross_out = "encoder_attn.out_proj",
          .ffn_norm = "final_layer_norm",
          .up = "fc1",
          .down = "fc2",
          .final_norm = p + "layer_norm",
          .heads_key = side + "_attention_heads"};
}

AudioNames StepNames(const Checkpoint& checkpoint) {
  const std::string key = "n_audio_head";
  const std::string nested = "audio_encoder_config." + key;
  return {.conv1 = "encoder.conv1",
          .conv2 = "encoder.conv2",
          .positions = "encoder.positional_embedding.weight",
          .block = "encoder.blocks.",
          .attn_norm = "attn_ln",
          .q = "attn.query",
          .k = "attn.key",
          .v = "attn.value",
          .out = "attn.out",
          .ffn_norm = "mlp_ln",
          .up = "mlp.0",
          .down = "mlp.2",
          .final_norm = "encoder.after_norm",
          .pool = true,
          .heads_key = checkpoint.Number(nested) != nullptr ? nested : key};
}

}  // namespace

Result<AudioNames> EncoderNamesOf(const Checkpoint& checkpoint) {
  if (checkpoint.Find("encoder/conv1/weight") != nullptr) return CTranslate2Names("encoder");
  if (checkpoint.Find("encoder.positional_embedding.weight") != nullptr) {
    return StepNames(checkpoint);
  }
  for (const char* prefix : {"model.", ""}) {
    if (checkpoint.Find(std::string(prefix) + "encoder.conv1.weight") != nullptr) {
      return HuggingFaceNames(prefix, "encoder");
    }
  }
  return Fail(
      Code::kNotFound,
      "no audio encoder in the checkpoint: none of \"encoder/conv1/weight\" (CTranslate2), "
      "\"encoder.positional_embedding.weight\" (Step-Audio), \"model.encoder.conv1.weight\" "
      "(Hugging Face Whisper) is there");
}

Result<AudioNames> WhisperDecoderNamesOf(const Checkpoint& checkpoint) {
  if (checkpoint.Find("decoder/embeddings/weight") != nullptr) return CTranslate2Names("decoder");
  for (const char* prefix : {"model.", ""}) {
    if (checkpoint.Find(std::string(prefix) + "decoder.embed_tokens.weight") != nullptr) {
      return HuggingFaceNames(prefix, "decoder");
    }
  }
  return Fail(Code::kNotFound,
              "no Whisper decoder in the checkpoint: neither \"decoder/embeddings/weight\" "
              "(CTranslate2) nor \"model.decoder.embed_tokens.weight\" (Hugging Face) is there");
}

int32_t CountBlocks(const Checkpoint& checkpoint, const AudioNames& names) {
  int32_t blocks = 0;
  while (checkpoint.Find(names.Block(blocks, names.attn_norm) + names.norm_weight) != nullptr) {
    ++blocks;
  }
  return blocks;
}

Result<NormWeights> AudioLoader::Norm(const std::string& part, int32_t size) const {
  NormWeights norm;
  PARLEY_TRY(norm.weight, LoadVector(backend, checkpoint, part + names.norm_weight, size));
  PARLEY_TRY(norm.bias, LoadVector(backend, checkpoint, part + names.norm_bias, size));
  return norm;
}

Result<LinearWeights> AudioLoader::Linear(std::initializer_list<MatrixRows> parts,
                                          int32_t in) const {
  std::vector<MatrixRows> matrices;
  std::vector<MatrixRows> biases;
  for (const MatrixRows& part : parts) {
    matrices.push_back({part.name + names.weight, part.out});
    const std::string bias = part.name + names.bias;
    biases.push_back({checkpoint.Find(bias) != nullptr ? bias : "", part.out});
  }
  LinearWeights linear;
  PARLEY_TRY(linear.weight, LoadMatrix(backend, checkpoint, matrices, in, storage));
  PARLEY_TRY(linear.bias, LoadBias(backend, checkpoint, biases));
  return linear;
}

Result<LinearWeights> AudioLoader::Fused(const std::string& fused,
                                         std::initializer_list<MatrixRows> parts,
                                         int32_t in) const {
  if (fused.empty()) return Linear(parts, in);
  int32_t out = 0;
  for (const MatrixRows& part : parts) out += part.out;
  return Linear({{fused, out}}, in);
}

}  // namespace parley::model

// SPDX-License-Identifier: Apache-2.0
#include "bench/random_weights.h"

#include <cmath>
#include <random>
#include <span>
#include <utility>

#include "kernels/random_values.h"
#include "kernels/tensor.h"
#include "weights/synthetic.h"

namespace parley::bench {
namespace {

using kernels::WeightFormat;

struct Shape {
  std::string_view name;
  int64_t layers, hidden, heads, kv_heads, head_dim, ffn, vocabulary, positions;
};
constexpr Shape kShapes[] = {
    {"tiny", 2, 64, 4, 2, 16, 128, 512, 2048},
    {"smollm2-135m", 30, 576, 9, 3, 64, 1536, 49152, 8192},
};

constexpr int64_t kGroup = 32;

class Maker {
 public:
  explicit Maker(RandomDecoder& out) : out_(out) {}

  // Values of about the size that keeps a layer's output near its input's.
  Status Norm(std::string name, int64_t width) {
    std::vector<float> ones(static_cast<size_t>(width), 1.0F);
    const auto bytes = std::as_bytes(std::span(ones));
    return Add(std::move(name), {width}, WeightFormat::kF32, {bytes.begin(), bytes.end()});
  }
  Status Q4(std::string name, int64_t out, int64_t in) {  // kQ4_1: f16 d, f16 m, 16 bytes
    std::vector<std::byte> bytes;
    const float d = 0.5F / std::sqrt(static_cast<float>(in));
    for (int64_t group = 0; group < out * in / kGroup; ++group) {
      Half(bytes, d);
      Half(bytes, -7.5F * d);
      Random(bytes, 16);
    }
    return Add(std::move(name), {out, in}, WeightFormat::kQ4_1, std::move(bytes));
  }
  // The norm's ones and the zeros of a bias are on the host; matrices are made by whoever loads them. A matrix has the
  // variance 1 / in, so that activations keep their size.
  Status Bias(std::string name, int64_t width) {
    return Add(std::move(name), {width}, WeightFormat::kF32,
               std::vector<std::byte>(static_cast<size_t>(width) * sizeof(float)));
  }
  Status Counted(std::string name, int64_t out, int64_t in) {
    const auto seed = static_cast<uint64_t>(out_.checkpoint->tensors().size());
    return out_.checkpoint->AddRandom(std::move(name), {out, in}, seed,
                                      std::sqrt(3.0F / static_cast<float>(in)));
  }
  // On the host, for what is not a matrix: convolutions, positions.
  Status Table(std::string name, std::vector<int64_t> shape, float scale) {
    const auto seed = static_cast<uint64_t>(out_.checkpoint->tensors().size());
    size_t count = 1;
    for (const int64_t extent : shape) count *= static_cast<size_t>(extent);
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = kernels::RandomValue(seed, i) * scale;
    const auto bytes = std::as_bytes(std::span(values));
    return Add(std::move(name), std::move(shape), WeightFormat::kF32, {bytes.begin(), bytes.end()});
  }
  Status Q8(std::string name, int64_t out, int64_t in) {  // kQ8_0: f16 d, 32 int8
    std::vector<std::byte> bytes;
    for (int64_t group = 0; group < out * in / kGroup; ++group) {
      Half(bytes, 0.02F / 127.0F);
      Random(bytes, 32);
    }
    return Add(std::move(name), {out, in}, WeightFormat::kQ8_0, std::move(bytes));
  }

 private:
  static void Half(std::vector<std::byte>& bytes, float value) {
    const uint16_t bits = kernels::FloatToHalf(value);
    bytes.push_back(static_cast<std::byte>(bits & 0xFF));
    bytes.push_back(static_cast<std::byte>(bits >> 8));
  }
  void Random(std::vector<std::byte>& bytes, int count) {
    for (int i = 0; i < count; i += 4) {
      const auto value = static_cast<uint32_t>(random_());
      for (int b = 0; b < 4; ++b) bytes.push_back(static_cast<std::byte>(value >> (8 * b)));
    }
  }
  Status Add(std::string name, std::vector<int64_t> shape, WeightFormat format,
             std::vector<std::byte> bytes) {
    out_.memory.push_back(std::make_unique<std::vector<std::byte>>(std::move(bytes)));
    return out_.checkpoint->Add("random weights", std::move(name), std::move(shape), format,
                                *out_.memory.back());
  }

  RandomDecoder& out_;
  std::mt19937 random_{1};
};

Status Fill(const Shape& s, RandomDecoder& out) {
  weights::CheckpointTable& c = *out.checkpoint;
  c.SetText("general.architecture", "llama");
  c.SetNumber("llama.block_count", static_cast<double>(s.layers));
  c.SetNumber("llama.embedding_length", static_cast<double>(s.hidden));
  c.SetNumber("llama.attention.head_count", static_cast<double>(s.heads));
  c.SetNumber("llama.attention.head_count_kv", static_cast<double>(s.kv_heads));
  c.SetNumber("llama.rope.dimension_count", static_cast<double>(s.head_dim));
  c.SetNumber("llama.rope.freq_base", 100000);
  c.SetNumber("llama.feed_forward_length", static_cast<double>(s.ffn));
  c.SetNumber("llama.context_length", static_cast<double>(s.positions));
  c.SetNumber("llama.vocab_size", static_cast<double>(s.vocabulary));
  c.SetNumber("llama.attention.layer_norm_rms_epsilon", 1e-5);
  Maker make(out);
  PARLEY_TRY_STATUS(make.Q8("token_embd.weight", s.vocabulary, s.hidden));
  PARLEY_TRY_STATUS(make.Norm("output_norm.weight", s.hidden));
  for (int64_t layer = 0; layer < s.layers; ++layer) {
    const std::string p = "blk." + std::to_string(layer) + ".";
    const int64_t kv = s.kv_heads * s.head_dim;
    PARLEY_TRY_STATUS(make.Norm(p + "attn_norm.weight", s.hidden));
    PARLEY_TRY_STATUS(make.Q4(p + "attn_q.weight", s.heads * s.head_dim, s.hidden));
    PARLEY_TRY_STATUS(make.Q4(p + "attn_k.weight", kv, s.hidden));
    PARLEY_TRY_STATUS(make.Q4(p + "attn_v.weight", kv, s.hidden));
    PARLEY_TRY_STATUS(make.Q4(p + "attn_output.weight", s.hidden, s.heads * s.head_dim));
    PARLEY_TRY_STATUS(make.Norm(p + "ffn_norm.weight", s.hidden));
    PARLEY_TRY_STATUS(make.Q4(p + "ffn_gate.weight", s.ffn, s.hidden));
    PARLEY_TRY_STATUS(make.Q4(p + "ffn_up.weight", s.ffn, s.hidden));
    PARLEY_TRY_STATUS(make.Q4(p + "ffn_down.weight", s.hidden, s.ffn));
  }
  return {};
}

// A part of a Step-Audio checkpoint, as its tensors say it: those whose names begin with one of the two.
Status FillTensors(const weights::SyntheticGeometry& g, std::string_view one,
                   std::string_view other, RandomDecoder& out) {
  Maker make(out);
  for (const weights::TensorPlan& tensor : weights::SyntheticTensors(g)) {
    if (!tensor.name.starts_with(one) && !tensor.name.starts_with(other)) continue;
    const std::vector<int64_t>& shape = tensor.shape;
    if (shape.size() == 3) {
      const auto in = static_cast<float>(shape[1] * shape[2]);
      PARLEY_TRY_STATUS(make.Table(tensor.name, shape, std::sqrt(3.0F / in)));
    } else if (shape.size() == 2 && tensor.name.find("positional") != std::string::npos) {
      PARLEY_TRY_STATUS(make.Table(tensor.name, shape, 0.02F));
    } else if (shape.size() == 2) {
      PARLEY_TRY_STATUS(make.Counted(tensor.name, shape[0], shape[1]));
    } else if (tensor.name.ends_with(".bias")) {
      PARLEY_TRY_STATUS(make.Bias(tensor.name, shape[0]));
    } else {
      PARLEY_TRY_STATUS(make.Norm(tensor.name, shape[0]));
    }
  }
  return {};
}

// The decoder, with what its config.json says.
Status FillStepAudio(const weights::SyntheticGeometry& g, RandomDecoder& out) {
  weights::SetDecoderNumbers(g, *out.checkpoint);
  return FillTensors(g, "model.", "lm_head.", out);
}

Status FillEars(const weights::SyntheticGeometry& g, RandomDecoder& out) {
  out.checkpoint->SetNumber("audio_encoder_config.n_audio_head",
                            static_cast<double>(g.audio_heads));
  return FillTensors(g, "encoder.", "adapter.", out);
}

}  // namespace

Result<RandomDecoder> MakeRandomEars(std::string_view geometry, int64_t layers) {
  PARLEY_TRY(auto shape, weights::SyntheticGeometry::Named(std::string(geometry)));
  if (layers > 0) shape.audio_layers = layers;
  RandomDecoder made;
  made.checkpoint = std::make_unique<weights::CheckpointTable>("safetensors");
  PARLEY_TRY_STATUS(FillEars(shape, made));
  return made;
}

Result<RandomDecoder> MakeRandomDecoder(std::string_view geometry, int64_t layers) {
  std::string known;
  for (const char* name : {"step-audio-r1", "step-audio-2-mini"}) {
    known += (known.empty() ? "" : ", ") + std::string(name);
    if (geometry != name) continue;
    PARLEY_TRY(auto shape, weights::SyntheticGeometry::Named(name));
    if (layers > 0) shape.layers = layers;
    RandomDecoder made;
    made.checkpoint = std::make_unique<weights::CheckpointTable>("safetensors");
    PARLEY_TRY_STATUS(FillStepAudio(shape, made));
    return made;
  }
  for (const Shape& shape : kShapes) {
    known += (known.empty() ? "" : ", ") + std::string(shape.name);
    if (shape.name != geometry) continue;
    RandomDecoder made;
    made.checkpoint = std::make_unique<weights::CheckpointTable>("gguf");
    PARLEY_TRY_STATUS(Fill(shape, made));
    return made;
  }
  return Fail(Code::kInvalidArgument,
              "no geometry is called \"" + std::string(geometry) + "\"; there are " + known);
}

}  // namespace parley::bench

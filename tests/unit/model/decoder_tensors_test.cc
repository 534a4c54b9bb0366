// A checkpoint of the Step-Audio family that is not whole: the tensor is named, with what was found and what was expected,
// before a backend is asked for anything.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/forwarding_backend.h"
#include "model/decoder.h"
#include "weights/checkpoint_table.h"
#include "weights/synthetic.h"

namespace parley::model {
namespace {

class CountingBackend final : public kernels::ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  kernels::Tensor Allocate(kernels::DType dtype, int32_t rows, int32_t cols) override {
    ++asked;
    return ForwardingBackend::Allocate(dtype, rows, cols);
  }
  Result<kernels::WeightPtr> LoadWeight(std::span<const kernels::WeightSource> stacked,
                                        kernels::Storage storage) override {
    ++asked;
    return ForwardingBackend::LoadWeight(stacked, storage);
  }
  int asked = 0;
};

// The "tiny" of `parley models synth`, its decoder only, with one tensor left out or of another shape.
weights::CheckpointTable Tiny(const std::string& changed = "",
                              const std::vector<int64_t>& shape = {}) {
  const auto g = *weights::SyntheticGeometry::Named("tiny");
  weights::CheckpointTable t("safetensors");
  const std::string p = "text_config.";
  t.SetNumber(p + "hidden_size", static_cast<double>(g.hidden));
  t.SetNumber(p + "num_hidden_layers", static_cast<double>(g.layers));
  t.SetNumber(p + "num_attention_heads", static_cast<double>(g.heads));
  t.SetNumber(p + "num_attention_groups", static_cast<double>(g.kv_heads));
  t.SetNumber(p + "intermediate_size", static_cast<double>(g.ffn));
  t.SetNumber(p + "max_position_embeddings", static_cast<double>(g.max_positions));
  t.SetNumber(p + "rms_norm_eps", g.norm_eps);
  t.SetNumber(p + "rope_theta", g.rope_theta);
  for (const weights::TensorPlan& tensor : weights::SyntheticTensors(g)) {
    if (!tensor.name.starts_with("model.") && !tensor.name.starts_with("lm_head.")) continue;
    const auto& of = tensor.name == changed ? shape : tensor.shape;
    if (of.empty()) continue;
    size_t count = 1;
    for (const int64_t n : of) count *= static_cast<size_t>(n);
    static const std::vector<uint16_t> ones(1 << 20, 0x3C00);  // the table borrows
    EXPECT_LE(count, ones.size());
    EXPECT_TRUE(t.Add("test", tensor.name, of, kernels::WeightFormat::kBf16,
                      std::as_bytes(std::span(ones).first(count)))
                    .has_value());
  }
  return t;
}

TEST(DecoderTensors, AreCheckedBeforeAnythingIsAllocated) {
  const auto reference = kernels::MakeReferenceBackend();
  const auto error_of = [&](const weights::CheckpointTable& checkpoint) {
    CountingBackend backend(*reference);
    const auto loaded = Decoder::Load(backend, checkpoint);
    EXPECT_EQ(backend.asked == 0, !loaded.has_value());
    return loaded.has_value() ? std::string("loaded") : loaded.error().message;
  };
  EXPECT_EQ(error_of(Tiny()), "loaded");
  for (const char* name :
       {"model.layers.1.mlp.down_proj.weight", "model.layers.1.self_attn.v_proj.bias",
        "model.norm.weight", "model.layers.0.post_attention_layernorm.weight"}) {
    EXPECT_NE(error_of(Tiny(name)).find(name), std::string::npos) << error_of(Tiny(name));
  }
  const std::string message = error_of(Tiny("model.layers.1.self_attn.o_proj.weight", {128, 64}));
  for (const char* part : {"model.layers.1.self_attn.o_proj.weight", "[128, 64]", "[128, 128]"}) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
  EXPECT_NE(error_of(Tiny("lm_head.weight", {319, 128})).find("lm_head.weight"), std::string::npos);
}

// Both host backends count what is no number and say in which tensor, matrices and vectors alike; a GPU counts its own.
TEST(DecoderTensors, ValuesThatAreNoNumbersAreCountedAndNamed) {
  std::vector<uint16_t> bits(1 << 20, 0x3C00);
  bits[3] = 0x7FC0;   // NaN
  bits[70] = 0xFF80;  // minus infinity
  const auto error_of = [&](kernels::Backend& backend, const std::string& name) {
    weights::CheckpointTable whole = Tiny();
    weights::CheckpointTable poisoned = Tiny(name);
    const weights::TensorInfo* found = whole.Find(name);
    const auto values = std::as_bytes(std::span(bits)).first(found->bytes);
    EXPECT_TRUE(poisoned.Add("test", name, found->shape, found->format, values).has_value());
    const auto loaded = Decoder::Load(backend, poisoned);
    if (loaded.has_value()) return std::string("loaded");
    EXPECT_EQ(loaded.error().code, Code::kCorruptData);
    return loaded.error().message;
  };
  const auto reference = kernels::MakeReferenceBackend();
  const auto cpu = kernels::MakeCpuBackend({.threads = 1});
  for (kernels::Backend* backend : {reference.get(), cpu.get()}) {
    for (const std::string name :
         {"model.layers.1.mlp.up_proj.weight", "model.embed_tokens.weight", "model.norm.weight",
          "model.layers.0.self_attn.o_proj.weight", "model.layers.0.self_attn.q_proj.bias"}) {
      const std::string why = error_of(*backend, name);
      EXPECT_NE(why.find(name), std::string::npos) << why;
      EXPECT_NE(why.find("2 of "), std::string::npos) << why;
      EXPECT_NE(why.find("values are NaN or infinite"), std::string::npos) << why;
    }
  }
}

}  // namespace
}  // namespace parley::model

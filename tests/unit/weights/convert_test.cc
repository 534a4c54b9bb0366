// SPDX-License-Identifier: Apache-2.0
#include "weights/convert.h"

#include <gtest/gtest.h>

#include "support/paths.h"
#include "support/weight_files.h"
#include "weights/dequantize.h"

namespace parley::weights {
namespace {

TEST(Convert, PutsRotaryRowsBack) {
  // Two heads of four rows of one value: GGML keeps pairs side by side, Hugging Face the halves.
  std::vector<float> rows = {0, 2, 1, 3, 10, 12, 11, 13};
  UnpermuteRope(rows, 2, 1);
  EXPECT_EQ(rows, (std::vector<float>{0, 1, 2, 3, 10, 11, 12, 13}));
}

// The golden Llama stands in the tree twice: as Hugging Face wrote it, and as the GGUF that its weights were put into.
TEST(Convert, MakesHuggingFacesFileOfItsGguf) {
  test::TempDir dir;
  const auto gguf = Checkpoint::Open(test::GoldenDir() + "/llama.gguf");
  ASSERT_TRUE(gguf.has_value()) << gguf.error().message;
  const Status converted =
      ConvertToSafetensors(**gguf, dir.path() + "/out", kernels::WeightFormat::kBf16);
  ASSERT_TRUE(converted.has_value()) << converted.error().message;
  const auto found = Checkpoint::Open(dir.path() + "/out");
  const auto expected = Checkpoint::Open(test::GoldenDir() + "/llama");
  ASSERT_TRUE(found.has_value()) << found.error().message;
  ASSERT_TRUE(expected.has_value()) << expected.error().message;
  ASSERT_EQ((*found)->tensors().size(), (*expected)->tensors().size());
  for (const TensorInfo& tensor : (*expected)->tensors()) {
    const auto same = (*found)->Require(tensor.name, tensor.shape);
    ASSERT_TRUE(same.has_value()) << same.error().message;
    EXPECT_EQ(*Dequantized(**same), *Dequantized(tensor)) << tensor.name;
  }
  for (const char* key :
       {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "vocab_size", "max_position_embeddings", "rms_norm_eps",
        "rope_theta", "tie_word_embeddings"}) {
    ASSERT_NE((*found)->Number(key), nullptr) << key;
    EXPECT_EQ(*(*found)->Number(key), *(*expected)->Number(key)) << key;
  }
}

TEST(Convert, RefusesGgufOfOtherModels) {
  test::TempDir dir;
  test::Bytes b;
  b.Text("GGUF").Put<uint32_t>(3).Put<uint64_t>(0).Put<uint64_t>(1);
  b.GgufText("general.architecture").Put<uint32_t>(8).GgufText("mamba");
  const auto other = Checkpoint::Open(test::WriteFile(dir.path() + "/m.gguf", b.str()));
  ASSERT_TRUE(other.has_value()) << other.error().message;
  const Status refused =
      ConvertToSafetensors(**other, dir.path() + "/out", kernels::WeightFormat::kF32);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("mamba"), std::string::npos);
}

}  // namespace
}  // namespace parley::weights

// SPDX-License-Identifier: Apache-2.0
#include "weights/synthetic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "support/paths.h"
#include "support/weight_files.h"
#include "weights/checkpoint.h"
#include "weights/dequantize.h"
#include "weights/weight_format.h"

namespace parley::weights {
namespace {

uint64_t Parameters(const SyntheticGeometry& geometry) {
  uint64_t count = 0;
  for (const TensorPlan& tensor : SyntheticTensors(geometry))
    count += ElementCount(tensor.shape).value();
  return count;
}

// The counts and sizes of the published models.
TEST(Synthetic, HasTheShapesOfThePublishedModels) {
  EXPECT_EQ(SyntheticTensors(*SyntheticGeometry::Named("step-audio-2-mini")).size(), 832U);
  EXPECT_EQ(2 * Parameters(*SyntheticGeometry::Named("step-audio-2-mini")),
            16630358528U);  // total_size of its index
  EXPECT_EQ(SyntheticTensors(*SyntheticGeometry::Named("step-audio-r1")).size(), 1264U);
  EXPECT_EQ(Parameters(*SyntheticGeometry::Named("step-audio-r1")), 33487033600U);
  std::set<std::string> names;
  for (const TensorPlan& tensor : SyntheticTensors(*SyntheticGeometry::Named("step-audio-r1")))
    names.insert(tensor.name);
  EXPECT_EQ(names.size(), 1264U);
  EXPECT_TRUE(names.contains("encoder.blocks.31.attn.key.weight"));
  EXPECT_FALSE(names.contains("encoder.blocks.31.attn.key.bias"));
  EXPECT_TRUE(names.contains("model.layers.63.self_attn.v_proj.bias"));
  EXPECT_FALSE(SyntheticGeometry::Named("step-audio-r2").has_value());
  EXPECT_EQ(SyntheticGeometry::Named("step-audio-r1")->layers, 64);
}

TEST(Synthetic, WritesWhatOpens) {
  const SyntheticGeometry tiny = *SyntheticGeometry::Named("tiny");
  for (const bool index : {true, false}) {
    for (const ConfigLayout config : {ConfigLayout::kNested, ConfigLayout::kFlat}) {
      test::TempDir dir;
      const Status written = WriteSynthetic(
          dir.path() + "/model",
          {.geometry = tiny, .config = config, .index = index, .shard_bytes = 200000});
      ASSERT_TRUE(written.has_value()) << written.error().message;
      const auto opened = Checkpoint::Open(dir.path() + "/model");
      ASSERT_TRUE(opened.has_value()) << opened.error().message;
      EXPECT_EQ((*opened)->tensors().size(), SyntheticTensors(tiny).size());
      for (const TensorPlan& tensor : SyntheticTensors(tiny)) {
        EXPECT_TRUE((*opened)->Require(tensor.name, tensor.shape).has_value()) << tensor.name;
      }
      const std::string prefix = config == ConfigLayout::kNested ? "text_config." : "";
      EXPECT_EQ(*(*opened)->Number(prefix + "num_hidden_layers"), 2);
      EXPECT_EQ(std::filesystem::exists(dir.path() + "/model/model.safetensors.index.json"), index);
      size_t shards = 0;
      for (const auto& file : std::filesystem::directory_iterator(dir.path() + "/model")) {
        shards += file.path().extension() == ".safetensors" ? 1 : 0;
      }
      EXPECT_GE(shards, 3U);
      const std::string last = std::to_string(shards);
      EXPECT_TRUE(std::filesystem::exists(dir.path() + "/model/model-0000" + last + "-of-0000" +
                                          last + ".safetensors"));
    }
  }
}

TEST(Synthetic, KeepsActivationsOfTheirSizeAndRepeatsItself) {
  test::TempDir dir;
  for (const char* name : {"/a", "/b", "/c"}) {
    SyntheticOptions options{.geometry = *SyntheticGeometry::Named("tiny")};
    options.seed = name[1] == 'c' ? 2 : 1;
    ASSERT_TRUE(WriteSynthetic(dir.path() + name, options).has_value());
  }
  EXPECT_EQ(test::ReadFile(dir.path() + "/a/model.safetensors"),
            test::ReadFile(dir.path() + "/b/model.safetensors"));
  EXPECT_NE(test::ReadFile(dir.path() + "/a/model.safetensors"),
            test::ReadFile(dir.path() + "/c/model.safetensors"));
  const auto opened = Checkpoint::Open(dir.path() + "/a");
  ASSERT_TRUE(opened.has_value());
  const std::vector<float> values =
      *Dequantized(*(*opened)->Find("model.layers.1.mlp.down_proj.weight"));  // [128, 160]
  double mean = 0, square = 0;
  for (const float v : values) {
    mean += static_cast<double>(v);
    square += static_cast<double>(v) * static_cast<double>(v);
  }
  EXPECT_NEAR(mean / static_cast<double>(values.size()), 0.0, 0.002);
  EXPECT_NEAR(square / static_cast<double>(values.size()) * 160, 1.0, 0.03);
}

}  // namespace
}  // namespace parley::weights

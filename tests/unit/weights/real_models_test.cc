// The default models, as their publishers' own readers see them (tests/golden/make_weights_goldens.py).
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "support/paths.h"
#include "weights/checkpoint.h"
#include "weights/dequantize.h"

namespace parley::weights {
namespace {

std::string ShapeOf(const TensorInfo& tensor) {
  std::string text;
  for (const int64_t size : tensor.shape) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

TEST(RealModels, HoldTheValuesThatTheirPublishersRead) {
  std::map<std::string, std::unique_ptr<Checkpoint>> models;
  std::ifstream in(test::GoldenDir() + "/weights_goldens.txt");
  ASSERT_TRUE(in) << "tests/golden/weights_goldens.txt is missing";
  int tensors = 0;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string model, name, shape;
    double sum = 0, magnitude = 0;
    fields >> model >> name >> shape;
    if (model == "quantized") continue;
    fields >> sum >> magnitude;
    if (!models.contains(model)) {
      auto opened = Checkpoint::Open(test::ModelDir(model));
      ASSERT_TRUE(opened.has_value()) << opened.error().message;
      models[model] = *std::move(opened);
    }
    const TensorInfo* tensor = models[model]->Find(name);
    ASSERT_NE(tensor, nullptr) << line;
    EXPECT_EQ(ShapeOf(*tensor), shape) << line;
    const auto values = Dequantized(*tensor);
    ASSERT_TRUE(values.has_value()) << values.error().message;
    double found_sum = 0, found_magnitude = 0;
    for (const float v : *values) {
      found_sum += static_cast<double>(v);
      found_magnitude += std::fabs(static_cast<double>(v));
    }
    // Nine digits in the file; q4_1 = d * q + m rounds in f32 once more than numpy does.
    const double tolerance = 1e-7 * magnitude + 1e-9;
    EXPECT_NEAR(found_sum, sum, tolerance) << name;
    EXPECT_NEAR(found_magnitude, magnitude, tolerance) << name;
    for (size_t i = 0; i < 5; ++i) {
      double expected = 0;
      fields >> expected;
      const double found = static_cast<double>((*values)[(values->size() - 1) * i / 4]);
      EXPECT_NEAR(found, expected, 1e-6 * std::fabs(expected) + 1e-9) << name << " place " << i;
    }
    ++tensors;
  }
  EXPECT_EQ(tensors, 100);
  EXPECT_EQ(models.at("smollm2-135m-instruct")->tensors().size(), 272U);
  const Checkpoint& smollm2 = *models.at("smollm2-135m-instruct");
  EXPECT_EQ(*smollm2.Number("llama.block_count"), 30);
  EXPECT_EQ(smollm2.Texts("tokenizer.ggml.merges")->size(), 48900U);
  const Checkpoint& whisper = *models.at("whisper-base");
  EXPECT_EQ(*whisper.Text("ctranslate2.spec"), "WhisperSpec");
  EXPECT_EQ(*whisper.Numbers("alignment_heads.0"), (std::vector<double>{3, 1}));
}

}  // namespace
}  // namespace parley::weights

// SPDX-License-Identifier: Apache-2.0
#include "nn/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <vector>

#include "support/paths.h"

namespace parley::nn {
namespace {

std::string SileroPath() { return test::ModelDir("silero-vad") + "/silero_vad_openvino_16k.onnx"; }

struct SileroInputs {
  std::vector<float> sound = std::vector<float>(576);
  std::vector<float> state = std::vector<float>(256);

  explicit SileroInputs(float frequency = 0.05f) {
    for (size_t i = 0; i < sound.size(); ++i) {
      sound[i] = 0.4f * std::sin(frequency * static_cast<float>(i));
    }
  }
  std::vector<Input> List() const {
    return {{.name = "input", .shape = {1, 576}, .data = std::span<const float>(sound)},
            {.name = "state", .shape = {2, 1, 128}, .data = std::span<const float>(state)}};
  }
};

TEST(Network, RunsAndNamesItsInputs) {
  auto network = Network::Load(SileroPath(), {});
  ASSERT_TRUE(network) << network.error().message;
  EXPECT_EQ((*network)->output_count(), 2u);
  EXPECT_EQ((*network)->input_names(), (std::vector<std::string>{"input", "state"}));

  const SileroInputs inputs;
  std::vector<Input> list = inputs.List();
  const auto probability = (*network)->Run(list);
  ASSERT_TRUE(probability) << probability.error().message;
  EXPECT_EQ(probability->shape, (std::vector<int64_t>{1, 1}));
  const float first = probability->data[0];
  EXPECT_GT(first, 0.0f);
  EXPECT_LT(first, 1.0f);
  const auto state = (*network)->OutputOfLastRun(1);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->shape, (std::vector<int64_t>{2, 1, 128}));
  EXPECT_TRUE(std::any_of(state->data.begin(), state->data.end(), [](float v) { return v != 0; }));

  std::reverse(list.begin(), list.end());  // inputs go by name, not by place
  const auto again = (*network)->Run(list);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->data[0], first);
}

TEST(Network, AnotherSharesWeightsAndNotBuffers) {
  auto network = Network::Load(SileroPath(), {});
  ASSERT_TRUE(network) << network.error().message;
  auto other = (*network)->Another();
  ASSERT_TRUE(other) << other.error().message;

  const SileroInputs low(0.05f);
  const SileroInputs high(0.8f);
  const auto of_low = (*network)->Run(low.List());
  ASSERT_TRUE(of_low);
  const float value = of_low->data[0];
  const auto of_high = (*other)->Run(high.List());
  ASSERT_TRUE(of_high);
  EXPECT_EQ(of_low->data[0], value) << "the other one's run moved this one's output";
  EXPECT_NE(of_high->data[0], value);
  const auto low_there = (*other)->Run(low.List());
  ASSERT_TRUE(low_there);
  EXPECT_EQ(low_there->data[0], value);
}

TEST(Network, RefusesWrongInputsWithWhatItTakes) {
  auto network = Network::Load(SileroPath(), {});
  ASSERT_TRUE(network) << network.error().message;
  const SileroInputs inputs;
  const std::vector<Input> good = inputs.List();

  auto expect_refused = [&](std::vector<Input> list, const char* text) {
    const auto result = (*network)->Run(list);
    ASSERT_FALSE(result) << text;
    EXPECT_NE(result.error().message.find(text), std::string::npos) << result.error().message;
  };
  expect_refused({good[0]}, R"(takes the inputs "input", "state", was given "input")");
  expect_refused({good[0], good[0]}, R"(was given "input", "input")");
  std::vector<Input> list = good;
  list[1].name = "status";
  expect_refused(list, R"("input", "status")");
  list = good;
  list[0].shape = {1, 575};
  expect_refused(list, "has shape [1, 575] but 576 values");
  list = good;
  list[0].shape = {-1, 576};
  expect_refused(list, "extents must be known");
  const std::vector<int64_t> integers(576);
  list = good;
  list[0].data = std::span<const int64_t>(integers);
  expect_refused(list, "takes f32, was given i64");
  list = good;
  list[0].shape = {576, 1};  // the right number of values in a shape that the graph cannot take
  const auto result = (*network)->Run(list);
  ASSERT_FALSE(result);

  EXPECT_TRUE((*network)->Run(good)) << "a refused run must not spoil the next";
}

TEST(Network, SaysWhatIsWrongWithAFile) {
  const auto missing = Network::Load("/nowhere/net.onnx", {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_NE(missing.error().message.find("/nowhere/net.onnx"), std::string::npos);

  const std::string path = ::testing::TempDir() + "/not_a_network.onnx";
  std::ofstream(path) << "these are not the weights you are looking for\n";
  const auto corrupt = Network::Load(path, {});
  ASSERT_FALSE(corrupt);
  EXPECT_EQ(corrupt.error().code, Code::kCorruptData);
  EXPECT_NE(corrupt.error().message.find(path), std::string::npos);

  std::ofstream(path, std::ios::trunc).flush();
  EXPECT_FALSE(Network::Load(path, {})) << "an empty file";
}

TEST(NetworkParts, UnknownTensorNamesItsNeighbours) {
  const std::vector<Part> parts = {
      {.inputs = {{"input", {1, 576}}}, .outputs = {"no_such_tensor"}, .options = {}}};
  const auto networks = Network::LoadParts(SileroPath(), parts);
  ASSERT_FALSE(networks);
  EXPECT_EQ(networks.error().code, Code::kNotFound);
  EXPECT_NE(networks.error().message.find("no tensor \"no_such_tensor\""), std::string::npos)
      << networks.error().message;
  EXPECT_NE(networks.error().message.find("nearest: \""), std::string::npos);
}

TEST(NetworkParts, PartNamesTheInputItLacks) {
  const std::vector<Part> parts = {
      {.inputs = {{"input", {1, 576}}}, .outputs = {"output"}, .options = {}}};
  const auto networks = Network::LoadParts(SileroPath(), parts);
  ASSERT_FALSE(networks);
  EXPECT_NE(networks.error().message.find("needs the input \"state\" too"), std::string::npos)
      << networks.error().message;
}

// One utterance through the default voice: whole, and cut between flow and vocoder.
TEST(NetworkParts, PartsInTurnEqualTheWhole) {
  const std::string path = test::ModelDir("piper-en-us-joe") + "/en_US-joe-medium.onnx";
  const std::vector<int64_t> phonemes = {1, 0,  20, 0,   59, 0,  24, 0, 120,
                                         0, 27, 0,  100, 0,  10, 0,  2};
  const std::vector<int64_t> length = {static_cast<int64_t>(phonemes.size())};
  const std::vector<float> scales = {0.0f, 1.0f, 0.0f};  // no noise: the same every time
  const std::vector<Input> inputs = {
      {.name = "input", .shape = {1, length[0]}, .data = std::span<const int64_t>(phonemes)},
      {.name = "input_lengths", .shape = {1}, .data = std::span<const int64_t>(length)},
      {.name = "scales", .shape = {3}, .data = std::span<const float>(scales)}};

  std::vector<float> expected;
  {
    auto whole = Network::Load(path, {});
    ASSERT_TRUE(whole) << whole.error().message;
    const auto sound = (*whole)->Run(inputs);
    ASSERT_TRUE(sound) << sound.error().message;
    expected.assign(sound->data.begin(), sound->data.end());
  }
  const std::string cut = "/Mul_7_output_0";
  const std::vector<Part> parts = {
      {.inputs = {{"input", {1, -1}}, {"input_lengths", {1}}, {"scales", {3}}},
       .outputs = {cut},
       .options = {}},
      {.inputs = {{cut, {1, 192, -1}}}, .outputs = {"output"}, .options = {}}};
  auto halves = Network::LoadParts(path, parts);
  ASSERT_TRUE(halves) << halves.error().message;
  EXPECT_EQ(halves->at(0)->input_names(),
            (std::vector<std::string>{"input", "input_lengths", "scales"}));
  EXPECT_EQ(halves->at(1)->input_names(), (std::vector<std::string>{cut}));
  const auto latent = halves->at(0)->Run(inputs);
  ASSERT_TRUE(latent) << latent.error().message;
  ASSERT_EQ(latent->shape.size(), 3u);
  EXPECT_EQ(latent->shape[1], 192);
  const std::vector<Input> rear_inputs = {
      {.name = cut, .shape = latent->shape, .data = latent->data}};
  const auto sound = halves->at(1)->Run(rear_inputs);
  ASSERT_TRUE(sound) << sound.error().message;
  ASSERT_EQ(sound->data.size(), expected.size());
  EXPECT_EQ(sound->data.size(), static_cast<size_t>(latent->shape[2]) * 256);
  float worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(expected[i] - sound->data[i]));
  }
  EXPECT_LE(worst, 1e-5f);
  EXPECT_GT(*std::max_element(expected.begin(), expected.end()), 0.01f) << "not a sound";
}

}  // namespace
}  // namespace parley::nn

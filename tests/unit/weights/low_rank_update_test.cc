// SPDX-License-Identifier: Apache-2.0
#include "weights/low_rank_update.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "support/paths.h"
#include "support/weight_files.h"
#include "weights/dequantize.h"
#include "weights/quantize.h"
#include "weights/safetensors_writer.h"

namespace parley::weights {
namespace {

using kernels::WeightFormat;

struct Matrix {
  std::string name;
  int64_t out = 0, in = 0;
  std::vector<float> values;
};

// Multiples of 1/16 up to 1: sums of a few products of them are exact in f32.
Matrix Exact(std::string name, int64_t out, int64_t in, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> sixteenths(-16, 16);
  Matrix m{std::move(name), out, in, std::vector<float>(static_cast<size_t>(out * in))};
  for (float& v : m.values) v = static_cast<float>(sixteenths(random)) / 16.0F;
  return m;
}

class LowRankUpdate : public testing::Test {
 protected:
  std::string Write(const std::string& file, const std::vector<Matrix>& matrices,
                    const std::vector<std::pair<std::string, std::string>>& metadata = {}) {
    std::vector<TensorPlan> plan;
    for (const Matrix& m : matrices) {
      std::vector<int64_t> shape = {m.out, m.in};
      if (m.out == 1) shape.erase(shape.begin());  // a vector
      plan.push_back({m.name, std::move(shape), WeightFormat::kF32});
    }
    const std::string path = dir_.path() + "/" + file;
    auto writer = SafetensorsWriter::Create(path, plan, metadata);
    EXPECT_TRUE(writer.has_value());
    for (const Matrix& m : matrices) EXPECT_TRUE(writer->Write(m.values).has_value());
    EXPECT_TRUE(writer->Finish().has_value());
    return path;
  }
  // A table's new rows, with their ids as I32.
  std::string WriteRows(const Matrix& rows, const std::vector<int32_t>& ids) {
    const size_t bytes = rows.values.size() * 4;
    const std::string header =
        R"({")" + rows.name + R"(.rows":{"dtype":"F32","shape":[)" + std::to_string(rows.out) +
        "," + std::to_string(rows.in) + R"(],"data_offsets":[0,)" + std::to_string(bytes) +
        R"(]},")" + rows.name + R"(.row_ids":{"dtype":"I32","shape":[)" +
        std::to_string(ids.size()) + R"(],"data_offsets":[)" + std::to_string(bytes) + "," +
        std::to_string(bytes + ids.size() * 4) + "]}}";
    test::Bytes data;
    for (const float v : rows.values) data.Put<float>(v);
    for (const int32_t id : ids) data.Put<int32_t>(id);
    return test::WriteFile(dir_.path() + "/rows.safetensors",
                           test::SafetensorsFile(header, data.str()));
  }
  std::string ErrorOf(const std::string& update) {
    const auto opened = OpenUpdated(base_, {update});
    return opened.has_value() ? "opened" : opened.error().message;
  }
  void SetUp() override { base_ = Write("base.safetensors", {w_, table_, other_}); }

  test::TempDir dir_;
  const Matrix w_ = Exact("w", 8, 64, 1);
  const Matrix table_ = Exact("table", 12, 32, 2);
  const Matrix other_ = Exact("other", 4, 6, 3);
  const Matrix a_ = Exact("w.lora_a", 3, 64, 4);
  const Matrix b_ = Exact("w.lora_b", 8, 3, 5);
  std::string base_;
};

TEST_F(LowRankUpdate, AddsTheProductExactly) {
  const auto opened = OpenUpdated(base_, {Write("u.safetensors", {a_, b_}, {{"scale", "0.5"}})},
                                  WeightFormat::kF32);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  const std::vector<float> merged = *Dequantized(*(*opened)->Find("w"));
  for (int o = 0; o < 8; ++o) {
    for (int i = 0; i < 64; ++i) {
      double expected = w_.values[static_cast<size_t>(o * 64 + i)];
      for (int r = 0; r < 3; ++r) {
        expected += 0.5 * static_cast<double>(b_.values[static_cast<size_t>(o * 3 + r)]) *
                    static_cast<double>(a_.values[static_cast<size_t>(r * 64 + i)]);
      }
      ASSERT_EQ(static_cast<double>(merged[static_cast<size_t>(o * 64 + i)]), expected) << o << i;
    }
  }
  EXPECT_EQ(*Dequantized(*(*opened)->Find("other")), other_.values);
  EXPECT_EQ(*Dequantized(*(*opened)->Find("table")), table_.values);
  EXPECT_EQ((*opened)->tensors().size(), 3U);
}

TEST_F(LowRankUpdate, KeepsTheSumInGroups) {
  const std::string update = Write("u.safetensors", {a_, b_});
  const auto exact = OpenUpdated(base_, {update}, WeightFormat::kF32);
  ASSERT_TRUE(exact.has_value());
  const std::vector<float> sum = *Dequantized(*(*exact)->Find("w"));
  for (const WeightFormat format : {WeightFormat::kQ8_0, WeightFormat::kQ4_1}) {
    UpdateSummary summary;
    const auto opened = OpenUpdated(base_, {update}, format, &summary);
    ASSERT_TRUE(opened.has_value());
    const TensorInfo& w = *(*opened)->Find("w");
    const std::vector<std::byte> expected = Quantize(sum, format, GroupFit::kLeastSquares);
    ASSERT_EQ(w.format, format);
    ASSERT_EQ(w.bytes, expected.size());
    EXPECT_EQ(std::memcmp(w.data, expected.data(), expected.size()), 0);
    EXPECT_EQ(summary.matrices, 1);
    EXPECT_EQ(summary.rank, 3);
    EXPECT_EQ(summary.values, 3 * 64 + 8 * 3);
  }
}

// What its input channels carry decides how a matrix is rounded to 4 bits, and nothing else.
TEST_F(LowRankUpdate, RoundsByTheImportanceOfItsChannels) {
  Matrix importance = Exact("w.importance", 1, 64, 8);
  for (float& v : importance.values) v = v * v * v * v;
  const std::string plain = Write("plain.safetensors", {a_, b_});
  const std::string weighed = Write("weighed.safetensors", {a_, b_, importance});
  const std::vector<float> sum =
      *Dequantized(*(*OpenUpdated(base_, {plain}, WeightFormat::kF32))->Find("w"));
  const auto bytes = [&](const std::vector<std::string>& updates, WeightFormat format) {
    UpdateSummary summary;
    const auto opened = OpenUpdated(base_, updates, format, &summary);
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    EXPECT_EQ(summary.values, static_cast<int64_t>(updates.size()) * (3 * 64 + 8 * 3));
    const TensorInfo& w = *(*opened)->Find("w");
    const auto* data = static_cast<const std::byte*>(w.data);
    return std::vector<std::byte>(data, data + w.bytes);
  };
  for (const WeightFormat format : {WeightFormat::kF32, WeightFormat::kF16, WeightFormat::kQ8_0}) {
    EXPECT_EQ(bytes({weighed}, format), bytes({plain}, format));
  }
  EXPECT_EQ(bytes({weighed}, WeightFormat::kQ4_1),
            Quantize(sum, WeightFormat::kQ4_1, GroupFit::kLeastSquares, importance.values));
  EXPECT_NE(bytes({weighed}, WeightFormat::kQ4_1), bytes({plain}, WeightFormat::kQ4_1));
  // The last of several that has one.
  EXPECT_EQ(bytes({plain, weighed}, WeightFormat::kQ4_1),
            bytes({weighed, plain}, WeightFormat::kQ4_1));

  Matrix bad = importance;
  bad.values[3] = -1.0F;
  EXPECT_NE(ErrorOf(Write("bad.safetensors", {a_, b_, bad})).find(".importance"),
            std::string::npos);
  bad.in = 32;
  bad.values.resize(32, 1.0F);
  EXPECT_NE(ErrorOf(Write("short.safetensors", {a_, b_, bad})).find("w.importance"),
            std::string::npos);
  EXPECT_NE(ErrorOf(Write("alone.safetensors", {importance})).find("no .lora_a"),
            std::string::npos);
}

TEST_F(LowRankUpdate, AddsOneUpdateOverAnother) {
  const Matrix a = Exact("w.lora_a", 2, 64, 6), b = Exact("w.lora_b", 8, 2, 7);
  const std::string first = Write("first.safetensors", {a_, b_});
  const std::string second = Write("second.safetensors", {a, b}, {{"scale", "0.5"}});
  UpdateSummary summary;
  const auto both = OpenUpdated(base_, {first, second}, WeightFormat::kF32, &summary);
  const auto one = OpenUpdated(base_, {first}, WeightFormat::kF32);
  ASSERT_TRUE(both.has_value()) << both.error().message;
  const std::vector<float> sum = *Dequantized(*(*both)->Find("w"));
  const std::vector<float> before = *Dequantized(*(*one)->Find("w"));
  for (size_t o = 0; o < 8; ++o) {
    for (size_t i = 0; i < 64; ++i) {
      float expected = before[o * 64 + i];
      for (size_t r = 0; r < 2; ++r) {
        expected += 0.5F * b.values[o * 2 + r] * a.values[r * 64 + i];
      }
      ASSERT_EQ(sum[o * 64 + i], expected) << o << " " << i;
    }
  }
  EXPECT_EQ(summary.matrices, 1);
  EXPECT_EQ(summary.rank, 3);
  EXPECT_EQ(summary.values, 3 * 64 + 8 * 3 + 2 * 64 + 8 * 2);

  const Matrix strange = Exact("v.lora_a", 2, 64, 6);
  const auto wrong = OpenUpdated(base_, {first, Write("third.safetensors", {strange})});
  ASSERT_FALSE(wrong.has_value());
  EXPECT_NE(wrong.error().message.find("third.safetensors does not fit"), std::string::npos)
      << wrong.error().message;
}

TEST_F(LowRankUpdate, ReplacesRowsOfATable) {
  const Matrix rows = Exact("table", 2, 32, 9);
  const auto opened = OpenUpdated(base_, {WriteRows(rows, {3, 11})});
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  std::vector<float> expected = table_.values;
  std::copy_n(rows.values.begin(), 32, expected.begin() + 3 * 32);
  std::copy_n(rows.values.begin() + 32, 32, expected.begin() + 11 * 32);
  EXPECT_EQ(*Dequantized(*(*opened)->Find("table")), expected);
}

TEST_F(LowRankUpdate, SaysWhatDoesNotFit) {
  const auto has = [](const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  };
  std::string error = ErrorOf(Write("u.safetensors", {a_}));
  EXPECT_TRUE(has(error, "\"w\" has only one of .lora_a and .lora_b")) << error;
  error =
      ErrorOf(Write("u.safetensors", {Exact("v.lora_a", 3, 64, 1), Exact("v.lora_b", 8, 3, 1)}));
  EXPECT_TRUE(has(error, "tensor \"v\"") && has(error, "the nearest name is \"w\"")) << error;
  error = ErrorOf(Write("u.safetensors", {Exact("w.lora_a", 3, 32, 1), b_}));
  EXPECT_TRUE(has(error, "\"w.lora_a\" is [3, 32], expected [any, 64]")) << error;
  error = ErrorOf(Write("u.safetensors", {a_, Exact("w.lora_b", 8, 4, 1)}));
  EXPECT_TRUE(has(error, "\"w.lora_b\" is [8, 4], expected [8, 3]")) << error;
  error = ErrorOf(Write("u.safetensors", {a_, b_, Exact("w.bias", 1, 8, 1)}));
  EXPECT_TRUE(has(error, "\"w.bias\" is no part of an update")) << error;
  error = ErrorOf(Write("u.safetensors", {a_, b_}, {{"scale", "much"}}));
  EXPECT_TRUE(has(error, "scale \"much\"")) << error;
  error = ErrorOf(WriteRows(Exact("table", 2, 32, 9), {3, 12}));
  EXPECT_TRUE(has(error, "names row 12") && has(error, "of a table of 12")) << error;
  error = ErrorOf(WriteRows(Exact("table", 2, 32, 9), {3}));
  EXPECT_TRUE(has(error, "has 1 whole numbers, expected one for each of the 2 rows")) << error;
  EXPECT_TRUE(has(error, "rows.safetensors does not fit")) << error;
}

}  // namespace
}  // namespace parley::weights

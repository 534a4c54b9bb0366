// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "support/paths.h"
#include "support/weight_files.h"
#include "weights/checkpoint.h"
#include "weights/dequantize.h"
#include "weights/safetensors_writer.h"

namespace parley::weights {
namespace {

using kernels::WeightFormat;
using test::Bytes;
using test::SafetensorsFile;

class Safetensors : public testing::Test {
 protected:
  Result<std::unique_ptr<Checkpoint>> Open(std::string_view content) {
    return Checkpoint::Open(test::WriteFile(dir_.path() + "/m.safetensors", content));
  }
  std::string ErrorOf(std::string_view header, size_t data_bytes) {
    const auto opened = Open(SafetensorsFile(header, std::string(data_bytes, '\0')));
    return opened.has_value() ? "opened" : opened.error().message;
  }
  test::TempDir dir_;
};

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

constexpr const char* kOneTensor = R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}})";

TEST_F(Safetensors, ReadsMisalignedTensorsAndMetadata) {
  // A header of odd length and an odd tensor before it: nothing in the file is aligned for f32.
  const std::string header =
      R"({"__metadata__":{"seed":"7"},"b":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]},)"
      R"( "f":{"dtype":"F32","shape":[2],"data_offsets":[3,11]},)"
      R"("h":{"dtype":"BF16","shape":[1,1],"data_offsets":[11,13]},)"
      R"("s":{"dtype":"F16","shape":[],"data_offsets":[13,15]}})";
  const std::string data = Bytes()
                               .Put<uint8_t>(1)
                               .Put<uint8_t>(0)
                               .Put<uint8_t>(1)
                               .Put<float>(1.5F)
                               .Put<float>(-2.0F)
                               .Put<uint16_t>(0x4040)  // bf16 3
                               .Put<uint16_t>(0x3800)  // f16 0.5
                               .str();
  const auto opened = Open(SafetensorsFile(header, data));
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  const Checkpoint& c = **opened;
  EXPECT_EQ(*c.Text("__metadata__.seed"), "7");
  EXPECT_EQ(*c.Numbers("b"), (std::vector<double>{1, 0, 1}));
  EXPECT_EQ(*Dequantized(*c.Find("f")), (std::vector<float>{1.5F, -2.0F}));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(c.Find("f")->data) % 4, 0U);
  EXPECT_EQ(*Dequantized(*c.Find("h")), (std::vector<float>{3.0F}));
  EXPECT_EQ(*Dequantized(*c.Find("s")), (std::vector<float>{0.5F}));
}

TEST_F(Safetensors, TakesInt8WithItsRowScales) {
  const std::string header =
      R"({"w":{"dtype":"I8","shape":[2,2],"data_offsets":[0,4]},"w_scale":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})";
  const std::string data = Bytes()
                               .Put<int8_t>(1)
                               .Put<int8_t>(-2)
                               .Put<int8_t>(127)
                               .Put<int8_t>(-128)
                               .Put<float>(0.5F)
                               .Put<float>(2.0F)
                               .str();
  const auto opened = Open(SafetensorsFile(header, data));
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  const TensorInfo* w = (*opened)->Find("w");
  EXPECT_EQ(w->format, WeightFormat::kI8Row);
  EXPECT_EQ(*Dequantized(*w), (std::vector<float>{0.5F, -1.0F, 254.0F, -256.0F}));
}

TEST_F(Safetensors, RefusesHeadersThatLie) {
  EXPECT_TRUE(Has(ErrorOf(kOneTensor, 15), "the file has 15"));
  EXPECT_TRUE(Has(ErrorOf(kOneTensor, 17), "the tensors end at data byte 16"));
  EXPECT_TRUE(Has(ErrorOf(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,16]}})", 16),
                  "takes 24 bytes"));
  EXPECT_TRUE(
      Has(ErrorOf(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8), "[8, 0)"));
  EXPECT_TRUE(Has(
      ErrorOf(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}})", 0),
      "too many"));
  EXPECT_TRUE(
      Has(ErrorOf(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4), "not a size"));
  EXPECT_TRUE(
      Has(ErrorOf(R"({"a":{"dtype":"Q9","shape":[1],"data_offsets":[0,4]}})", 4), "\"Q9\""));
  EXPECT_TRUE(Has(
      ErrorOf(
          R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
          6),
      "overlap"));
  EXPECT_TRUE(Has(ErrorOf(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8), "hole"));
  EXPECT_TRUE(Has(
      ErrorOf(
          R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
          8),
      "twice"));
  EXPECT_TRUE(
      Has(ErrorOf(R"({"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}})", 4), "F8_E4M3"));
  EXPECT_TRUE(Has(ErrorOf(R"({"a":[1,2]})", 0), "no object"));
  EXPECT_TRUE(Has(ErrorOf("{\"a\":", 0), "not a JSON object"));
  EXPECT_TRUE(Has(ErrorOf(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0.5,4]}})", 4),
                  "whole number"));
}

TEST_F(Safetensors, RefusesEveryTruncation) {
  const std::string whole = SafetensorsFile(kOneTensor, std::string(16, '\0'));
  for (size_t size = 1; size < whole.size(); ++size) {
    EXPECT_FALSE(Open(whole.substr(0, size)).has_value()) << size;
  }
  const auto huge = Open(Bytes().Put<uint64_t>(UINT64_MAX).Text("{}").str());
  ASSERT_FALSE(huge.has_value());
  EXPECT_TRUE(Has(huge.error().message, "the format allows")) << huge.error().message;
}

TEST_F(Safetensors, WritesWhatItReads) {
  const std::string path = dir_.path() + "/out.safetensors";
  auto writer = SafetensorsWriter::Create(path,
                                          {{"x", {2, 3}, WeightFormat::kF32},
                                           {"y", {2}, WeightFormat::kBf16},
                                           {"z", {}, WeightFormat::kF16}},
                                          {{"made_by", "test"}});
  ASSERT_TRUE(writer.has_value()) << writer.error().message;
  ASSERT_TRUE(writer->Write(std::vector<float>{1, 2, 3, 4, 5, 6.25F}).has_value());
  ASSERT_TRUE(writer->Write(std::vector<float>{0.5F, -3.0F}).has_value());
  EXPECT_FALSE(std::filesystem::exists(path));  // only Finish gives it its name
  ASSERT_TRUE(writer->Write(std::vector<float>{0.25F}).has_value());
  ASSERT_TRUE(writer->Finish().has_value());
  const auto opened = Checkpoint::Open(path);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_EQ(*Dequantized(*(*opened)->Find("x")), (std::vector<float>{1, 2, 3, 4, 5, 6.25F}));
  EXPECT_EQ(*Dequantized(*(*opened)->Find("y")), (std::vector<float>{0.5F, -3.0F}));
  EXPECT_EQ(*Dequantized(*(*opened)->Find("z")), (std::vector<float>{0.25F}));
  EXPECT_EQ(*(*opened)->Text("__metadata__.made_by"), "test");
}

class Shards : public Safetensors {
 protected:
  void SetUp() override {
    test::WriteFile(dir_.path() + "/model-1.safetensors",
                    SafetensorsFile(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                                    Bytes().Put<float>(1).str()));
    test::WriteFile(dir_.path() + "/model-2.safetensors",
                    SafetensorsFile(R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                                    Bytes().Put<float>(2).str()));
    test::WriteFile(
        dir_.path() + "/config.json",
        R"({"text_config":{"hidden_size":5120,"tie":false,"names":["x","y"]},"eos":[1,2],"mixed":[[3,1],"t"],"none":null})");
  }
  void Index(std::string_view json) {
    test::WriteFile(dir_.path() + "/model.safetensors.index.json", json);
  }
  Result<std::unique_ptr<Checkpoint>> OpenDir() { return Checkpoint::Open(dir_.path()); }
};

TEST_F(Shards, OpenWithAndWithoutIndex) {
  for (const bool index : {false, true}) {
    if (index) Index(R"({"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}})");
    const auto opened = OpenDir();
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    EXPECT_EQ((*opened)->tensors().size(), 2U);
    EXPECT_EQ(*Dequantized(*(*opened)->Find("b")), (std::vector<float>{2}));
    EXPECT_EQ(*(*opened)->Number("text_config.hidden_size"), 5120);
    EXPECT_EQ(*(*opened)->Number("text_config.tie"), 0);
    EXPECT_EQ(*(*opened)->Texts("text_config.names"), (std::vector<std::string>{"x", "y"}));
    EXPECT_EQ(*(*opened)->Numbers("eos"), (std::vector<double>{1, 2}));
    EXPECT_EQ(*(*opened)->Numbers("mixed.0"), (std::vector<double>{3, 1}));
    EXPECT_EQ(*(*opened)->Text("mixed.1"), "t");
    EXPECT_EQ((*opened)->Number("none"), nullptr);
  }
}

TEST_F(Shards, RefuseAnIndexThatDoesNotFit) {
  const auto error = [this] {
    const auto opened = OpenDir();
    return opened.has_value() ? std::string("opened") : opened.error().message;
  };
  Index(R"({"weight_map":{"a":"model-1.safetensors","c":"model-2.safetensors"}})");
  EXPECT_TRUE(Has(error(), "\"c\" is not in \"model-2.safetensors\"")) << error();
  Index(R"({"weight_map":{"a":"model-3.safetensors"}})");
  EXPECT_TRUE(Has(error(), "model-3.safetensors: cannot open")) << error();
  Index(R"({"weight_map":{"a":"../model-1.safetensors"}})");
  EXPECT_TRUE(Has(error(), "not a file of its own folder")) << error();
  Index("{}");
  EXPECT_TRUE(Has(error(), "weight_map")) << error();
}

TEST_F(Shards, RefuseOneTensorInTwoShards) {
  std::filesystem::copy(dir_.path() + "/model-1.safetensors", dir_.path() + "/model-3.safetensors");
  const auto opened = OpenDir();
  ASSERT_FALSE(opened.has_value());
  EXPECT_TRUE(Has(opened.error().message, "\"a\" stands twice")) << opened.error().message;
}

}  // namespace
}  // namespace parley::weights

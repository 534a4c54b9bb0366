// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "support/paths.h"
#include "support/weight_files.h"
#include "weights/checkpoint.h"
#include "weights/dequantize.h"

namespace parley::weights {
namespace {

using test::Bytes;

Bytes Header(uint32_t variables, uint32_t version = 6) {
  return Bytes().Put<uint32_t>(version).CtText("ToySpec").Put<uint32_t>(3).Put<uint32_t>(variables);
}

std::string SmallModel() {
  Bytes b = Header(4);
  b.CtText("flag").Put<uint8_t>(0).Put<uint8_t>(1).Put<uint32_t>(1).Put<int8_t>(-5);
  b.CtText("half")
      .Put<uint8_t>(1)
      .Put<uint32_t>(2)
      .Put<uint8_t>(4)
      .Put<uint32_t>(4)
      .Put<uint16_t>(0x3C00)
      .Put<uint16_t>(0xC000);
  b.CtText("w").Put<uint8_t>(2).Put<uint32_t>(2).Put<uint32_t>(2).Put<uint8_t>(1).Put<uint32_t>(4);
  b.Put<int8_t>(127).Put<int8_t>(0).Put<int8_t>(-127).Put<int8_t>(64);
  b.CtText("w_scale")
      .Put<uint8_t>(1)
      .Put<uint32_t>(2)
      .Put<uint8_t>(0)
      .Put<uint32_t>(8)
      .Put<float>(127)
      .Put<float>(254);
  b.Put<uint32_t>(1).CtText("tied").CtText("half");
  return b.str();
}

class Ctranslate2 : public testing::Test {
 protected:
  Result<std::unique_ptr<Checkpoint>> Open(std::string_view content) {
    return Checkpoint::Open(test::WriteFile(dir_.path() + "/model.bin", content));
  }
  std::string ErrorOf(std::string_view content) {
    const auto opened = Open(content);
    return opened.has_value() ? "opened" : opened.error().message;
  }
  test::TempDir dir_;
};

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_F(Ctranslate2, ReadsVariablesScalarsScalesAndAliases) {
  const auto opened = Open(SmallModel());
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  const Checkpoint& c = **opened;
  EXPECT_EQ(c.format(), "ctranslate2");
  EXPECT_EQ(*c.Text("ctranslate2.spec"), "ToySpec");
  EXPECT_EQ(*c.Number("ctranslate2.revision"), 3);
  EXPECT_EQ(*c.Number("flag"), -5);
  EXPECT_EQ(*Dequantized(*c.Find("half")), (std::vector<float>{1, -2}));
  EXPECT_EQ(*Dequantized(*c.Find("tied")), (std::vector<float>{1, -2}));
  const auto w = *Dequantized(*c.Find("w"));
  EXPECT_FLOAT_EQ(w[0], 1.0F);
  EXPECT_FLOAT_EQ(w[2], -0.5F);
  EXPECT_FLOAT_EQ(w[3], 64.0F / 254.0F);
}

TEST_F(Ctranslate2, RefusesEveryTruncationAndTail) {
  const std::string whole = SmallModel();
  for (size_t size = 6; size < whole.size(); ++size)
    EXPECT_FALSE(Open(whole.substr(0, size)).has_value()) << size;
  EXPECT_TRUE(Has(ErrorOf(whole + "x"), "1 bytes after the last alias"));
}

TEST_F(Ctranslate2, RefusesWhatItDoesNotKnow) {
  EXPECT_TRUE(Has(ErrorOf(Header(0, 4).Put<uint32_t>(0).str()), "version 4"));
  EXPECT_TRUE(Has(ErrorOf(Header(1)
                              .CtText("v")
                              .Put<uint8_t>(0)
                              .Put<uint8_t>(9)
                              .Put<uint32_t>(1)
                              .Put<uint8_t>(0)
                              .str()),
                  "type 9"));
  EXPECT_TRUE(Has(ErrorOf(Header(1)
                              .CtText("v")
                              .Put<uint8_t>(1)
                              .Put<uint32_t>(3)
                              .Put<uint8_t>(0)
                              .Put<uint32_t>(8)
                              .Put<uint64_t>(0)
                              .str()),
                  "claims 8 bytes"));
  EXPECT_TRUE(Has(ErrorOf(Header(1)
                              .CtText("v")
                              .Put<uint8_t>(1)
                              .Put<uint32_t>(1)
                              .Put<uint8_t>(2)
                              .Put<uint32_t>(2)
                              .Put<int16_t>(0)
                              .Put<uint32_t>(0)
                              .str()),
                  "int16"));
  EXPECT_TRUE(
      Has(ErrorOf(Header(0).Put<uint32_t>(1).CtText("a").CtText("gone").str()), "\"gone\""));
  // An int8 matrix without its scales means nothing.
  EXPECT_TRUE(Has(ErrorOf(Header(1)
                              .CtText("v")
                              .Put<uint8_t>(2)
                              .Put<uint32_t>(1)
                              .Put<uint32_t>(1)
                              .Put<uint8_t>(1)
                              .Put<uint32_t>(1)
                              .Put<int8_t>(0)
                              .Put<uint32_t>(0)
                              .str()),
                  "v_scale"));
}

}  // namespace
}  // namespace parley::weights

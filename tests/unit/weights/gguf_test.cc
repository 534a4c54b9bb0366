// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "support/paths.h"
#include "support/weight_files.h"
#include "weights/checkpoint.h"
#include "weights/dequantize.h"

namespace parley::weights {
namespace {

using test::Bytes;

struct GgufOptions {
  uint32_t version = 3;
  uint32_t type = 0;    // GGML type of the one tensor
  int64_t inner = 4;    // values in a row
  uint64_t offset = 0;  // of the tensor in the data section
  uint64_t data_bytes = 32;
};

// One entry of metadata, one tensor "w" of two rows.
std::string SmallGguf(const GgufOptions& o = {}) {
  Bytes b;
  b.Text("GGUF").Put<uint32_t>(o.version).Put<uint64_t>(1).Put<uint64_t>(1);
  b.GgufText("general.architecture").Put<uint32_t>(8).GgufText("llama");
  b.GgufText("w")
      .Put<uint32_t>(2)
      .Put<int64_t>(o.inner)
      .Put<int64_t>(2)
      .Put<uint32_t>(o.type)
      .Put<uint64_t>(o.offset);
  b.PadTo(32);
  for (uint64_t i = 0; i < o.data_bytes / 4; ++i) b.Put<float>(static_cast<float>(i));
  return b.str();
}

class Gguf : public testing::Test {
 protected:
  Result<std::unique_ptr<Checkpoint>> Open(std::string_view content) {
    return Checkpoint::Open(test::WriteFile(dir_.path() + "/m.gguf", content));
  }
  std::string ErrorOf(std::string_view content) {
    const auto opened = Open(content);
    return opened.has_value()
               ? "opened"
               : std::string(CodeName(opened.error().code)) + ": " + opened.error().message;
  }
  test::TempDir dir_;
};

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_F(Gguf, ReadsShapesOutermostFirst) {
  for (const uint32_t version : {2U, 3U}) {
    const auto opened = Open(SmallGguf({.version = version}));
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    const TensorInfo* w = (*opened)->Find("w");
    ASSERT_NE(w, nullptr);
    EXPECT_EQ(w->shape, (std::vector<int64_t>{2, 4}));
    EXPECT_EQ(*(*opened)->Text("general.architecture"), "llama");
    const auto values = Dequantized(*w);
    ASSERT_TRUE(values.has_value());
    EXPECT_EQ(*values, (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7}));
  }
}

TEST_F(Gguf, ReadsEveryMetadataType) {
  Bytes b;
  b.Text("GGUF").Put<uint32_t>(3).Put<uint64_t>(0).Put<uint64_t>(15);
  b.GgufText("u8").Put<uint32_t>(0).Put<uint8_t>(200);
  b.GgufText("i8").Put<uint32_t>(1).Put<int8_t>(-3);
  b.GgufText("u16").Put<uint32_t>(2).Put<uint16_t>(60000);
  b.GgufText("i16").Put<uint32_t>(3).Put<int16_t>(-300);
  b.GgufText("u32").Put<uint32_t>(4).Put<uint32_t>(4000000000U);
  b.GgufText("i32").Put<uint32_t>(5).Put<int32_t>(-70000);
  b.GgufText("f32").Put<uint32_t>(6).Put<float>(0.5F);
  b.GgufText("bool").Put<uint32_t>(7).Put<uint8_t>(1);
  b.GgufText("text").Put<uint32_t>(8).GgufText("h\xC3\xA9");
  b.GgufText("u64").Put<uint32_t>(10).Put<uint64_t>(uint64_t{1} << 40);
  b.GgufText("i64").Put<uint32_t>(11).Put<int64_t>(-(int64_t{1} << 40));
  b.GgufText("f64").Put<uint32_t>(12).Put<double>(0.1);
  b.GgufText("numbers")
      .Put<uint32_t>(9)
      .Put<uint32_t>(3)
      .Put<uint64_t>(2)
      .Put<int16_t>(-1)
      .Put<int16_t>(7);
  b.GgufText("texts").Put<uint32_t>(9).Put<uint32_t>(8).Put<uint64_t>(2).GgufText("a").GgufText("");
  b.GgufText("nested").Put<uint32_t>(9).Put<uint32_t>(9).Put<uint64_t>(1);
  b.Put<uint32_t>(7).Put<uint64_t>(2).Put<uint8_t>(0).Put<uint8_t>(1);
  const auto opened = Open(b.str());
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  const Checkpoint& c = **opened;
  EXPECT_EQ(*c.Number("u8"), 200);
  EXPECT_EQ(*c.Number("i8"), -3);
  EXPECT_EQ(*c.Number("u16"), 60000);
  EXPECT_EQ(*c.Number("i16"), -300);
  EXPECT_EQ(*c.Number("u32"), 4e9);
  EXPECT_EQ(*c.Number("i32"), -70000);
  EXPECT_EQ(*c.Number("f32"), 0.5);
  EXPECT_EQ(*c.Number("bool"), 1);
  EXPECT_EQ(*c.Text("text"), "h\xC3\xA9");
  EXPECT_EQ(*c.Number("u64"), 1099511627776.0);
  EXPECT_EQ(*c.Number("i64"), -1099511627776.0);
  EXPECT_EQ(*c.Number("f64"), 0.1);
  EXPECT_EQ(*c.Numbers("numbers"), (std::vector<double>{-1, 7}));
  EXPECT_EQ(*c.Texts("texts"), (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(*c.Numbers("nested.0"), (std::vector<double>{0, 1}));
}

TEST_F(Gguf, NamesTensorAndTypeThatItCannotRead) {
  const std::string error = ErrorOf(SmallGguf({.type = 12}));
  EXPECT_TRUE(Has(error, "unsupported") && Has(error, "\"w\"") && Has(error, "Q4_K")) << error;
}

TEST_F(Gguf, RefusesEveryTruncation) {
  const std::string whole = SmallGguf();
  for (size_t size = 4; size < whole.size(); ++size) {
    const std::string error = ErrorOf(whole.substr(0, size));
    EXPECT_TRUE(Has(error, "corrupt_data")) << size << ": " << error;
  }
}

TEST_F(Gguf, SaysWhereATruncatedFileEnds) {
  const std::string error = ErrorOf(SmallGguf().substr(0, 40));
  EXPECT_TRUE(Has(error, "m.gguf") && Has(error, "offset 32") && Has(error, "expected 20 bytes") &&
              Has(error, "found 8"))
      << error;
}

TEST_F(Gguf, RefusesTensorsOutOfPlace) {
  EXPECT_TRUE(Has(ErrorOf(SmallGguf({.offset = 64})), "data section has 32"));
  EXPECT_TRUE(Has(ErrorOf(SmallGguf({.offset = 8})), "multiple of 32"));
  EXPECT_TRUE(Has(ErrorOf(SmallGguf({.offset = UINT64_MAX - 31})), "data section has 32"));
  EXPECT_TRUE(Has(ErrorOf(SmallGguf({.inner = INT64_MAX / 2})), "impossible shape"));
  EXPECT_TRUE(Has(ErrorOf(SmallGguf({.inner = -4})), "impossible shape"));
  EXPECT_TRUE(
      Has(ErrorOf(SmallGguf({.type = 3, .inner = 33})), "impossible shape"));  // no whole groups
}

TEST_F(Gguf, RefusesOverlapsAndDoubles) {
  Bytes b;
  b.Text("GGUF").Put<uint32_t>(3).Put<uint64_t>(2).Put<uint64_t>(0);
  b.GgufText("a").Put<uint32_t>(1).Put<int64_t>(16).Put<uint32_t>(0).Put<uint64_t>(0);
  Bytes overlap = b;
  overlap.GgufText("b").Put<uint32_t>(1).Put<int64_t>(8).Put<uint32_t>(0).Put<uint64_t>(32).PadTo(
      32);
  overlap.Text(std::string(64, '\0'));
  EXPECT_TRUE(Has(ErrorOf(overlap.str()), "overlap"));
  Bytes twice = b;
  twice.GgufText("a").Put<uint32_t>(1).Put<int64_t>(8).Put<uint32_t>(0).Put<uint64_t>(64).PadTo(32);
  twice.Text(std::string(96, '\0'));
  EXPECT_TRUE(Has(ErrorOf(twice.str()), "twice"));
}

TEST_F(Gguf, RefusesVersionsAndLengthsThatCannotBe) {
  EXPECT_TRUE(Has(ErrorOf(SmallGguf({.version = 1})), "version 1"));
  EXPECT_TRUE(Has(ErrorOf(SmallGguf({.version = 0x03000000})), "big-endian"));
  Bytes huge;
  huge.Text("GGUF").Put<uint32_t>(3).Put<uint64_t>(0).Put<uint64_t>(1);
  huge.GgufText("k").Put<uint32_t>(9).Put<uint32_t>(4).Put<uint64_t>(uint64_t{1} << 60);
  EXPECT_TRUE(Has(ErrorOf(huge.str()), "claims"));
}

}  // namespace
}  // namespace parley::weights

// SPDX-License-Identifier: Apache-2.0
#include "weights/checkpoint.h"

#include <gtest/gtest.h>

#include "support/paths.h"
#include "support/weight_files.h"

namespace parley::weights {
namespace {

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string ErrorOf(const std::filesystem::path& path) {
  const auto opened = Checkpoint::Open(path.string());
  return opened.has_value() ? "opened" : opened.error().message;
}

TEST(Checkpoint, RequireNamesTheNearestTensor) {
  test::TempDir dir;
  const auto opened = Checkpoint::Open(test::WriteFile(
      dir.path() + "/m.safetensors",
      test::SafetensorsFile(
          R"({"model.layers.3.wq":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
          R"("model.norm":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
          std::string(12, '\0'))));
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  ASSERT_TRUE((*opened)->Require("model.layers.3.wq", {1, 2}).has_value());
  EXPECT_TRUE((*opened)->Require("model.layers.3.wq", {-1, 2}).has_value());
  const auto absent = (*opened)->Require("model.layer.3.wq", {1, 2});
  ASSERT_FALSE(absent.has_value());
  EXPECT_EQ(absent.error().code, Code::kNotFound);
  EXPECT_TRUE(Has(absent.error().message, "nearest name is \"model.layers.3.wq\" [1, 2]"))
      << absent.error().message;
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{1, 3}, {1}, {1, 2, 1}}) {
    const auto wrong = (*opened)->Require("model.layers.3.wq", shape);
    ASSERT_FALSE(wrong.has_value());
    EXPECT_TRUE(Has(wrong.error().message, "is [1, 2], expected [")) << wrong.error().message;
  }
}

TEST(Checkpoint, SaysWhatAFolderLacks) {
  test::TempDir dir;
  EXPECT_TRUE(Has(ErrorOf(dir.path() + "/absent"), "no such file"));
  EXPECT_TRUE(Has(ErrorOf(dir.path()), "none of them"));
  test::WriteFile(dir.path() + "/a.gguf", "GGUF");
  test::WriteFile(dir.path() + "/b.gguf", "GGUF");
  EXPECT_TRUE(Has(ErrorOf(dir.path()), "2 GGUF files"));
  EXPECT_TRUE(Has(ErrorOf(test::WriteFile(dir.path() + "/empty.gguf", "")), "empty file"));
  EXPECT_TRUE(Has(ErrorOf(test::WriteFile(dir.path() + "/page.html", "<!DOCTYPE html><html>")),
                  "neither GGUF"));
}

}  // namespace
}  // namespace parley::weights

// The tokenizer of a checkpoint's folder in each layout that the family is published in, and what is said when a part is
// missing or wrong.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "model/tokenizer.h"
#include "support/paths.h"
#include "support/weight_files.h"

namespace parley::model {
namespace {

using Json = nlohmann::json;

class TokenizerFolder : public testing::Test {
 protected:
  TokenizerFolder()
      : json_(Json::parse(test::ReadFile(test::GoldenDir() + "/tokenizer_qwen2_shape.json"))) {}

  void Write(const std::string& name, const std::string& text) {
    test::WriteFile(dir_.path() + "/" + name, text);
  }
  void WriteVocabulary() {
    Write("vocab.json", json_["model"]["vocab"].dump());
    std::string merges = "#version: 0.2\n";
    for (const Json& merge : json_["model"]["merges"]) {
      merges += merge[0].get<std::string>() + " " + merge[1].get<std::string>() + "\n";
    }
    Write("merges.txt", merges);
  }
  void WriteConfig() {
    Json decoder = Json::object();
    for (Json token : json_["added_tokens"]) {
      const std::string id = std::to_string(token["id"].get<int>());
      token.erase("id");
      decoder[id] = token;
    }
    Write("tokenizer_config.json",
          Json{{"tokenizer_class", "Qwen2Tokenizer"}, {"added_tokens_decoder", decoder}}.dump());
  }
  std::string ErrorOf() {
    const auto loaded = Tokenizer::FromFolder(dir_.path());
    return loaded.has_value() ? "loaded" : loaded.error().message;
  }
  void ExpectTheSameAsJson(const Tokenizer& tokenizer) {
    const auto truth = *Tokenizer::FromJson(test::GoldenDir() + "/tokenizer_qwen2_shape.json");
    EXPECT_EQ(tokenizer.vocabulary(), truth->vocabulary());
    for (const char* text :
         {"Hello, world! It's 2026.", "<|im_start|>user\nwhat<|im_end|>\n",
          "  caf\u00E9 e\u0301 \u4F60\u597D\r\n\n", "<audio_12><think>a</think>"}) {
      for (const SpecialTokens special : {SpecialTokens::kParse, SpecialTokens::kAsText}) {
        EXPECT_EQ(tokenizer.Encode(text, special), truth->Encode(text, special)) << text;
      }
    }
  }

  Json json_;
  test::TempDir dir_;
};

TEST_F(TokenizerFolder, ReadsTokenizerJsonFirst) {
  Write("tokenizer.json", json_.dump());
  Write("vocab.json", "{}");
  Write("merges.txt", "");
  const auto loaded = Tokenizer::FromFolder(dir_.path());
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  ExpectTheSameAsJson(**loaded);
}

TEST_F(TokenizerFolder, ReadsVocabularyAndMergesWithTheConfigsAddedTokens) {
  WriteVocabulary();
  WriteConfig();
  Write("tokenizer.json",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12684784\n");
  const auto loaded = Tokenizer::FromFolder(dir_.path());
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  ExpectTheSameAsJson(**loaded);
}

TEST_F(TokenizerFolder, ReadsAddedTokensWithoutFlags) {
  WriteVocabulary();
  Json added = Json::object();
  for (const Json& token : json_["added_tokens"])
    added[token["content"].get<std::string>()] = token["id"];
  const int next = 2000;
  added["<audio_77>"] = next;
  Write("added_tokens.json", added.dump());
  const auto loaded = Tokenizer::FromFolder(dir_.path());
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  EXPECT_TRUE((*loaded)->IsSpecial(*(*loaded)->Find("<|im_end|>")));
  const auto ids = (*loaded)->Encode("<audio_77>", SpecialTokens::kParse);
  EXPECT_EQ(ids, std::vector<TokenId>{next});
  EXPECT_FALSE((*loaded)->IsSpecial(next));
}

TEST_F(TokenizerFolder, SaysWhatIsMissingOrWrong) {
  EXPECT_NE(ErrorOf().find("tokenizer.json is missing"), std::string::npos) << ErrorOf();
  Write("tokenizer.json", "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_NE(ErrorOf().find("Git LFS pointer"), std::string::npos) << ErrorOf();
  WriteVocabulary();
  EXPECT_EQ(ErrorOf(), "loaded");
  Write("merges.txt", "#version: 0.2\nab\n");
  EXPECT_NE(ErrorOf().find("merge \"ab\" has not two parts"), std::string::npos) << ErrorOf();
  WriteVocabulary();
  Write("tokenizer_config.json", R"({"tokenizer_class": "LlamaTokenizer"})");
  EXPECT_NE(ErrorOf().find("LlamaTokenizer"), std::string::npos) << ErrorOf();
  Write("tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "a"}}})");
  EXPECT_NE(ErrorOf().find("added token \"x\""), std::string::npos) << ErrorOf();
  Write("tokenizer_config.json", "{}");
  Write("vocab.json", R"({"a": -1})");
  EXPECT_NE(ErrorOf().find("\"a\" has no id"), std::string::npos) << ErrorOf();
}

}  // namespace
}  // namespace parley::model

// What Hugging Face tokenizers make of the same strings (tests/golden/make_tokenizer_goldens.py).
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "model/tokenizer.h"
#include "model/unicode.h"
#include "support/paths.h"
#include "support/tiktoken.h"
#include "weights/checkpoint.h"

namespace parley::model {
namespace {

std::shared_ptr<const Tokenizer> LoadTokenizer(const std::string& name) {
  Result<std::shared_ptr<const Tokenizer>> loaded =
      Fail(Code::kNotFound, "unknown tokenizer " + name);
  if (name == "smollm2") {
    const auto gguf = weights::Checkpoint::Open(test::ModelDir("smollm2-135m-instruct"));
    if (!gguf.has_value()) {
      ADD_FAILURE() << gguf.error().message;
      return nullptr;
    }
    loaded = Tokenizer::FromGguf(**gguf);
  } else if (name == "whisper") {
    loaded = Tokenizer::FromJson(test::ModelDir("whisper-base") + "/tokenizer.json");
  } else if (name == "qwen2") {
    const test::TempDir dir;
    std::ofstream(dir.File("tokenizer.json"))
        << test::Qwen2TokenizerJson(test::ModelDir("qwen2-vocabulary") + "/qwen.tiktoken");
    loaded = Tokenizer::FromJson(dir.File("tokenizer.json"));
    EXPECT_TRUE(!loaded || (*loaded)->vocabulary() == 151643 + 3);
  } else {
    loaded = Tokenizer::FromJson(test::GoldenDir() + "/tokenizer_qwen2_shape.json");
  }
  if (!loaded.has_value()) {
    ADD_FAILURE() << loaded.error().message;
    return nullptr;
  }
  return *loaded;
}

std::vector<std::string> Lines(const std::string& file) {
  std::ifstream in(test::GoldenDir() + "/" + file);
  EXPECT_TRUE(in) << file << " is missing: run tests/golden/make_tokenizer_goldens.py";
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<TokenId> FromBase36(const std::string& text) {
  std::vector<TokenId> ids;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    TokenId id = -1;
    std::from_chars(word.data(), word.data() + word.size(), id, 36);
    ids.push_back(id);
  }
  return ids;
}

struct Vocabulary {
  const char* name;
  const char* ids;  // the golden
};

class TokenizerGolden : public testing::TestWithParam<Vocabulary> {};

TEST_P(TokenizerGolden, EncodesAsHuggingFaceDoes) {
  const auto tokenizer = LoadTokenizer(GetParam().name);
  ASSERT_TRUE(tokenizer);
  const std::vector<std::string> strings = Lines("tokenizer_strings.jsonl");
  const std::vector<std::string> expected = Lines(GetParam().ids);
  ASSERT_EQ(strings.size(), expected.size());
  ASSERT_GE(strings.size(), 2400U);
  int parsed_otherwise = 0;
  int wrong = 0;
  for (size_t i = 0; i < strings.size() && wrong < 10; ++i) {
    const auto text = nlohmann::json::parse(strings[i]).get<std::string>();
    const size_t bar = expected[i].find('|');
    const std::vector<TokenId> as_text = FromBase36(expected[i].substr(0, bar));
    const std::vector<TokenId> parsed =
        bar == std::string::npos ? as_text : FromBase36(expected[i].substr(bar + 1));
    parsed_otherwise += bar == std::string::npos ? 0 : 1;
    EXPECT_EQ(tokenizer->Encode(text), as_text)
        << "line " << i + 1 << ": " << strings[i] << (++wrong, "");
    EXPECT_EQ(tokenizer->Encode(text, SpecialTokens::kParse), parsed)
        << "line " << i + 1 << ": " << strings[i];
    for (const TokenId id : tokenizer->Encode(text))
      EXPECT_FALSE(tokenizer->IsSpecial(id)) << strings[i];
    wrong = HasFailure() ? wrong : 0;
  }
  EXPECT_GE(parsed_otherwise, 20);  // the strings do hold special tokens
}

// Ids in any order make bytes that are not UTF-8: what stands for them must be the same, whole or as a stream.
TEST_P(TokenizerGolden, DecodesAsHuggingFaceDoes) {
  const auto tokenizer = LoadTokenizer(GetParam().name);
  ASSERT_TRUE(tokenizer);
  int seen = 0;
  for (const std::string& line : Lines("tokenizer_decoded.jsonl")) {
    const auto entry = nlohmann::json::parse(line);
    if (entry[0].get<std::string>() != GetParam().name) continue;
    const auto ids = entry[1].get<std::vector<TokenId>>();
    EXPECT_EQ(tokenizer->Decode(ids), entry[2].get<std::string>()) << line;
    TextStream stream(tokenizer);
    std::string streamed;
    for (const TokenId id : ids) {
      const std::string piece = stream.Push(id);
      EXPECT_TRUE(IsUtf8(piece)) << line;
      streamed += piece;
    }
    EXPECT_EQ(streamed + stream.Flush(), entry[2].get<std::string>()) << line;
    ++seen;
  }
  EXPECT_EQ(seen, 100);
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, TokenizerGolden,
                         testing::Values(Vocabulary{"smollm2", "tokenizer_smollm2.txt"},
                                         Vocabulary{"whisper", "tokenizer_whisper.txt"},
                                         Vocabulary{"qwen2", "tokenizer_qwen2.txt"},
                                         Vocabulary{"shape", "tokenizer_shape.txt"}),
                         [](const auto& suite) { return std::string(suite.param.name); });

// \p{L}, \p{N} and \s over all of Unicode, as the library under Hugging Face's has them (Unicode 16). utf8proc of Debian 12
// knows Unicode 15: only letters and numbers that it does not know yet may differ, and they must be kOther.
TEST(UnicodeClasses, AreThoseOfThePatterns) {
  std::vector<CharClass> expected(0x110000, CharClass::kOther);
  for (const std::string& line : Lines("tokenizer_classes.txt")) {
    const CharClass kind = line[0] == 'L'   ? CharClass::kLetter
                           : line[0] == 'N' ? CharClass::kNumber
                                            : CharClass::kSpace;
    std::istringstream ranges(line.substr(1));
    for (std::string range; ranges >> range;) {
      const size_t dash = range.find('-');
      const unsigned long first = std::stoul(range, nullptr, 16);
      const unsigned long last =
          dash == std::string::npos ? first : std::stoul(range.substr(dash + 1), nullptr, 16);
      for (unsigned long c = first; c <= last; ++c) {
        if (c < 0xD800 || c > 0xDFFF) expected[c] = kind;
      }
    }
  }
  int newer = 0;
  for (char32_t c = 1; c < 0x110000; ++c) {
    if (ClassOf(c) == expected[c]) continue;
    ASSERT_EQ(ClassOf(c), CharClass::kOther) << "U+" << std::hex << static_cast<unsigned>(c);
    ASSERT_NE(expected[c], CharClass::kSpace) << "U+" << std::hex << static_cast<unsigned>(c);
    ++newer;
  }
  EXPECT_LE(newer, 5004);  // all of them unassigned before Unicode 15.1
}

}  // namespace
}  // namespace parley::model

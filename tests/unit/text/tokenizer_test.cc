// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "model/unicode.h"
#include "support/paths.h"
#include "support/weight_files.h"
#include "weights/checkpoint.h"

namespace parley::model {
namespace {

using Ids = std::vector<TokenId>;

std::shared_ptr<const Tokenizer> SmolLm2() {
  const auto gguf = weights::Checkpoint::Open(test::ModelDir("smollm2-135m-instruct"));
  if (!gguf.has_value()) throw std::runtime_error(gguf.error().message);
  return *Tokenizer::FromGguf(**gguf);
}

std::shared_ptr<const Tokenizer> QwenShape() {
  return *Tokenizer::FromJson(test::GoldenDir() + "/tokenizer_qwen2_shape.json");
}

// One word of a million bytes: quadratic merging would take hours, the heap takes about a second.
TEST(Tokenizer, MergesAMillionBytesOfOneWordInTime) {
  const auto tokenizer = SmolLm2();
  for (const std::string& unit : {std::string("a"), std::string("ab"), std::string(" "),
                                  std::string("<"), std::string("\xE4\xBD\xA0")}) {
    std::string text;
    while (text.size() < (size_t{1} << 20U)) text += unit;
    const auto start = std::chrono::steady_clock::now();
    const Ids ids = tokenizer->Encode(text, SpecialTokens::kParse);
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    EXPECT_EQ(tokenizer->Decode(ids), text) << unit;
    EXPECT_LT(seconds, 20.0) << unit;
  }
}

// The policy for bytes that are not UTF-8: one U+FFFD for each maximal part, then as any other text.
TEST(Tokenizer, TakesInvalidBytesForReplacementCharacters) {
  const auto tokenizer = QwenShape();
  const std::pair<std::string, std::string> cases[] = {
      {"\xFF", "\uFFFD"},
      {"a\xC3", "a\uFFFD"},
      {"\xC3(", "\uFFFD("},
      {"\xE4\xBD", "\uFFFD"},  // a truncated character is one
      {"\xE4\xBD\xE4\xBD\xA0", "\uFFFD\u4F60"},
      {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},  // a surrogate never is a character
      {"\xC0\xAF", "\uFFFD\uFFFD"},            // overlong
      {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"\xF0\x9F\x98\x80", "\U0001F600"},
      {std::string("\0x", 2), std::string("\0x", 2)},
  };
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(ReplaceInvalid(bytes), text);
    EXPECT_EQ(tokenizer->Encode(bytes), tokenizer->Encode(text)) << text;
    EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(bytes)), text);
  }
}

TEST(Tokenizer, KeepsSpecialTokensOutOfText) {
  const auto tokenizer = QwenShape();
  const TokenId end = *tokenizer->Find("<|im_end|>");
  const Ids as_text = tokenizer->Encode("a<|im_end|>");
  EXPECT_EQ(std::count(as_text.begin(), as_text.end(), end), 0);
  EXPECT_EQ(tokenizer->Decode(as_text), "a<|im_end|>");
  const Ids parsed = tokenizer->Encode("a<|im_end|>", SpecialTokens::kParse);
  EXPECT_EQ(parsed.back(), end);
  EXPECT_EQ(tokenizer->Decode(parsed), "a");
  EXPECT_TRUE(tokenizer->Bytes(end).empty());
  EXPECT_EQ(tokenizer->Bytes(*tokenizer->Find("<tool_call>")),
            "<tool_call>");  // added, but not special
  EXPECT_FALSE(tokenizer->IsSpecial(*tokenizer->Find("<tool_call>")));
  EXPECT_FALSE(tokenizer->Find("<|nothing|>").has_value());
  for (const TokenId outside : {-1, tokenizer->vocabulary(), INT32_MAX, INT32_MIN}) {
    EXPECT_TRUE(tokenizer->Bytes(outside).empty());
    EXPECT_FALSE(tokenizer->IsSpecial(outside));
  }
}

TEST(TextStream, NeverLetsHalfACharacterOut) {
  const auto tokenizer = SmolLm2();
  const std::string text = "na\u00EFve \U0001F468\u200D\U0001F469 \u4F60\u597D \U0001D538 e\u0301";
  TextStream stream(tokenizer);
  std::string out;
  int held = 0;
  for (const TokenId id : tokenizer->Encode(text)) {
    const std::string piece = stream.Push(id);
    EXPECT_TRUE(IsUtf8(piece));
    EXPECT_EQ(piece.find("\uFFFD"), std::string::npos);
    held += piece.empty() ? 1 : 0;
    out += piece;
  }
  EXPECT_EQ(out, tokenizer->Decode(tokenizer->Encode(text)));
  EXPECT_GT(held, 3);  // some characters do take several tokens
  EXPECT_EQ(stream.Flush(), "");
}

TEST(TextStream, FlushesWhatIsBroken) {
  const auto tokenizer = QwenShape();
  const Ids ids = tokenizer->Encode("\U00012345");
  ASSERT_GT(ids.size(), 1U);
  TextStream stream(tokenizer);
  EXPECT_EQ(stream.Push(ids[0]), "");
  EXPECT_EQ(stream.Flush(), "\uFFFD");
  EXPECT_EQ(stream.Flush(), "");
  stream.Push(ids[0]);
  EXPECT_EQ(stream.Push(tokenizer->Encode("x")[0]),
            "\uFFFDx");  // what cannot be completed any more comes out at once
}

// The reader refuses what it would not do exactly.
class TokenizerJson : public testing::Test {
 protected:
  nlohmann::json Good() {
    return nlohmann::json::parse(test::ReadFile(test::GoldenDir() + "/tokenizer_qwen2_shape.json"));
  }
  std::string ErrorOf(const nlohmann::json& json) { return ErrorOfText(json.dump()); }
  std::string ErrorOfText(const std::string& text) {
    const auto loaded = Tokenizer::FromJson(test::WriteFile(dir_.path() + "/tokenizer.json", text));
    return loaded.has_value() ? "loaded" : loaded.error().message;
  }
  test::TempDir dir_;
};

TEST_F(TokenizerJson, RefusesWhatItWouldNotDoExactly) {
  const auto expect = [this](const char* pointer, const nlohmann::json& value,
                             const char* message) {
    nlohmann::json json = Good();
    json[nlohmann::json::json_pointer(pointer)] = value;
    EXPECT_NE(ErrorOf(json).find(message), std::string::npos) << pointer << ": " << ErrorOf(json);
  };
  EXPECT_EQ(ErrorOf(Good()), "loaded");
  expect("/normalizer", {{"type", "Lowercase"}}, "normalizer {\"type\":\"Lowercase\"}");
  expect("/pre_tokenizer", {{"type", "Whitespace"}}, "Whitespace");
  expect("/pre_tokenizer/pretokenizers/0/pattern/Regex", "\\w+|[^\\w\\s]+", "[^\\\\w");
  expect("/pre_tokenizer/pretokenizers/0/behavior", "Removed", "Removed");
  expect("/pre_tokenizer/pretokenizers/1/add_prefix_space", true, "add_prefix_space");
  expect("/model/type", "Unigram", "Unigram");
  expect("/model/byte_fallback", true, "byte_fallback");
  expect("/model/unk_token", "<unk>", "unk_token");
  expect("/model/merges/0", "x", "two parts");
  expect("/model/merges/0", nlohmann::json::array({"zq", "qz"}), "not in the vocabulary");
  expect("/model/vocab/a", -1, "has no id");
  expect("/model/vocab/a", 1e18, "has no id");
  expect("/model/vocab", nullptr, "no vocab");
  expect("/added_tokens/0/id", "x", "has no id");
  expect("/added_tokens/0/id", 4000000000U, "has no id");
  expect("/added_tokens/0/single_word", true, "single_word");
  EXPECT_NE(ErrorOfText("[]").find("no JSON object"), std::string::npos);
  EXPECT_NE(ErrorOfText("{\"model\":").find("no JSON object"), std::string::npos);
  const auto absent = Tokenizer::FromJson(dir_.path() + "/absent.json");
  ASSERT_FALSE(absent.has_value());
  EXPECT_EQ(absent.error().code, Code::kNotFound);
}

// What the listener relies on: words that are appended while they are heard, each with its leading space, give the ids of
// one encoding of the whole. It holds for byte-level BPE when the cut is in front of " " and a letter, digit or mark that
// is no space; the exceptions of other cuts are shown below.
TEST(StableWords, EncodeAloneAsInTheirSentence) {
  const auto tokenizer = SmolLm2();
  std::vector<std::string> words = {
      "it's",     "don't",      "we'll", "I'd've", "12",         "3.14",
      "$48.75",   "caf\u00E9",  "e.g.",  "co-op",  "\"quoted\"", "(so)",
      "--",       "...",        "'tis",  "O'Neil", "\U0001F600", "\u4F60\u597D",
      "a\u0301b", "<|im_end|>", "1st",   "x2y",    "&",          "'s"};
  std::mt19937 random(3);
  while (words.size() < 4000) {
    const std::string_view bytes = tokenizer->Bytes(static_cast<TokenId>(random() % 49152));
    if (bytes.size() < 2 || bytes[0] != ' ' ||
        bytes.find_first_of(" \t\n\r", 1) != std::string_view::npos || !IsUtf8(bytes))
      continue;
    words.emplace_back(bytes.substr(1));
  }
  for (int i = 0; i < 5000; ++i) {
    const std::string a = words[random() % words.size()];
    const std::string b = " " + words[random() % words.size()];
    Ids apart = tokenizer->Encode(a);
    const Ids second = tokenizer->Encode(b);
    apart.insert(apart.end(), second.begin(), second.end());
    ASSERT_EQ(apart, tokenizer->Encode(a + b)) << "\"" << a << "\" + \"" << b << "\"";
  }
}

TEST(StableWords, DoNotHoldAtOtherCuts) {
  const auto tokenizer = SmolLm2();
  const auto splits_alike = [&](const std::string& a, const std::string& b) {
    Ids apart = tokenizer->Encode(a);
    const Ids second = tokenizer->Encode(b);
    apart.insert(apart.end(), second.begin(), second.end());
    return apart == tokenizer->Encode(a + b);
  };
  EXPECT_FALSE(splits_alike("unbeliev", "able"));  // inside a word
  EXPECT_FALSE(splits_alike("the ", "word"));      // the space belongs to the word behind it
  EXPECT_FALSE(splits_alike("\n", "\n"));          // runs of white space are one token
  EXPECT_FALSE(splits_alike(".", ".."));           // and so are marks
  EXPECT_TRUE(splits_alike("it", "'s"));           // but a contraction is a word of its own
  EXPECT_TRUE(splits_alike("4", "2"));             // and so is every digit
}

}  // namespace
}  // namespace parley::model

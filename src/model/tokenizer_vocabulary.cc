// The tokenizer of a checkpoint's folder: tokenizer.json, or what Hugging Face's slow tokenizers leave of Qwen2's byte-level
// BPE: vocab.json, merges.txt, and the added tokens of tokenizer_config.json (or of added_tokens.json, which has no flags).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "model/tokenizer_spec.h"

namespace parley::model {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;
constexpr uint64_t kMaxTokens = uint64_t{1} << 24;

Error Corrupt(const std::string& what) {
  return Fail(Code::kCorruptData, what + "; fetch the file again");
}

Result<Json> ReadObject(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Fail(Code::kNotFound, path + ": cannot open");
  std::stringstream text;
  text << in.rdbuf();
  Json json = Json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Corrupt(path + ": found no JSON object");
  return json;
}

bool Flag(const Json& object, const char* key, bool fallback) {
  const auto it = object.find(key);
  return it != object.end() && it->is_boolean() ? it->get<bool>() : fallback;
}

Status ReadVocabulary(const std::string& path, TokenizerSpec& spec) {
  PARLEY_TRY(const Json vocab, ReadObject(path));
  for (const auto& [token, id] : vocab.items()) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= kMaxTokens) {
      return Corrupt(path + ": token \"" + token + "\" has no id");
    }
    const auto index = id.get<size_t>();
    if (index >= spec.tokens.size()) spec.tokens.resize(index + 1);
    spec.tokens[index] = token;
  }
  return {};
}

// "#version: 0.2", then a pair a line, the first ones first.
Status ReadMerges(const std::string& path, TokenizerSpec& spec) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Fail(Code::kNotFound, path + ": cannot open");
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || (spec.merges.empty() && line.starts_with("#version"))) continue;
    const size_t space = line.find(' ', 1);
    if (space == std::string::npos || space + 1 == line.size()) {
      return Corrupt(path + ": merge \"" + line + "\" has not two parts");
    }
    spec.merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return {};
}

// {"151643": {"content": "<|endoftext|>", "special": true, …}, …}
Status ReadDecoder(const std::string& path, const Json& entries, TokenizerSpec& spec) {
  for (const auto& [key, entry] : entries.items()) {
    uint64_t id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    const bool number = error == std::errc() && end == key.data() + key.size() && id < kMaxTokens;
    if (!number || !entry.is_object() || !entry.contains("content") ||
        !entry["content"].is_string() || entry["content"].get<std::string>().empty()) {
      return Corrupt(path + ": added token \"" + key + "\" has no id or no content");
    }
    if (Flag(entry, "single_word", false)) {
      return Fail(Code::kUnsupported, path + ": added token \"" + key +
                                          "\" is a single_word, which parley does not do");
    }
    const bool special = Flag(entry, "special", false);
    spec.added.push_back({.content = entry["content"].get<std::string>(),
                          .id = static_cast<TokenId>(id),
                          .special = special,
                          .normalized = Flag(entry, "normalized", !special),
                          .lstrip = Flag(entry, "lstrip", false),
                          .rstrip = Flag(entry, "rstrip", false)});
  }
  return {};
}

// {"<audio_0>": 151696, …}: without flags. Speech codes are text to Step-Audio's own tokenizer, the others are not.
Status ReadAdded(const std::string& path, const Json& entries, TokenizerSpec& spec) {
  for (const auto& [content, id] : entries.items()) {
    if (content.empty() || !id.is_number_unsigned() || id.get<uint64_t>() >= kMaxTokens) {
      return Corrupt(path + ": added token \"" + content + "\" has no id or no content");
    }
    constexpr std::string_view kAudio = "<audio_";
    const bool code = content.starts_with(kAudio) && content.size() > kAudio.size() &&
                      content[kAudio.size()] >= '0' && content[kAudio.size()] <= '9';
    spec.added.push_back({.content = content,
                          .id = static_cast<TokenId>(id.get<uint64_t>()),
                          .special = !code,
                          .normalized = code});
  }
  return {};
}

Result<TokenizerSpec> ReadFolder(const std::string& dir) {
  TokenizerSpec spec;
  spec.pre_tokenizer = PreTokenizer::kQwen2;
  spec.nfc = true;
  PARLEY_TRY_STATUS(ReadVocabulary(dir + "/vocab.json", spec));
  PARLEY_TRY_STATUS(ReadMerges(dir + "/merges.txt", spec));
  if (const std::string path = dir + "/tokenizer_config.json"; fs::exists(path)) {
    PARLEY_TRY(const Json config, ReadObject(path));
    const auto kind = config.find("tokenizer_class");
    if (kind != config.end() && kind->is_string() &&
        kind->get<std::string>().find("Qwen2") == std::string::npos) {
      return Fail(Code::kUnsupported, path + ": tokenizer_class is \"" + kind->get<std::string>() +
                                          "\"; without a tokenizer.json parley reads Qwen2's only");
    }
    if (const auto decoder = config.find("added_tokens_decoder");
        decoder != config.end() && decoder->is_object()) {
      PARLEY_TRY_STATUS(ReadDecoder(path, *decoder, spec));
      return spec;
    }
  }
  if (const std::string path = dir + "/added_tokens.json"; fs::exists(path)) {
    PARLEY_TRY(const Json added, ReadObject(path));
    PARLEY_TRY_STATUS(ReadAdded(path, added, spec));
  }
  return spec;
}

// A clone without Git LFS leaves a few lines of text where a large file should be.
bool IsPointer(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string line;
  return std::getline(in, line) && line.starts_with("version https://git-lfs.github.com/");
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::FromFolder(const std::string& dir) {
  const std::string json = dir + "/tokenizer.json";
  const bool pointer = fs::exists(json) && IsPointer(json);
  if (fs::exists(json) && !pointer) return FromJson(json);
  if (!fs::exists(dir + "/vocab.json") || !fs::exists(dir + "/merges.txt")) {
    return Fail(Code::kNotFound,
                dir + " has no tokenizer: " +
                    (pointer ? "tokenizer.json is a Git LFS pointer (fetch the file itself)"
                             : "tokenizer.json is missing") +
                    ", and so is vocab.json or merges.txt");
  }
  Result<TokenizerSpec> spec = ReadFolder(dir);
  if (!spec.has_value()) return std::move(spec).error();
  return BuildTokenizer(dir + "/vocab.json", *std::move(spec));
}

}  // namespace parley::model

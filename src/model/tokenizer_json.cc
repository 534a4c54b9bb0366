// A tokenizer from Hugging Face's tokenizer.json. What parley does not do exactly is refused, by name, never guessed.
// The post-processor is not read: which special tokens stand around a text is the business of templates.
// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "model/tokenizer_spec.h"

namespace parley::model {
namespace {

using Json = nlohmann::json;
constexpr uint64_t kMaxTokens = uint64_t{1} << 24;

Error Unsupported(const std::string& what) {
  return Fail(Code::kUnsupported, "found " + what + ", which parley's byte-level BPE does not do");
}
Error Corrupt(const std::string& what) {
  return Fail(Code::kCorruptData, what + "; fetch the file again");
}

std::string Text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}
bool Flag(const Json& object, const char* key, bool fallback) {
  const auto it = object.find(key);
  return it != object.end() && it->is_boolean() ? it->get<bool>() : fallback;
}
const Json& Member(const Json& object, const char* key) {
  static const Json kNone;
  const auto it = object.find(key);
  return it != object.end() ? *it : kNone;
}

// The steps of a normalizer or pre-tokenizer: those of a Sequence, or the one that stands there.
std::vector<Json> Steps(const Json& component, const char* list) {
  if (!component.is_object()) return {};
  if (Text(component, "type") != "Sequence") return {component};
  const Json& steps = Member(component, list);
  return steps.is_array() ? steps.get<std::vector<Json>>() : std::vector<Json>();
}

Status ReadNormalizer(const Json& json, TokenizerSpec& spec) {
  for (const Json& step : Steps(Member(json, "normalizer"), "normalizers")) {
    if (!step.is_object() || Text(step, "type") != "NFC")
      return Unsupported("normalizer " + step.dump());
    spec.nfc = true;
  }
  return {};
}

// ByteLevel | Digits, ByteLevel | Split by a pattern that parley has, ByteLevel without its own
Status ReadPreTokenizer(const Json& json, TokenizerSpec& spec) {
  const std::vector<Json> steps = Steps(Member(json, "pre_tokenizer"), "pretokenizers");
  for (const Json& step : steps) {
    if (!step.is_object()) return Corrupt("a pre-tokenizer is no object");
  }
  const auto wrong = [&] { return Unsupported("pre_tokenizer " + Json(steps).dump()); };
  if (steps.empty() || steps.size() > 2) return wrong();
  const Json& last = steps.back();
  if (Text(last, "type") != "ByteLevel" || Flag(last, "add_prefix_space", true)) return wrong();
  const bool own_pattern = Flag(last, "use_regex", true);
  if (steps.size() == 1) {
    spec.pre_tokenizer = PreTokenizer::kGpt2;
    return own_pattern ? Status() : wrong();
  }
  const Json& first = steps.front();
  if (Text(first, "type") == "Digits" && Flag(first, "individual_digits", false) && own_pattern) {
    spec.pre_tokenizer = PreTokenizer::kDigitsGpt2;
    return {};
  }
  const Json& pattern = Member(first, "pattern");
  const auto kind =
      pattern.is_object() ? PreTokenizerOfPattern(Text(pattern, "Regex")) : std::nullopt;
  if (Text(first, "type") != "Split" || Text(first, "behavior") != "Isolated" ||
      Flag(first, "invert", false) || !kind || own_pattern) {
    return wrong();
  }
  spec.pre_tokenizer = *kind;
  return {};
}

Status ReadModel(const Json& json, TokenizerSpec& spec) {
  const Json& model = Member(json, "model");
  if (!model.is_object() || (Text(model, "type") != "BPE" && !Text(model, "type").empty())) {
    return Unsupported("model type \"" + (model.is_object() ? Text(model, "type") : "") + "\"");
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix", "unk_token"}) {
    if (!Text(model, key).empty())
      return Unsupported(std::string(key) + " \"" + Text(model, key) + "\"");
  }
  for (const char* key : {"byte_fallback", "ignore_merges", "fuse_unk"}) {
    if (Flag(model, key, false)) return Unsupported(key);
  }
  if (Member(model, "dropout").is_number()) return Unsupported("dropout");
  const Json& vocab = Member(model, "vocab");
  if (!vocab.is_object()) return Corrupt("the model has no vocab");
  for (const auto& [token, id] : vocab.items()) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= kMaxTokens)
      return Corrupt("token \"" + token + "\" has no id");
    const auto index = id.get<size_t>();
    if (index >= spec.tokens.size()) spec.tokens.resize(index + 1);
    spec.tokens[index] = token;
  }
  const Json& merges = Member(model, "merges");
  if (!merges.is_array()) return Corrupt("the model has no merges");
  for (const Json& merge : merges) {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      spec.merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
      continue;
    }
    const std::string text = merge.is_string() ? merge.get<std::string>() : std::string();
    const size_t space = text.find(' ', 1);
    if (space == std::string::npos) return Corrupt("merge " + merge.dump() + " has not two parts");
    spec.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
  }
  return {};
}

Status ReadAddedTokens(const Json& json, TokenizerSpec& spec) {
  const Json& added = Member(json, "added_tokens");
  if (added.is_null()) return {};
  if (!added.is_array()) return Corrupt("added_tokens is no list");
  for (const Json& entry : added) {
    if (!entry.is_object() || !Member(entry, "id").is_number_unsigned() ||
        Text(entry, "content").empty() || entry["id"].get<uint64_t>() >= kMaxTokens) {
      return Corrupt("added token " + entry.dump() + " has no id or no content");
    }
    if (Flag(entry, "single_word", false))
      return Unsupported("single_word in added token " + Text(entry, "content"));
    AddedToken token;
    token.content = Text(entry, "content");
    token.id = static_cast<TokenId>(entry["id"].get<uint64_t>());
    token.special = Flag(entry, "special", false);
    token.normalized = Flag(entry, "normalized", !token.special);
    token.lstrip = Flag(entry, "lstrip", false);
    token.rstrip = Flag(entry, "rstrip", false);
    spec.added.push_back(std::move(token));
  }
  return {};
}

Result<TokenizerSpec> ReadSpec(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Fail(Code::kNotFound, "cannot open");
  std::stringstream text;
  text << in.rdbuf();
  const Json json = Json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Corrupt("found no JSON object");
  TokenizerSpec spec;
  PARLEY_TRY_STATUS(ReadNormalizer(json, spec));
  PARLEY_TRY_STATUS(ReadPreTokenizer(json, spec));
  PARLEY_TRY_STATUS(ReadModel(json, spec));
  PARLEY_TRY_STATUS(ReadAddedTokens(json, spec));
  return spec;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::FromJson(const std::string& path) {
  Result<TokenizerSpec> spec = ReadSpec(path);
  if (!spec.has_value()) return Context(path, std::move(spec).error());
  return BuildTokenizer(path, *std::move(spec));
}

}  // namespace parley::model

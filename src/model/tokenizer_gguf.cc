// A tokenizer from the metadata of a GGUF file.
// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "model/tokenizer_spec.h"

namespace parley::model {
namespace {

constexpr double kControl = 3;  // tokenizer.ggml.token_type
constexpr double kUserDefined = 4;

struct NamedPreTokenizer {
  const char* name;
  PreTokenizer kind;
  bool nfc;
};
// llama.cpp does not normalise; Qwen2's own tokenizer does, and what a model was trained on is what counts.
constexpr NamedPreTokenizer kPreTokenizers[] = {{"smollm", PreTokenizer::kDigitsGpt2, false},
                                                {"gpt-2", PreTokenizer::kGpt2, false},
                                                {"qwen2", PreTokenizer::kQwen2, true}};

Error Unsupported(const std::string& key, const std::string* found, const std::string& expected) {
  return Fail(Code::kUnsupported, key + " is " +
                                      (found ? "\"" + *found + "\"" : std::string("absent")) +
                                      ", parley knows " + expected);
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::FromGguf(const weights::Checkpoint& gguf) {
  const std::string* model = gguf.Text("tokenizer.ggml.model");
  if (!model || *model != "gpt2")
    return Unsupported("tokenizer.ggml.model", model, "\"gpt2\" (byte-level BPE)");
  const std::string* pre = gguf.Text("tokenizer.ggml.pre");
  TokenizerSpec spec;
  bool known = false;
  for (const NamedPreTokenizer& candidate : kPreTokenizers) {
    if (pre && *pre == candidate.name) {
      spec.pre_tokenizer = candidate.kind;
      spec.nfc = candidate.nfc;
      known = true;
    }
  }
  if (!known) return Unsupported("tokenizer.ggml.pre", pre, "\"smollm\", \"gpt-2\" and \"qwen2\"");
  if (const double* prefix = gguf.Number("tokenizer.ggml.add_space_prefix");
      prefix && *prefix != 0) {
    return Fail(Code::kUnsupported,
                "tokenizer.ggml.add_space_prefix is true, parley adds no space");
  }
  const std::vector<std::string>* tokens = gguf.Texts("tokenizer.ggml.tokens");
  const std::vector<std::string>* merges = gguf.Texts("tokenizer.ggml.merges");
  if (!tokens || !merges) {
    return Fail(Code::kCorruptData,
                "the GGUF file has no tokenizer.ggml.tokens or no tokenizer.ggml.merges");
  }
  spec.tokens = *tokens;
  const std::vector<double>* types = gguf.Numbers("tokenizer.ggml.token_type");
  for (size_t id = 0; types && id < types->size() && id < tokens->size(); ++id) {
    const double type = (*types)[id];
    if (type != kControl && type != kUserDefined) continue;
    spec.added.push_back(
        {(*tokens)[id], static_cast<TokenId>(id), type == kControl, false, false, false});
  }
  for (const std::string& merge : *merges) {
    const size_t space = merge.find(' ', 1);
    if (space == std::string::npos) {
      return Fail(Code::kCorruptData,
                  "tokenizer.ggml.merges has \"" + merge + "\", expected two parts");
    }
    spec.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  return BuildTokenizer("tokenizer.ggml", std::move(spec));
}

}  // namespace parley::model

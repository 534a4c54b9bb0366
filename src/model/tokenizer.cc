// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "model/bpe.h"
#include "model/tokenizer_spec.h"
#include "model/unicode.h"

namespace parley::model {
namespace {

// The alphabet of byte-level BPE: printable bytes stand for themselves as Latin-1 characters, the others for U+0100 on.
struct ByteAlphabet {
  std::array<char32_t, 256> character;
  std::array<int, 324> byte;  // by character; -1: none

  ByteAlphabet() {
    byte.fill(-1);
    char32_t next = 256;
    for (unsigned b = 0; b < 256; ++b) {
      const bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      character[b] = printable ? b : next++;
      byte[character[b]] = static_cast<int>(b);
    }
  }

  // What a token adds to the text: its characters as bytes, or itself when it has characters of no byte.
  std::string BytesOf(std::string_view token) const {
    std::string bytes;
    for (size_t at = 0; at < token.size();) {
      const Decoded decoded = DecodeAt(token, at);
      if (decoded.character >= byte.size() || byte[decoded.character] < 0)
        return std::string(token);
      bytes += static_cast<char>(byte[decoded.character]);
      at += decoded.bytes;
    }
    return bytes;
  }
};

class ByteLevelTokenizer final : public Tokenizer {
 public:
  ByteLevelTokenizer(TokenizerSpec spec, Bpe bpe, const ByteAlphabet& alphabet);

  std::vector<TokenId> Encode(std::string_view utf8, SpecialTokens special) const override;
  std::string_view Bytes(TokenId id) const override {
    if (id < 0 || id >= vocabulary()) return {};
    const auto i = static_cast<size_t>(id);
    return std::string_view(bytes_).substr(offsets_[i], offsets_[i + 1] - offsets_[i]);
  }
  std::optional<TokenId> Find(std::string_view token) const override {
    const auto it = added_.find(std::string(token));
    return it == added_.end() ? std::nullopt : std::optional(it->second);
  }
  bool IsSpecial(TokenId id) const override {
    return id >= 0 && id < vocabulary() && special_[static_cast<size_t>(id)];
  }
  int32_t vocabulary() const override { return static_cast<int32_t>(special_.size()); }

 private:
  std::string Normalize(std::string_view utf8) const {
    return nfc_ ? Nfc(utf8) : std::string(utf8);
  }
  void EncodeWords(std::string_view normalized, std::vector<TokenId>& out) const;
  void EncodeParsing(std::string_view utf8, std::vector<TokenId>& out) const;

  Bpe bpe_;
  PreTokenizer pre_tokenizer_;
  bool nfc_;
  AddedTokenFinder in_raw_;
  AddedTokenFinder in_normalized_;
  std::unordered_map<std::string, TokenId> added_;
  std::string bytes_;              // of all tokens, one after the other
  std::vector<uint32_t> offsets_;  // into bytes_, by id, and the end
  std::vector<bool> special_;
};

// The added tokens of one kind, as they stand in the text that is searched for them.
std::vector<AddedToken> Searched(const TokenizerSpec& spec, bool normalized) {
  std::vector<AddedToken> tokens;
  for (AddedToken token : spec.added) {
    if (token.normalized != normalized) continue;
    if (normalized && spec.nfc) token.content = Nfc(token.content);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

ByteLevelTokenizer::ByteLevelTokenizer(TokenizerSpec spec, Bpe bpe, const ByteAlphabet& alphabet)
    : bpe_(std::move(bpe)),
      pre_tokenizer_(spec.pre_tokenizer),
      nfc_(spec.nfc),
      in_raw_(Searched(spec, false)),
      in_normalized_(Searched(spec, true)) {
  for (const AddedToken& token : spec.added) {
    const auto id = static_cast<size_t>(token.id);
    if (id >= spec.tokens.size()) spec.tokens.resize(id + 1);
    spec.tokens[id] = token.content;
    added_.emplace(token.content, token.id);
  }
  special_.resize(spec.tokens.size());
  for (const AddedToken& token : spec.added)
    special_[static_cast<size_t>(token.id)] = token.special;
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    offsets_.push_back(static_cast<uint32_t>(bytes_.size()));
    if (!special_[id]) bytes_ += alphabet.BytesOf(spec.tokens[id]);
  }
  offsets_.push_back(static_cast<uint32_t>(bytes_.size()));
}

void ByteLevelTokenizer::EncodeWords(std::string_view normalized, std::vector<TokenId>& out) const {
  Bpe::Scratch scratch;
  for (const std::string_view word : PreTokenize(pre_tokenizer_, normalized))
    bpe_.Encode(word, scratch, out);
}

void ByteLevelTokenizer::EncodeParsing(std::string_view utf8, std::vector<TokenId>& out) const {
  for (const AddedTokenFinder::Piece& raw : in_raw_.Split(utf8)) {
    if (raw.id >= 0) {
      out.push_back(raw.id);
      continue;
    }
    const std::string normalized = Normalize(raw.text);
    for (const AddedTokenFinder::Piece& piece : in_normalized_.Split(normalized)) {
      if (piece.id >= 0) {
        out.push_back(piece.id);
      } else {
        EncodeWords(piece.text, out);
      }
    }
  }
}

std::vector<TokenId> ByteLevelTokenizer::Encode(std::string_view utf8,
                                                SpecialTokens special) const {
  std::string replaced;
  if (!IsUtf8(utf8)) utf8 = replaced = ReplaceInvalid(utf8);
  std::vector<TokenId> ids;
  if (special == SpecialTokens::kParse) {
    EncodeParsing(utf8, ids);
  } else {
    EncodeWords(Normalize(utf8), ids);
  }
  return ids;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> BuildTokenizer(const std::string& where,
                                                        TokenizerSpec spec) {
  std::unordered_map<std::string_view, TokenId> ids;
  ids.reserve(spec.tokens.size());
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    if (!spec.tokens[id].empty()) ids.emplace(spec.tokens[id], static_cast<TokenId>(id));
  }
  const ByteAlphabet alphabet;
  std::array<TokenId, 256> byte_ids;
  for (size_t b = 0; b < 256; ++b) {
    std::string character;
    AppendUtf8(character, alphabet.character[b]);
    const auto it = ids.find(character);
    byte_ids[b] = it == ids.end() ? -1 : it->second;
  }
  std::vector<BpeMerge> merges;
  merges.reserve(spec.merges.size());
  for (size_t rank = 0; rank < spec.merges.size(); ++rank) {
    const auto& [left, right] = spec.merges[rank];
    const std::string merged = left + right;
    for (const std::string& part : {left, right, merged}) {
      if (!ids.contains(part)) {
        return Fail(Code::kCorruptData, where + ": merge " + std::to_string(rank) + " (\"" + left +
                                            "\" \"" + right + "\") uses \"" + part +
                                            "\", which is not in the vocabulary");
      }
    }
    merges.push_back({ids.at(left), ids.at(right), ids.at(merged)});
  }
  for (const AddedToken& token : spec.added) {
    if (token.id < 0 || token.id > (1 << 24)) {
      return Fail(Code::kCorruptData, where + ": added token \"" + token.content +
                                          "\" has the id " + std::to_string(token.id));
    }
  }
  return std::shared_ptr<const Tokenizer>(
      std::make_shared<ByteLevelTokenizer>(std::move(spec), Bpe(byte_ids, merges), alphabet));
}

std::string Tokenizer::Decode(std::span<const TokenId> ids) const {
  std::string bytes;
  for (const TokenId id : ids) bytes += Bytes(id);
  return ReplaceInvalid(bytes);
}

}  // namespace parley::model

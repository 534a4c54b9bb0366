// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/stream_reader.h"

#include <algorithm>
#include <utility>

namespace parley::realtime {
namespace {

// Every id with its part of the text.
std::vector<SpokenToken> Split(const AnswerText& text, const model::Tokenizer& tokenizer) {
  std::vector<SpokenToken> tokens;
  size_t at = 0;
  for (const TokenId id : tokenizer.Encode(text.view())) {
    const size_t end = at + tokenizer.Bytes(id).size();
    tokens.push_back({text.Slice(at, end), id, true});
    at = end;
  }
  return tokens;
}

}  // namespace

StreamReader::Read StreamReader::Push(TokenId id) {
  const bool thought = parser_.in_thought();
  std::vector<AnswerParser::Piece> pieces = parser_.Push(id);
  // A token of a thought, or of white space before an answer, is no token of the answer.
  const bool ours = !thought && !tokenizer_->IsSpecial(id);
  return Sort(std::move(pieces), ours ? std::optional(id) : std::nullopt);
}

StreamReader::Read StreamReader::End() {
  std::vector<AnswerParser::Piece> pieces = parser_.Flush();
  const bool says = std::any_of(pieces.begin(), pieces.end(), [](const auto& piece) {
    return std::holds_alternative<AnswerText>(piece);
  });
  if (!says) held_.clear();  // half a tag
  return Sort(std::move(pieces), std::nullopt);
}

StreamReader::Read StreamReader::Sort(std::vector<AnswerParser::Piece> pieces,
                                      std::optional<TokenId> id) {
  Read read;
  std::optional<AnswerText> said;
  for (AnswerParser::Piece& piece : pieces) {
    if (auto* answer = std::get_if<AnswerText>(&piece)) {
      if (said) {
        said->Append(*answer);
      } else {
        said = std::move(*answer);
      }
    } else if (auto* thought = std::get_if<ThoughtText>(&piece)) {
      read.thought += thought->ForTrace();
    } else {
      read.call = std::move(std::get<Result<ToolCall>>(piece));
    }
  }
  if (parser_.in_thought() || read.call) {  // what was held back was a tag, or the call
    held_.clear();
    id.reset();
  }
  if (!said && !parser_.clean()) {
    if (begun_ && id) held_.push_back(*id);
    return read;
  }
  for (const TokenId held : std::exchange(held_, {})) {
    read.spoken.push_back({std::nullopt, held, false});
  }
  if (!said) {
    if (begun_ && id) read.spoken.push_back({std::nullopt, id, true});
    return read;
  }
  const bool first = !std::exchange(begun_, true);
  if (id) {
    read.spoken.push_back({std::move(said), id, parser_.clean()});
  } else if (first) {  // a token that ended the thought as well
    read.spoken = Split(*said, *tokenizer_);
  } else {  // what was held back, of ids that were told
    read.spoken.push_back({std::move(said), std::nullopt, true});
  }
  return read;
}

void SayTokens(std::vector<SpokenToken> tokens, std::vector<mind::Action>& out) {
  for (SpokenToken& token : tokens) {
    if (token.text) out.emplace_back(mind::Say{std::move(*token.text)});
    if (token.id) out.emplace_back(mind::TokenTaken{*token.id, token.clean});
  }
}

std::vector<SpokenToken> Spell(Phrase phrase, const model::Tokenizer& tokenizer) {
  return Split(AnswerParser::Spoken(phrase), tokenizer);
}

}  // namespace parley::realtime

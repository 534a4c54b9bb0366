// SPDX-License-Identifier: Apache-2.0
#include "model/added_tokens.h"

#include <algorithm>

#include "model/unicode.h"

namespace parley::model {
namespace {

size_t SkipSpaces(std::string_view text, size_t at) {
  while (at < text.size()) {
    const Decoded decoded = DecodeAt(text, at);
    if (ClassOf(decoded.character) != CharClass::kSpace) break;
    at += decoded.bytes;
  }
  return at;
}

// Where the white space begins that ends at `end`, not before `from`.
size_t SpacesBefore(std::string_view text, size_t from, size_t end) {
  size_t begin = end;
  while (begin > from) {
    size_t at = begin - 1;
    while (at > from && (static_cast<uint8_t>(text[at]) & 0xC0U) == 0x80U) --at;
    if (ClassOf(DecodeAt(text, at).character) != CharClass::kSpace) break;
    begin = at;
  }
  return begin;
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const AddedToken& t) { return t.content.empty(); });
  std::sort(tokens_.begin(), tokens_.end(),
            [](const AddedToken& a, const AddedToken& b) { return a.content < b.content; });
}

// Narrows the sorted range byte by byte: as fast as a trie, and only as deep as the text agrees.
const AddedToken* AddedTokenFinder::LongestAt(std::string_view text, size_t at) const {
  auto low = tokens_.begin();
  auto high = tokens_.end();
  const AddedToken* longest = nullptr;
  for (size_t depth = 0; low != high && at + depth < text.size(); ++depth) {
    const auto byte = static_cast<uint8_t>(text[at + depth]);
    const auto byte_of = [depth](const AddedToken& t) {  // -1: the token has ended
      return depth < t.content.size() ? static_cast<int>(static_cast<uint8_t>(t.content[depth]))
                                      : -1;
    };
    low = std::partition_point(low, high, [&](const AddedToken& t) { return byte_of(t) < byte; });
    high = std::partition_point(low, high, [&](const AddedToken& t) { return byte_of(t) <= byte; });
    if (low != high && low->content.size() == depth + 1) longest = &*low;
  }
  return longest;
}

std::vector<AddedTokenFinder::Piece> AddedTokenFinder::Split(std::string_view text) const {
  std::vector<Piece> pieces;
  size_t taken = 0;  // everything before is in `pieces`
  for (size_t at = 0; at < text.size();) {
    const AddedToken* token = LongestAt(text, at);
    if (!token) {
      ++at;
      continue;
    }
    const size_t begin = token->lstrip ? SpacesBefore(text, taken, at) : at;
    at += token->content.size();
    if (token->rstrip) at = SkipSpaces(text, at);
    if (begin > taken) pieces.push_back({text.substr(taken, begin - taken), -1});
    pieces.push_back({text.substr(begin, at - begin), token->id});
    taken = at;
  }
  if (taken < text.size()) pieces.push_back({text.substr(taken), -1});
  return pieces;
}

}  // namespace parley::model

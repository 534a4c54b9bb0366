// SPDX-License-Identifier: Apache-2.0
#include "realtime/speak/playback_ledger.h"

#include "common/check.h"

namespace parley::realtime {

void PlaybackLedger::AddToken(bool clean) {
  token_end_.push_back(text_.size());
  token_clean_.push_back(clean);
}

void PlaybackLedger::AddClause(ClauseId id, size_t char_begin, size_t char_end) {
  PARLEY_CHECK(clauses_.empty() || char_begin >= clauses_.back().end, "clauses follow each other");
  PARLEY_CHECK(char_begin <= char_end && char_end <= text_.size(),
               "a clause is part of the answer");
  clauses_.push_back({id, char_begin, char_end});
}

// A voice may report words out of order or beyond its clause: what would not be monotone is bent
// until it is, because an answer must not fail for it.
void PlaybackLedger::AddWord(int64_t first_sample, size_t char_begin, size_t char_end) {
  WordEntry word{first_sample, std::min(char_begin, text_.size()),
                 std::min(char_end, text_.size())};
  if (!words_.empty()) {
    word.first_sample = std::max(word.first_sample, words_.back().first_sample);
    word.begin = std::max(word.begin, words_.back().end);
  }
  word.end = std::max(word.end, word.begin);
  words_.push_back(word);
}

void PlaybackLedger::EndClause(ClauseId id, int64_t end_sample) {
  for (ClauseEntry& clause : clauses_) {
    if (clause.id == id) clause.end_sample = end_sample;
  }
}

std::string PlaybackLedger::WordsBetween(int64_t from, int64_t to) const {
  std::string words;
  for (const WordEntry& word : words_) {
    if (word.first_sample < from || word.first_sample > to) continue;
    words += (words.empty() ? "" : " ") + text_.substr(word.begin, word.end - word.begin);
  }
  return words;
}

HeardCut PlaybackLedger::CutAt(int64_t sample) const {
  size_t chars = 0;
  for (const ClauseEntry& clause : clauses_) {
    if (clause.end_sample >= 0 && sample >= clause.end_sample) chars = clause.end;
  }
  for (size_t i = 0; i < words_.size(); ++i) {
    const WordEntry& word = words_[i];
    // A word lasts until the next one, or until its clause ends; while that is unknown, it lasts.
    int64_t end = -1;
    for (const ClauseEntry& clause : clauses_) {
      if (word.begin >= clause.begin && word.begin < clause.end) end = clause.end_sample;
    }
    if (i + 1 < words_.size() && (end < 0 || words_[i + 1].first_sample < end)) {
      end = words_[i + 1].first_sample;
    }
    if (end < 0) end = std::max(sent_, word.first_sample + 1);
    if (2 * (sample - word.first_sample) > end - word.first_sample) {
      chars = std::max(chars, word.end);
    }
  }
  return AtChar(chars);
}

HeardCut PlaybackLedger::Spoken() const {
  return AtChar(clauses_.empty() ? 0 : clauses_.back().end);
}

HeardCut PlaybackLedger::AtChar(size_t chars) const {
  HeardCut cut{chars, 0, 0};
  for (size_t i = 0; i < token_end_.size() && token_end_[i] <= chars; ++i) {
    if (!token_clean_[i]) continue;
    cut.tokens = i + 1;
    cut.token_chars = token_end_[i];
  }
  return cut;
}

}  // namespace parley::realtime

// What of an answer has been heard: token → character → clause → sample → played, four maps that
// only grow. Asked where the listener stopped, it names the same place in all of them.
// Characters are bytes of the answer's UTF-8 text; samples are counted from the answer's first one.
// A word has been heard when more than half of it has been played.
// Thread:   plain value; one owner.
// Memory:   a few numbers for every token, clause and word of one answer.
// Overload: none: bounded by the answer's budget of tokens.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"

namespace parley::realtime {

struct HeardCut {
  size_t chars = 0;        // of the answer, heard
  size_t tokens = 0;       // of the answer, whose text lies within `chars`
  size_t token_chars = 0;  // where their text ends; what is between is not a whole token
};

class PlaybackLedger {
 public:
  // ---- token → character
  void AddText(std::string_view text) { text_ += text; }
  void AddToken(bool clean);  // its text ends where the text so far ends, unless it is not clean

  // ---- character → clause → sample
  void AddClause(ClauseId id, size_t char_begin, size_t char_end);
  // A word of the newest spoken clause; samples and characters of the answer.
  void AddWord(int64_t first_sample, size_t char_begin, size_t char_end);
  // The clause's sound is complete: it ends here.
  void EndClause(ClauseId id, int64_t end_sample);

  // ---- sample → played
  void Sent(int64_t samples) { sent_ = std::max(sent_, samples); }
  void Played(int64_t samples) { played_ = std::clamp(samples, played_, sent_); }

  HeardCut Heard() const { return CutAt(played_); }
  HeardCut CutAt(int64_t sample) const;
  HeardCut Spoken() const;                               // everything that was made into clauses
  HeardCut All() const { return AtChar(text_.size()); }  // of an answer that is read

  // The words that begin to sound between these samples.
  std::string WordsBetween(int64_t from, int64_t to) const;
  const std::string& text() const { return text_; }
  int64_t sent() const { return sent_; }
  int64_t played() const { return played_; }
  size_t tokens() const { return token_end_.size(); }

 private:
  struct ClauseEntry {
    ClauseId id;
    size_t begin, end;        // characters
    int64_t end_sample = -1;  // negative: its sound is not complete
  };
  struct WordEntry {
    int64_t first_sample;
    size_t begin, end;
  };
  HeardCut AtChar(size_t chars) const;

  std::string text_;
  std::vector<size_t> token_end_;  // characters
  std::vector<bool> token_clean_;
  std::vector<ClauseEntry> clauses_;
  std::vector<WordEntry> words_;
  int64_t sent_ = 0, played_ = 0;
};

}  // namespace parley::realtime

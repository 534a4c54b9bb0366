// Cuts an answer, while it is written, into clauses that sound whole when spoken one by one.
// The first clause is short, so that speech begins early; later ones follow the punctuation. A
// number ("3.14", "1,000"), a time, an abbreviation ("Dr.", "e.g.") or an initial is never cut.
// However the text is pushed, the clauses are the same.
// Thread:   plain value; one owner.
// Memory:   the text that is not yet a clause.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "common/spoken_text.h"
#include "realtime/speak/speak_config.h"

namespace parley::realtime {

struct Clause {
  AnswerText text;
  size_t begin = 0, end = 0;  // bytes of the answer
  bool ends_sentence = false;
};

class ClauseChunker {
 public:
  explicit ClauseChunker(const SpeakConfig& config) : config_(config) {}

  std::vector<Clause> Push(const AnswerText& more);
  std::vector<Clause> Flush();  // the answer has ended
  // What waits for the rest of its clause, in bytes of the answer.
  size_t pending_begin() const { return begin_; }

 private:
  struct Cut {
    size_t end = 0;  // in pending_
    bool sentence = false;
  };
  std::optional<Cut> FindCut(std::string_view text, bool last) const;
  std::vector<Clause> Take(bool last);

  const SpeakConfig config_;
  std::optional<AnswerText> pending_;
  size_t begin_ = 0;  // of pending_, in the answer
  bool first_ = true;
};

}  // namespace parley::realtime

// How a thought is written down by a model: between marks that are ids (a model that takes notes) or
// between tags of text (Step-Audio-R1, and whatever was told to think so).
// Thread:   const after construction.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/tokenizer.h"
#include "realtime/mind/parser.h"
#include "realtime/mind/style.h"

namespace parley::realtime {

class ThoughtForm {
 public:
  // Without marks: tags of text.
  ThoughtForm(std::shared_ptr<const model::Tokenizer> tokenizer, std::vector<TokenId> stop_ids,
              std::optional<StyleMarks> marks);

  ParserOptions Parser(bool begins_in_thought, bool goes_on) const;
  // What ends a thought that the model has not ended itself; `thought`: what was thought so far.
  std::vector<TokenId> End(std::string_view thought) const;
  // What stands behind the body of a call once its result is there.
  std::vector<TokenId> Result(std::string_view result) const;
  // A result that comes when the thought that called has been ended already.
  std::vector<TokenId> LateResult(std::string_view result) const;
  // What ends a stream: the end of an answer, the end of a call, marks that only we write.
  const std::vector<TokenId>& stop_ids() const { return stop_ids_; }
  const std::vector<std::string>& stop_texts() const { return stop_texts_; }
  const std::shared_ptr<const model::Tokenizer>& tokenizer() const { return tokenizer_; }
  const std::optional<StyleMarks>& marks() const { return marks_; }

 private:
  const std::shared_ptr<const model::Tokenizer> tokenizer_;
  const std::optional<StyleMarks> marks_;
  std::vector<TokenId> stop_ids_;
  std::vector<std::string> stop_texts_;
};

}  // namespace parley::realtime

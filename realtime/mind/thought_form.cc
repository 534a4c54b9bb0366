// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/thought_form.h"

#include <utility>

namespace parley::realtime {
namespace {

std::vector<TokenId> Join(std::vector<TokenId> a, const std::vector<TokenId>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

ThoughtForm::ThoughtForm(std::shared_ptr<const model::Tokenizer> tokenizer,
                         std::vector<TokenId> stop_ids, std::optional<StyleMarks> marks)
    : tokenizer_(std::move(tokenizer)), marks_(marks), stop_ids_(std::move(stop_ids)) {
  if (!marks_) {
    stop_texts_ = {"</tool_call>"};
    return;
  }
  // All but the two that a model may write inside a thought: the answer's, and a call's beginning.
  for (const TokenId mark : marks_->All()) {
    if (mark != marks_->answer && mark != marks_->tool_call) stop_ids_.push_back(mark);
  }
}

ParserOptions ThoughtForm::Parser(bool begins_in_thought, bool goes_on) const {
  ParserOptions options;
  options.begins_in_thought = begins_in_thought;
  options.goes_on = goes_on;
  if (marks_) {
    options.close_id = marks_->answer;
    options.call_id = marks_->tool_call;
    options.call_end_id = marks_->tool_call_end;
  }
  return options;
}

std::vector<TokenId> ThoughtForm::End(std::string_view thought) const {
  if (marks_) return {marks_->answer};
  // As the model was trained: the tag on a line of its own.
  return tokenizer_->Encode(thought.ends_with('\n') ? "</think>\n" : "\n</think>\n");
}

std::vector<TokenId> ThoughtForm::Result(std::string_view result) const {
  if (marks_) return Join({marks_->tool_call_end}, LateResult(result));
  return Join(tokenizer_->Encode("</tool_call>\n"), LateResult(result));
}

std::vector<TokenId> ThoughtForm::LateResult(std::string_view result) const {
  if (marks_) {
    return Join(Join({marks_->tool_result}, tokenizer_->Encode(result)), {marks_->tool_result_end});
  }
  return tokenizer_->Encode("<tool_response>\n" + std::string(result) + "\n</tool_response>\n");
}

}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
// The third part of Answering: tools that are called from its thought.
#include <algorithm>
#include <utility>

#include "realtime/mind/answering.h"

namespace parley::realtime {
namespace {

constexpr int32_t kMostCalls = 4;  // of one answer

}  // namespace

// The stream has ended with a call, or because of one.
bool Answering::OnEndOfCall(const engine::Ended& ended, Time now, Out out) {
  if (!held_call_ && form_.marks() && f_reader_->in_call()) {
    held_call_ = f_reader_->Push(form_.marks()->tool_call_end).call;
  } else if (!held_call_ && ended.reason == engine::EndReason::kStopText) {
    call_tail_ = form_.tokenizer()->Encode(ended.text);
    StreamReader::Read read;
    for (const TokenId id : call_tail_) {
      read = f_reader_->Push(id);
      if (read.call) held_call_ = std::move(read.call);
    }
    if (!held_call_) held_call_ = f_reader_->End().call;
  }
  if (!held_call_) return false;
  if (stage_ == Stage::kParts) {
    beside_ = Beside::kTool;
  } else {
    stage_ = Stage::kTool;
  }
  if (committed_) {
    CallNow(now, out);
    Arm(now, out);
  }
  return true;
}

void Answering::CallNow(Time now, Out out) {
  Result<ToolCall> call = *std::exchange(held_call_, std::nullopt);
  call_ = ++names_.call;
  call_inside_ = true;
  if (++calls_ > kMostCalls) {
    return OnToolResult({"error: too many calls", true}, now, out);
  }
  out.emplace_back(mind::CallTool{call_, std::move(call)});
}

void Answering::OnToolResult(const ToolResult& result, Time now, Out out) {
  call_ = 0;
  std::vector<TokenId> ids = std::exchange(call_tail_, {});
  const std::vector<TokenId> told =
      call_inside_ ? form_.Result(result.text) : form_.LateResult(result.text);
  ids.insert(ids.end(), told.begin(), told.end());
  AppendToF(ids, out);
  thought_end_ = f_size_;
  thought_ids_.insert(thought_ids_.end(), ids.begin(), ids.end());
  clean_ids_ = thought_ids_.size();
  if (stage_ == Stage::kPrepared) return;
  if (stage_ == Stage::kParts) {
    beside_ = Beside::kThinking;
    tell_failure_ |= result.failed;
  } else {
    stage_ = Stage::kThought;
    if (!f_reader_) f_reader_.emplace(form_.tokenizer(), form_.Parser(true, false));
    if (result.failed) SayPhrase(Phrase::kToolFailed, out);
  }
  GenerateOnF(std::max(ThoughtLeft(), 1) + budgets_.answer, out);
  Weigh(now, out);
  Arm(now, out);
  GoOn(now, out);
}

}  // namespace parley::realtime

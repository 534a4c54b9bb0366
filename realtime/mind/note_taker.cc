// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/note_taker.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "realtime/listen/block_words.h"
#include "realtime/mind/kept_thought.h"

namespace parley::realtime {

namespace {

constexpr int32_t kCallTokens = 64;
constexpr int kMostCalls = 2;        // of one note
constexpr size_t kTokensOfWord = 4;  // of a note about many words, which had to be written anew
// Words that are thought about again behind the end of speech: the caller waits for it.
constexpr size_t kMostLateWords = 16;

}  // namespace

NoteTaker::NoteTaker(const MindConfig& config, const MindParts& parts, const NoteFormat& format,
                     const ThoughtForm& form, Names& names)
    : config_(config), parts_(parts), format_(format), form_(form), names_(names) {}

void NoteTaker::Hear(const HeardWords& words, Out out) {
  const std::vector<std::string> all = NormalisedWords(words.text);
  if (!paused_ && state_ == State::kIdle) Correct(all, out);
  const auto noted = static_cast<int64_t>(WordsNoted(noted_, all));
  pending_.assign(all.begin() + noted, all.end());
  Sounded(all.size(), words.marks);
  if (!paused_) Step(false, out);
}

// The first block whose words are no longer what was said, if it can be taken back.
std::optional<size_t> NoteTaker::Corrected(const std::vector<std::string>& all) const {
  std::vector<size_t> sizes;
  for (const Block& block : blocks_) sizes.push_back(block.words);
  const std::optional<size_t> first = FirstCorrected(sizes, noted_, all);
  if (!first) return std::nullopt;
  const auto from = blocks_.begin() + static_cast<int64_t>(*first);
  const bool final = std::any_of(from, blocks_.end(), [](const Block& b) { return b.final; });
  return final ? std::nullopt : first;
}

void NoteTaker::Correct(const std::vector<std::string>& all, Out out) {
  const std::optional<size_t> first = Corrected(all);
  if (!first) return;
  const auto from = blocks_.begin() + static_cast<int64_t>(*first);
  out.emplace_back(
      mind::RollBack{parts_.trunk->begin() + from->begin, note_tokens_ - from->note_tokens});
  opened_ = *first > 0;
  notes_.resize(from->notes);
  note_tokens_ = from->note_tokens;
  BlockMarks marks;
  for (auto block = from; block != blocks_.end(); ++block) {
    marks.Add(block->words, block->marks);
    noted_.resize(noted_.size() - block->words);
  }
  marks_.Add(heard_ - std::min(heard_, noted_.size()), marks.Take());
  blocks_.erase(from, blocks_.end());
}

// What the trunk will hold when the actions so far have been carried out.
engine::Position NoteTaker::Held(Out out) const {
  engine::Position held = parts_.trunk->size();
  for (const mind::Action& action : out) {
    if (const auto* back = std::get_if<mind::RollBack>(&action)) held = back->keep;
    const auto* append = std::get_if<mind::Append>(&action);
    if (append != nullptr && append->branch == kTrunk) {
      held += static_cast<engine::Position>(append->ids.size());
    }
  }
  return held;
}

void NoteTaker::Sounded(size_t words, std::span<const std::string> marks) {
  marks_.Add(words - std::min(words, heard_), marks);
  heard_ = words;
}

void NoteTaker::Pause(Out out) {
  Step(true, out);
  paused_ = true;
}

void NoteTaker::Resume(Out out) {
  paused_ = false;
  Step(false, out);
}

void NoteTaker::Forget(Out out) {
  teller_.End(out);
  state_ = State::kIdle;
  opened_ = paused_ = call_in_note_ = false;
  noted_.clear();
  blocks_.clear();
  pending_.clear();
  marks_.Clear();
  heard_ = 0;
  notes_.clear();
  note_tokens_ = 0;
  reader_.reset();
  call_ = 0;
  late_.reset();
}

void NoteTaker::Keep(std::string_view final_thought) {
  notes_ += final_thought;
  kept_ = KeptThought(notes_, config_.keep_thought_tokens, " ", "", *parts_.tokenizer);
}

// The user's turn, and a first note of what an interruption has left.
std::vector<TokenId> NoteTaker::Open(TokenId mode) const {
  const StyleMarks& marks = format_.style().marks;
  std::vector<TokenId> ids = format_.Open(mode);
  if (kept_.empty() || mode == marks.none) return ids;
  ids.push_back(marks.note);
  ids.insert(ids.end(), kept_.begin(), kept_.end());
  ids.push_back(marks.note_end);
  return ids;
}

void NoteTaker::Step(bool paused, Out out) {
  switch (NextBlockStep(static_cast<int>(WordsToNote(pending_)), format_.style().block_words,
                        paused, state_ != State::kIdle)) {
    case BlockStep::kWait:
      return;
    case BlockStep::kClose:
      return CloseBlock(out);
    case BlockStep::kCutNoteAndClose:
      if (state_ == State::kTool) {  // its result comes later
        EndNote({form_.marks()->tool_call_end}, out);
        return CloseBlock(out);
      }
      return Cut(out);
  }
}

void NoteTaker::CloseBlock(Out out) {
  std::vector<TokenId> ids = opened_ ? std::vector<TokenId>() : Open(format_.style().marks.listen);
  std::vector<std::string> marks = marks_.Take();
  const size_t count = WordsToNote(pending_);
  const std::vector<TokenId> words = format_.Words(std::span(pending_).first(count), marks);
  ids.insert(ids.end(), words.begin(), words.end());
  ids.push_back(format_.style().marks.note);
  const size_t most =
      std::max(static_cast<size_t>(format_.style().note_tokens), kTokensOfWord * count);
  if (!Fits(ids.size() + most)) return;
  const bool final = late_.has_value();
  if (late_) {
    const std::vector<TokenId> result = form_.LateResult(*std::exchange(late_, std::nullopt));
    ids.insert(ids.end(), result.begin(), result.end());
  }
  if (!std::exchange(opened_, true)) note_tokens_ = static_cast<int32_t>(kept_.size());
  blocks_.push_back({count, Held(out) - parts_.trunk->begin(), notes_.size(), note_tokens_,
                     std::move(marks), final});
  const auto end = pending_.begin() + static_cast<int64_t>(count);
  std::move(pending_.begin(), end, std::back_inserter(noted_));
  pending_.erase(pending_.begin(), end);
  Append(std::move(ids), out);
  reader_.emplace(parts_.tokenizer, form_.Parser(true, false));
  extended_ = false;
  calls_ = 0;
  Write(static_cast<int32_t>(most), out);
}

void NoteTaker::Write(int32_t tokens, Out out) {
  state_ = State::kWriting;
  engine::GenerateOptions options = SampledAs(config_);
  options.max_tokens = tokens;
  options.stop_ids = form_.stop_ids();
  options.stop_ids.push_back(format_.style().marks.answer);  // it is not time to answer
  options.urgency = engine::Urgency::kThinkingListening;
  out.emplace_back(mind::Generate{kTrunk, std::move(options)});
}

void NoteTaker::Cut(Out out) {
  if (state_ != State::kWriting) return;
  state_ = State::kCutting;
  out.emplace_back(mind::Stop{kTrunk});
}

void NoteTaker::OnToken(TokenId id, Out out) {
  if (!reader_) return;
  const std::string thought = reader_->Push(id).thought;
  notes_ += thought;
  ++note_tokens_;
  teller_.Add(thought, 1, ThoughtWhile::kListening, out);
}

void NoteTaker::OnEnded(const engine::Ended& ended, Out out) {
  if (!writing() || !reader_) return;
  if (ended.reason == engine::EndReason::kStopToken && reader_->in_call()) {
    const auto call = reader_->Push(format_.style().marks.tool_call_end).call;
    if (call && call_ == 0 && ++calls_ <= kMostCalls) {
      state_ = State::kTool;
      call_ = ++names_.call;
      call_in_note_ = true;
      blocks_.back().final = true;
      out.emplace_back(mind::CallTool{call_, *call});
      return Step(paused_, out);
    }
    return EndNote({format_.style().marks.tool_call_end}, out);
  }
  if (ended.reason == engine::EndReason::kBudget && reader_->in_call() && !extended_) {
    extended_ = true;  // a call that was begun is worth its end
    return Write(kCallTokens, out);
  }
  teller_.Add(reader_->End().thought, 0, ThoughtWhile::kListening, out);
  EndNote({}, out);
  if (!paused_) Step(false, out);
}

void NoteTaker::OnFailed(Out out) {
  if (writing()) EndNote({}, out);
}

void NoteTaker::EndNote(std::vector<TokenId> before, Out out) {
  teller_.End(out);
  notes_ += '\n';
  reader_.reset();
  state_ = State::kIdle;
  call_in_note_ = false;
  before.push_back(format_.style().marks.note_end);
  Append(std::move(before), out);
}

void NoteTaker::OnToolResult(const ToolResult& result, Out out) {
  call_ = 0;
  if (!call_in_note_) {
    late_ = result.text;
    return;
  }
  call_in_note_ = false;
  Append(form_.Result(result.text), out);
  Write(format_.style().note_tokens, out);
}

Answering::Prompt NoteTaker::End(const HeardWords& words, Out out) {
  const StyleMarks& marks = format_.style().marks;
  Answering::Prompt prompt;
  prompt.think = config_.effort != Effort::kMinimal;
  if (state_ == State::kTool) EndNote({marks.tool_call_end}, out);
  const std::vector<std::string> all = NormalisedWords(words.text);
  auto noted = static_cast<int64_t>(WordsNoted(noted_, all));
  bool opened = opened_;
  prompt.edit.keep = Held(out);
  prompt.noted = opened ? note_tokens_ : static_cast<int32_t>(kept_.size());
  BlockMarks marks_so_far = words.whole_turn ? BlockMarks() : marks_;
  // The last transcript may say otherwise than a note believed: then its words are among those of the end.
  const auto first = state_ == State::kIdle && prompt.think ? Corrected(all) : std::nullopt;
  if (first) {
    const auto from = blocks_.begin() + static_cast<int64_t>(*first);
    const auto right = std::accumulate(blocks_.begin(), from, size_t{0},
                                       [](size_t n, const Block& b) { return n + b.words; });
    if (all.size() - right <= kMostLateWords) {
      noted = static_cast<int64_t>(right);
      opened = *first > 0;
      prompt.edit.keep = parts_.trunk->begin() + from->begin;
      prompt.noted = from->note_tokens;
      if (!words.whole_turn) {
        for (auto block = from; block != blocks_.end(); ++block)
          marks_so_far.Add(block->words, block->marks);
      }
    }
  }
  // It may yet not be the end: then what has sounded so far belongs to the next block.
  marks_so_far.Add(
      all.size() - std::min(all.size(), words.whole_turn ? static_cast<size_t>(noted) : heard_),
      words.marks);
  const std::vector<std::string> sounded = marks_so_far.Take();
  const TokenId mode = opened || !words.typed ? (opened || prompt.think ? marks.listen : marks.none)
                                              : (prompt.think ? marks.after : marks.none);
  std::vector<TokenId> open = opened ? std::vector<TokenId>() : Open(mode);
  std::vector<TokenId> tail =
      format_.Words(std::span(all).subspan(static_cast<size_t>(noted)), sounded);
  if (!Fits(open.size() + tail.size())) {  // then without the notes, and the newest words
    prompt.edit.keep = parts_.trunk->begin();
    prompt.noted = 0;
    open = format_.Open(prompt.think ? marks.after : marks.none);
    tail = format_.Words(all, sounded);
    const int64_t room = parts_.max_tokens - RoomToAnswer(config_, parts_.style) -
                         prompt.edit.keep - static_cast<int64_t>(open.size());
    const auto most = static_cast<size_t>(std::max<int64_t>(room, 1));
    if (tail.size() > most) tail.erase(tail.begin(), tail.end() - static_cast<int64_t>(most));
  }
  prompt.edit.append = std::move(open);
  prompt.edit.append.insert(prompt.edit.append.end(), tail.begin(), tail.end());
  prompt.edit.append.push_back(marks.speech_end);
  if (late_) {
    const std::vector<TokenId> result = form_.LateResult(*late_);
    prompt.edit.append.insert(prompt.edit.append.end(), result.begin(), result.end());
  }
  if (!prompt.think) prompt.edit.append.push_back(marks.answer);
  prompt.call = prompt.think ? call_ : 0;
  return prompt;
}

void NoteTaker::Append(std::vector<TokenId> ids, Out out) {
  out.emplace_back(mind::Append{kTrunk, std::move(ids), engine::Urgency::kThinkingListening});
}

bool NoteTaker::Fits(size_t ids) const {
  return parts_.trunk->size() + static_cast<int64_t>(ids) + 2 * format_.style().note_tokens +
             RoomToAnswer(config_, parts_.style) <=
         parts_.max_tokens;
}

}  // namespace parley::realtime

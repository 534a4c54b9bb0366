// SPDX-License-Identifier: Apache-2.0
// The second half of Answering: the answer is spoken in parts while the thought goes on.
#include <algorithm>
#include <utility>

#include "realtime/mind/answering.h"
#include "realtime/mind/disagreement.h"

namespace parley::realtime {
namespace {

constexpr int64_t kGuardTokens = 8;  // of a part, until its first clause can be spoken

bool EndsSentence(std::string_view text) {
  return text.ends_with('.') || text.ends_with('?') || text.ends_with('!');
}

}  // namespace

void Answering::BeginParts(Time now, Out out) {
  out.emplace_back(mind::Decided{mind::Decided::What::kThoughtDeadline});
  stage_ = Stage::kParts;
  beside_ = Beside::kThinking;
  out.emplace_back(mind::Hurry{f_, engine::Urgency::kThinkingSpeaking});
  AskPart(out);
  GoOn(now, out);
}

void Answering::AskPart(Out out) {
  const int32_t left = AnswerLeft();
  if (left == 0) return Finish(false, out);
  whole_ = beside_ == Beside::kReady || beside_ == Beside::kGone;
  if (beside_ != Beside::kGone) {
    Release(a_, out);
    a_ = names_.branch = names_.branch.Next();
    std::vector<TokenId> behind =
        ended_itself_ ? std::vector<TokenId>() : form_.End(WholeThought());
    behind.insert(behind.end(), said_ids_.begin(), said_ids_.end());
    a_size_ = thought_end_ + static_cast<engine::Position>(behind.size());
    out.emplace_back(mind::Fork{a_, f_, thought_end_, std::move(behind), Urgency()});
    a_reader_.emplace(form_.tokenizer(), form_.Parser(false, said_ids_.size() > phrase_ids_));
  }  // else a goes on where it stands, and so does its reader
  part_ = Part::kRunning;
  part_tokens_ = 0;
  out.emplace_back(
      mind::Generate{a_, Options(whole_ ? left : std::min(left, config_.part_tokens), Urgency())});
}

// A part ends at its budget, or with a sentence when it is not too short.
void Answering::OnTokenOfA(TokenId id, engine::Position position, Out out) {
  a_size_ = position;
  const bool sentence = EndsSentence(said_);
  StreamReader::Read read = a_reader_->Push(id);
  const bool blank =
      !read.spoken.empty() && read.spoken[0].text && read.spoken[0].text->view().starts_with(' ');
  Speak(a_, position, std::move(read.spoken), out);
  ++part_tokens_;
  ++answer_tokens_;
  if (whole_ || part_ != Part::kRunning) return;
  if (sentence && blank && 3 * part_tokens_ > config_.part_tokens) {
    part_ = Part::kStopping;
    out.emplace_back(mind::Stop{a_});
  }
}

void Answering::OnEndOfA(const engine::Ended& ended, Time now, Out out) {
  const bool complete =
      ended.reason == engine::EndReason::kStopToken || ended.reason == engine::EndReason::kStopText;
  if (!complete && !whole_ && !a_reader_->clean() && AnswerLeft() > 0) {
    part_ = Part::kRunning;  // not between two halves of a character
    out.emplace_back(mind::Generate{a_, Options(1, Urgency())});
    return;
  }
  Speak(a_, a_size_, a_reader_->End().spoken, out);
  part_ = complete ? Part::kComplete : Part::kPaused;
  if (whole_) return Finish(complete, out);
  if (complete) {
    dry_at_.reset();  // what waited for the rest of its clause becomes sound now
    out.emplace_back(mind::PartEnded{});
  }
  GoOn(now, out);
}

// f, while a speaks. Behind its thought stands its own answer, the check, which nobody hears.
void Answering::BesideToken(StreamReader::Read read, engine::Position position, Out out) {
  if (beside_ == Beside::kThinking && f_reader_->in_thought()) {
    if (read.call) held_call_ = std::move(read.call);
    if (held_call_ || ThoughtLeft() <= 0) {
      beside_ = Beside::kEnding;
      out.emplace_back(mind::Stop{f_});
    }
    return;
  }
  if (f_reader_->in_thought()) return;
  if (beside_ == Beside::kThinking) beside_ = Beside::kAnswering;
  check_end_ = position;
  std::move(read.spoken.begin(), read.spoken.end(), std::back_inserter(check_));
}

void Answering::BesideEnded(const engine::Ended& ended, Time now, Out out) {
  if (f_reader_->in_thought()) {
    EndThought(mind::Decided::What::kThoughtEnded, out);
    return Check(out);
  }
  if (beside_ == Beside::kEnding) return Check(out);
  std::vector<SpokenToken> rest = f_reader_->End().spoken;
  std::move(rest.begin(), rest.end(), std::back_inserter(check_));
  check_complete_ =
      ended.reason == engine::EndReason::kStopToken || ended.reason == engine::EndReason::kStopText;
  std::string told = "\n";
  for (const SpokenToken& token : check_) {
    if (token.text) told += token.text->view();
  }
  teller_.Add(told, static_cast<int64_t>(check_.size()), ThoughtWhile::kSpeaking, out);
  teller_.End(out);
  beside_ = Beside::kReady;
  GoOn(now, out);
}

void Answering::Check(Out out) {
  beside_ = Beside::kAnswering;
  GenerateOnF(budgets_.answer, out);
}

void Answering::GoOn(Time now, Out out) {
  if (stage_ != Stage::kParts) return;
  if (part_ == Part::kRunning || part_ == Part::kStopping) return;
  if (tell_failure_) {
    tell_failure_ = false;
    SayPhrase(Phrase::kToolFailed, out);
  }
  switch (beside_) {
    case Beside::kReady:
      return Compare(out);
    case Beside::kGone:
      return part_ == Part::kComplete ? Finish(true, out) : AskPart(out);
    case Beside::kThinking:
    case Beside::kTool:
    case Beside::kEnding:
    case Beside::kAnswering:
      break;
  }
  if (!dry_at_) return;  // we are told when everything that was said is sound
  // A whole answer leaves the thought time until it has been played.
  const Duration ahead = part_ == Part::kComplete
                             ? Duration::zero()
                             : milliseconds(config_.ask_ahead_ms) + pace_.Of(kGuardTokens);
  const Time due = *dry_at_ - ahead;
  if (now < due) {
    out.emplace_back(mind::WakeAt{due});
  } else if (part_ != Part::kComplete) {
    AskPart(out);
  } else if (beside_ == Beside::kThinking && !said_.empty()) {
    Finish(true, out);  // the thought was not finished in time to change anything
  }
}

void Answering::Compare(Out out) {
  std::string answer;
  std::vector<TokenId> ids;
  for (const SpokenToken& token : check_) {
    if (token.text) answer += token.text->view();
    if (token.id) ids.push_back(*token.id);
  }
  const bool complete = part_ == Part::kComplete;
  if (said_.empty()) {  // it had nothing to say before
    Speak(f_, check_end_, std::exchange(check_, {}), out);
    return Finish(check_complete_, out);
  }
  if (config_.correct && !answer.empty() && Disagrees(said_, complete, answer)) {
    out.emplace_back(mind::Decided{mind::Decided::What::kCorrected});
    SayPhrase(Phrase::kCorrection, out);
    Speak(f_, check_end_, std::exchange(check_, {}), out);
    return Finish(check_complete_, out);
  }
  if (complete) return Finish(true, out);
  const auto said = said_ids_.begin() + static_cast<int64_t>(phrase_ids_);
  const auto same = std::mismatch(said, said_ids_.end(), ids.begin(), ids.end());
  if (same.first != said_ids_.end()) return AskPart(out);
  // It has been written already. Tokens without an id stand at its end.
  check_.erase(check_.begin(), check_.begin() + (said_ids_.end() - said));
  Speak(f_, check_end_, std::exchange(check_, {}), out);
  Finish(check_complete_, out);
}

}  // namespace parley::realtime

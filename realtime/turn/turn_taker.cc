// SPDX-License-Identifier: Apache-2.0
#include "realtime/turn/turn_taker.h"

namespace parley::realtime {

TurnTaker::Actions TurnTaker::OnFrame(Time end, float voice_probability) {
  out_.clear();
  now_ = end;
  TrackVoice(end, voice_probability);
  switch (state_) {
    case State::kQuiet:
      Quiet(end);
      break;
    case State::kSpeaking:
      Speaking(end);
      break;
    case State::kPause:
      Pause(end);
      break;
    case State::kAnswering:
      Answering(end);
      break;
  }
  return out_;
}

// Hysteresis: a frame begins a run of voice at start_threshold and stays in it down to stop_threshold.
void TurnTaker::TrackVoice(Time end, float probability) {
  const bool was = voiced_;
  voiced_ = probability >= (was ? config_.stop_threshold : config_.start_threshold);
  if (voiced_ && !was) run_begin_ = end - kVoiceFrame;
  if (voiced_) {
    run_end_ = end;
  } else {
    run_begin_ = run_end_ = end;
    run_counts_ = true;
  }
}

void TurnTaker::BeginTurn(Time since) {
  state_ = State::kSpeaking;
  turn_begin_ = since;
  speech_end_ = run_end_;
  prepared_ = speculated_ = asked_ = false;
  probability_.reset();
}

void TurnTaker::Quiet(Time end) {
  if (run() >= milliseconds(config_.start_ms)) {
    gave_up_ = false;
    BeginTurn(run_begin_);
    out_.emplace_back(turn::SpeechStarted{turn_begin_});
    return;
  }
  if (!gave_up_ && !voiced_ && end - quiet_since_ >= milliseconds(config_.give_up_ms)) {
    gave_up_ = true;
    out_.emplace_back(turn::NobodySpeaks{});
  }
}

void TurnTaker::Speaking(Time end) {
  if (voiced_) speech_end_ = end;
  if (end - turn_begin_ >= std::chrono::seconds(config_.longest_turn_s)) return End("timeout");
  if (silence() >= milliseconds(config_.prepare_ms)) {
    state_ = State::kPause;
    Pause(end);
  }
}

void TurnTaker::Pause(Time end) {
  // A blip shorter than start_ms neither resumes the turn nor restarts the silence, so that noise
  // behind the speech does not move the end of the turn.
  if (run() >= milliseconds(config_.start_ms)) {
    state_ = State::kSpeaking;
    speech_end_ = end;
    prepared_ = speculated_ = asked_ = false;
    probability_.reset();
    out_.emplace_back(turn::Resumed{run_begin_});
    return;
  }
  if (!prepared_) {
    prepared_ = true;
    out_.emplace_back(turn::Prepare{speech_end_});
  }
  if (!asked_ && silence() >= milliseconds(config_.ask_ms)) {
    asked_ = true;
    out_.emplace_back(turn::AskTurnEnd{++question_, speech_end_});
  }
  if (!speculated_ && silence() >= milliseconds(config_.speculate_ms)) {
    speculated_ = true;
    out_.emplace_back(turn::Speculate{});
  }
  EndIfDue();
}

TurnTaker::Actions TurnTaker::OnTurnProbability(int64_t question, double probability) {
  out_.clear();
  if (state_ == State::kPause && asked_ && question == question_) {
    probability_ = probability;
    EndIfDue();
  }
  return out_;
}

void TurnTaker::EndIfDue() {
  if (voiced_) return;  // a voice has just begun: the next frame says whether it is one
  if (probability_ && *probability_ >= config_.end_threshold &&
      silence() >= milliseconds(config_.min_silence_ms)) {
    End("turn_model");
  } else if (silence() >= milliseconds(config_.patience_ms)) {
    End("timeout");
  }
}

void TurnTaker::End(std::string_view reason) {
  if (!prepared_) out_.emplace_back(turn::Prepare{speech_end_});
  state_ = State::kAnswering;
  run_counts_ = !voiced_;
  heard_ = ducked_ = false;
  answer_end_.reset();
  out_.emplace_back(turn::TurnEnded{speech_end_, probability_.value_or(-1), reason});
}

TurnTaker::Actions TurnTaker::OnCommit() {
  out_.clear();
  if (state_ == State::kSpeaking || state_ == State::kPause) End("push_to_talk");
  return out_;
}

// There is no turn to go on with: a voice over it is a voice over an answer from the beginning, also
// one that had begun before it and was no turn yet.
void TurnTaker::OnAnswer(Time now) {
  state_ = State::kAnswering;
  ducked_ = false;
  answer_end_.reset();
  AnswerHeard(now);
}

void TurnTaker::Discard(Time now) {
  state_ = State::kQuiet;
  run_counts_ = !voiced_;
  quiet_since_ = now;
}

void TurnTaker::Answering(Time end) {
  if (!config_.barge_in) return;
  if (!heard_) {
    if (run() < milliseconds(config_.start_ms)) return;
    state_ = State::kSpeaking;
    speech_end_ = end;
    prepared_ = speculated_ = asked_ = false;
    probability_.reset();
    out_.emplace_back(turn::Reopened{run_begin_});
    return;
  }
  if (!ducked_) {
    if (run() < milliseconds(config_.duck_ms)) return;
    ducked_ = true;
    duck_begin_ = asked_words_ = run_begin_;
    long_enough_ = end;
    duck_voice_ = run();
    duck_voice_end_ = end;
    asked_voice_ = {};
    said_ = {};
    words_missing_ = false;
    out_.emplace_back(turn::Duck{duck_begin_});
  } else if (voiced_ && run_counts_) {
    duck_voice_ += kVoiceFrame;
    duck_voice_end_ = end;
  }
  if (duck_voice_ < milliseconds(config_.barge_in_ms)) long_enough_ = end + kVoiceFrame;
  if (Interrupted()) return;
  MayAskWords();
  const Duration quiet = end - duck_voice_end_;
  Duration patience = milliseconds(config_.unduck_ms);
  if (words_missing_) patience += milliseconds(config_.verdict_ms);
  if (quiet < patience) return;
  // A word just before the end is for when the answer is over.
  if (said_.words > 0 && NearEnd()) return;
  ducked_ = false;
  out_.emplace_back(turn::Unduck{});
}

// When there is enough new voice to hear a word in, and whenever it has paused since: a short voice
// is over before a decision is due, and its words may be "stop".
void TurnTaker::MayAskWords() {
  const bool enough =
      !words_missing_ && duck_voice_ - asked_voice_ >= milliseconds(config_.ask_words_ms);
  const bool paused =
      asked_words_ < duck_voice_end_ && now_ - duck_voice_end_ >= milliseconds(config_.prepare_ms);
  if (!enough && !paused) return;
  asked_words_ = now_;
  asked_voice_ = duck_voice_;
  words_missing_ = true;
  out_.emplace_back(turn::AskWords{});
}

bool TurnTaker::NearEnd() const {
  return answer_end_ && *answer_end_ - duck_begin_ < milliseconds(config_.boundary_ms);
}

bool TurnTaker::AtBoundary() const {
  const Duration margin = milliseconds(config_.boundary_ms);
  return duck_begin_ - answer_begin_ < margin || NearEnd();
}

bool TurnTaker::Interrupted() {
  if (!rules_.Interrupts({duck_voice_, now_ - long_enough_, said_, AtBoundary()})) return false;
  CommitBargeIn();
  return true;
}

TurnTaker::Actions TurnTaker::OnWords(std::string_view transcript, bool own) {
  out_.clear();
  if (state_ != State::kAnswering || !ducked_) return out_;
  words_missing_ = false;
  said_ = own ? Interjection{Says::kOwnVoice, 0} : rules_.Read(transcript);
  Interrupted();
  return out_;
}

void TurnTaker::CommitBargeIn() {
  BeginTurn(duck_begin_);
  speech_end_ = duck_voice_end_;
  out_.emplace_back(turn::BargeIn{turn_begin_});
}

void TurnTaker::AnswerHeard(Time now) {
  heard_ = true;
  answer_begin_ = now;
}

void TurnTaker::AnswerEnds(Time end) { answer_end_ = end; }

TurnTaker::Actions TurnTaker::AnswerOver(Time now) {
  out_.clear();
  if (state_ != State::kAnswering) return out_;
  if (ducked_ && said_.says == Says::kOwnVoice) {
    ducked_ = false;
    out_.emplace_back(turn::Unduck{});
  }
  if (ducked_) {  // the voice that lowered the answer has outlived it: it is a turn
    BeginTurn(duck_begin_);
    speech_end_ = duck_voice_end_;
    out_.emplace_back(turn::SpeechStarted{turn_begin_});
    return out_;
  }
  state_ = State::kQuiet;
  quiet_since_ = now;
  return out_;
}

}  // namespace parley::realtime

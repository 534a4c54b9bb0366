// SPDX-License-Identifier: Apache-2.0
#include "realtime/conversation.h"

#include <algorithm>
#include <utility>

#include "common/log.h"

namespace parley::realtime {
namespace {

// Sound that is kept beyond the transcriber's longest window: what is heard while one is running.
constexpr int64_t kSlackMs = 12000;
// The turn detector hears a little before the voice, one frame behind it, and then the silence it
// was trained on. Silence of our own: what the room sounds like there must not change its answer.
constexpr int64_t kLongestQuestion = 8 * kSampleRateHz;
constexpr int64_t kBeforeVoice = kSampleRateHz / 2;
constexpr int64_t kSilenceBehind = kSampleRateHz / 5;

class Sink final : public engine::TokenSink {
 public:
  Sink(std::function<void(TokenId)> token, std::function<void(engine::Ended)> ended)
      : token_(std::move(token)), ended_(std::move(ended)) {}
  void OnToken(engine::Stream, TokenId id, engine::Position) override { token_(id); }
  void OnEnded(engine::Stream, const engine::Ended& ended) override { ended_(ended); }

 private:
  const std::function<void(TokenId)> token_;
  const std::function<void(engine::Ended)> ended_;
};

int64_t Samples(int64_t ms) { return ms * kSampleRateHz / 1000; }

}  // namespace

// ---- the beginning -------------------------------------------------------------------------------

Result<std::shared_ptr<Conversation>> Conversation::Open(const ConversationConfig& config,
                                                         ConversationParts parts, EventSink sink) {
  PARLEY_TRY(auto mind, MakeMind(config.mind, parts.tokenizer, parts.prompt.stop));
  std::shared_ptr<Conversation> talk(
      new Conversation(config, std::move(parts), std::move(mind), std::move(sink)));
  PARLEY_TRY_STATUS(talk->Begin());
  return talk;
}

Conversation::Conversation(const ConversationConfig& config, ConversationParts parts,
                           std::unique_ptr<Mind> mind, EventSink sink)
    : executor_(parts.executor),
      config_(config),
      parts_(std::move(parts)),
      sink_(std::move(sink)),
      origin_(executor_->Now()),
      sound_(Samples(config.listen.window_ms + kSlackMs)),
      turn_(config.turn),
      listener_(config.listen),
      trunk_(config.conversation, config.mind.answer_tokens, parts_.prompt, parts_.tokenizer),
      mind_(std::move(mind)),
      speaker_(config.speak, parts_.voice->sample_rate_hz()) {}

Conversation::~Conversation() {
  live_->store(-1);  // the voice stops at its next chunk
  if (wake_) executor_->Cancel(*wake_);
}

Status Conversation::Begin() {
  PARLEY_TRY(sequence_, parts_.engine->Open(config_.conversation.max_tokens));
  Apply(trunk_.Open(), engine::Urgency::kHousekeeping);
  return {};
}

template <class Work>
auto Conversation::IfAlive(Work work) {
  return [weak = weak_from_this(), work](auto what) mutable {
    if (auto self = weak.lock()) work(*self, std::move(what));
  };
}

template <class Work>
auto Conversation::OnStrand(Work work) {
  return [executor = executor_, deliver = IfAlive(std::move(work))](auto what) {
    executor->Post([deliver, what = std::move(what)]() mutable { deliver(std::move(what)); });
  };
}

template <class What>
void Conversation::Emit(What what) {
  sink_(Event{InputNow(), epoch_, std::move(what)});
}

// ---- hear ----------------------------------------------------------------------------------------

void Conversation::OnSound(PcmView sound) {
  if (dead_) return;
  sound_.Append(sound);
  // The input clock runs with the executor's; a block that came sooner than any before it shows
  // that the others came late.
  const Time begun = Time(Now() - TimeOfSample(sound_.end()));
  origin_ = first_sound_ ? begun : std::min(origin_, begun);
  first_sound_ = false;
  const Result<std::span<const float>> voice = parts_.voice_activity->Push(sound);
  if (!voice) return FailTurn(voice.error());
  for (const float probability : std::vector<float>(voice->begin(), voice->end())) {
    frames_end_ += kVoiceFrame;
    Do(turn_.OnFrame(frames_end_, probability));
    Do(listener_.OnSound(SampleAt(frames_end_), turn_.voiced()));
  }
}

// ---- turn: whose it is ---------------------------------------------------------------------------

void Conversation::Do(std::vector<turn::Action> actions) {
  for (const turn::Action& action : actions) {
    std::visit([this](const auto& a) { Do(a); }, action);
  }
}

void Conversation::Do(const turn::SpeechStarted& started) {
  BeginTurn(started.since);
  if (!listener_.listening()) Do(listener_.Begin(voice_begin_, floor_));
  Emit(SpeechStarted{});
  if (stable_) Do(listen::Stable{*std::exchange(stable_, std::nullopt)});
}

void Conversation::BeginTurn(Time since) {
  NextEpoch();
  voice_begin_ = SampleAt(since);
  ended_ = adopted_ = false;
  text_.reset();
  answer_ids_.clear();
  trace_ = TurnTrace();
  reprefilled_before_ = trunk_.reprefilled();
}

void Conversation::Do(const turn::Prepare& pause) {
  Emit(Paused{});
  trace_.speech_end_ms = Ms(pause.speech_end);
  Do(listener_.OnPause(SampleAt(frames_end_)));
}

void Conversation::Do(const turn::AskTurnEnd& question) {
  const int64_t end = SampleAt(question.speech_end) + kVoiceFrameSamples;
  const int64_t begin = std::max(voice_begin_ - kBeforeVoice, end - kLongestQuestion);
  const PcmView turn = sound_.View(begin, end);
  std::vector<float> sound(turn.begin(), turn.end());
  sound.resize(sound.size() + static_cast<size_t>(kSilenceBehind - kVoiceFrameSamples), 0.0F);
  parts_.turn_end->Ask({std::move(sound), executor_,
                        IfAlive([id = question.question](Conversation& self, Result<float> p) {
                          if (!p) return LogWarn("turn_end_failed", {{"error", p.error().message}});
                          self.Do(self.turn_.OnTurnProbability(id, *p));
                        })});
}

void Conversation::Do(const turn::Speculate&) { Do(mind_->MaySpeculate()); }

void Conversation::Do(const turn::Resumed& resumed) {
  AbandonAnswer();
  Emit(Resumed{});
  Do(listener_.OnResume(SampleAt(resumed.since)));
}

void Conversation::Do(const turn::TurnEnded& ended) {
  ended_ = true;
  floor_ = SampleAt(ended.speech_end);
  trace_.speech_end_ms = Ms(ended.speech_end);
  trace_.turn_end_ms = InputMs();
  Emit(TurnEnded{ended.probability, std::string(ended.reason)});
  if (!listener_.listening()) text_ = "";  // it failed during the turn
  if (text_) Answer();
}

void Conversation::Do(const turn::Duck& duck) {
  speaker_.Duck(true);
  Do(listener_.Begin(SampleAt(duck.since), floor_));
}

void Conversation::Do(const turn::Unduck&) {
  speaker_.Duck(false);
  listener_.End();
  stable_.reset();
}

void Conversation::Do(const turn::BargeIn& barge_in) {
  StopAnswer();
  Do(turn::SpeechStarted{barge_in.since});
}

void Conversation::Do(const turn::Reopened& reopened) {
  AbandonAnswer();
  ended_ = false;
  Emit(Resumed{});
  Do(listener_.OnResume(SampleAt(reopened.since)));
}

void Conversation::Do(const turn::NobodySpeaks&) { Emit(NoSpeech{}); }

// ---- listen: sound to words ----------------------------------------------------------------------

void Conversation::Do(std::vector<listen::Action> actions) {
  for (const listen::Action& action : actions) {
    std::visit([this](const auto& a) { Do(a); }, action);
  }
}

void Conversation::Do(const listen::Transcribe& request) {
  model::TranscribeOptions options;
  options.pad_ms = config_.listen.pad_ms;
  options.language = config_.listen.language;
  parts_.engine->Transcribe(
      parts_.lane, sound_.View(request.begin, request.end), std::move(options),
      request.urgent ? engine::Urgency::kSpeculation : engine::Urgency::kThinkingListening,
      OnStrand([request](Conversation& self, Result<model::Transcript> transcript) {
        if (transcript) return self.Do(self.listener_.OnTranscript(request.request, *transcript));
        self.Do(self.listener_.OnFailed(request.request));
        // A partial that failed is repeated by the next one; the turn's own text is not.
        if (request.urgent && transcript.error().code != Code::kCancelled) {
          self.FailTurn(transcript.error());
        }
      }));
}

void Conversation::Do(const listen::FindQuiet& span) {
  Do(listener_.CutAt(sound_.QuietestPoint(span.begin, span.end)));
}

void Conversation::Do(const listen::Stable& stable) {
  if (ended_) {  // the trunk belongs to the answer until the voice has interrupted it
    stable_ = stable.text;
    return;
  }
  Apply(trunk_.Hear(stable.text), engine::Urgency::kThinkingListening);
  Do(mind_->OnStableWords(stable.text));
}

void Conversation::Do(const listen::Live& live) {
  if (ended_) return Do(turn_.OnWords(live.words));
  Emit(Heard{live.text, false});
}

void Conversation::Do(const listen::Complete& complete) {
  text_ = complete.text;
  trace_.transcript_ms = InputMs();
  if (!text_->empty()) {
    asked_ = trunk_.Ask(*text_);
    Do(mind_->OnPossibleEnd({asked_.keep, asked_.append}));
  }
  if (ended_) Answer();
}

// The turn has ended and its text is there.
void Conversation::Answer() {
  trace_.transcript = *text_;
  if (text_->empty()) {
    Emit(NoSpeech{});
    AbandonAnswer();
    Apply(trunk_.Unhear(), engine::Urgency::kHousekeeping);
    return Listen();
  }
  Emit(Heard{*text_, true});
  Do(mind_->OnTurnEnded());
  Do(speaker_.Release(Now()));
}

// ---- mind: words to an answer --------------------------------------------------------------------

void Conversation::Do(std::vector<mind::Action> actions) {
  for (mind::Action& action : actions) {
    std::visit([this](auto& a) { Do(a); }, action);
  }
}

void Conversation::Do(mind::Fork& fork) {
  speaker_.Begin();
  answer_ids_.clear();
  trace_.first_token_ms = trace_.first_clause_ms = -1;
  branch_ = parts_.engine->Fork(sequence_, fork.prompt.keep);
  parts_.engine->Append(
      branch_, {std::move(fork.prompt.append)}, fork.urgency,
      OnStrand([epoch = epoch_](Conversation& self, Result<engine::Position> done) {
        if (done || done.error().code == Code::kCancelled || self.Stale(epoch)) return;
        self.Do(self.mind_->OnFailed(done.error()));
      }));
}

void Conversation::Do(mind::Generate& generate) {
  if (generate.options.urgency == engine::Urgency::kSpeculation) ++trace_.speculations;
  stream_ = parts_.engine->Generate(
      branch_, std::move(generate.options),
      std::make_shared<Sink>(
          OnStrand([epoch = epoch_](Conversation& self, TokenId id) { self.OnToken(epoch, id); }),
          OnStrand([epoch = epoch_](Conversation& self, const engine::Ended& ended) {
            if (!self.Stale(epoch)) self.Do(self.mind_->OnEnded(ended));
          })));
}

void Conversation::OnToken(Epoch epoch, TokenId id) {
  if (Stale(epoch)) return;
  if (answer_ids_.empty()) trace_.first_token_ms = InputMs();
  answer_ids_.push_back(id);
  if (adopted_) trunk_.Answered(id);
  Do(mind_->OnToken(id));
}

void Conversation::Do(const mind::Hurry&) {
  parts_.engine->SetUrgency(stream_, engine::Urgency::kFirstWords);
}

void Conversation::Do(const mind::Adopt&) {
  sequence_ = std::move(branch_);
  adopted_ = true;
  trunk_.Asked(asked_, *text_);
  sequence_size_ = trunk_.size();
  trace_.prompt_ids = trunk_.ids();
  for (const TokenId id : answer_ids_) trunk_.Answered(id);
}

void Conversation::Do(const mind::Drop& drop) {
  trace_.tokens_wasted += drop.wasted_tokens;
  ++trace_.speculations_dropped;
  branch_ = engine::Sequence();  // ends its stream
}

void Conversation::Do(const mind::Answer& answer) { Do(speaker_.OnText(answer.text, Now())); }

void Conversation::Do(const mind::Think& thought) {
  Emit(Thought{thought.text, ThoughtWhile::kGap});
}

void Conversation::Do(const mind::TokenTaken& token) { speaker_.OnToken(token.clean); }

void Conversation::Do(const mind::AnswerEnded& ended) {
  Do(speaker_.OnTextEnd(ended.complete, Now()));
}

void Conversation::Do(const mind::Failed& failed) { FailTurn(failed.error); }

// ---- speak: an answer to sound -------------------------------------------------------------------

void Conversation::Do(std::vector<speak::Action> actions) {
  for (speak::Action& action : actions) {
    std::visit([this](auto& a) { Do(a); }, action);
  }
}

void Conversation::Do(speak::Synthesize& clause) {
  const ClauseId id = clause.clause;
  SpeakJob job{std::move(clause.text),
               {config_.speak.speed, config_.speak.noise},
               epoch_,
               live_,
               executor_,
               IfAlive([id](Conversation& self, tts::SpeechChunk chunk) {
                 self.Do(self.speaker_.OnChunk(id, std::move(chunk), self.Now()));
               }),
               IfAlive([id, epoch = epoch_](Conversation& self, const Status& status) {
                 if (self.Stale(epoch)) return;
                 if (!status) return self.FailTurn(status.error());
                 self.Do(self.speaker_.OnClauseSpoken(id, self.Now()));
               })};
  if (!parts_.voice->Speak(std::move(job))) {
    FailTurn(Fail(Code::kExhausted, "the voice has too much to say: too many talks for one voice"));
  }
}

void Conversation::Do(const speak::ClauseCut&) { trace_.first_clause_ms = InputMs(); }

void Conversation::Do(speak::Say& say) { Emit(Say{std::move(say.text)}); }

void Conversation::Do(speak::Send& send) {
  if (send.first_sample == 0) {
    trace_.first_audio_ms = InputMs();
    Emit(FirstAudio{});
    turn_.AnswerHeard();
    listener_.End();
    parts_.engine->SetUrgency(stream_, engine::Urgency::kSpeaking);
  }
  Emit(AudioOut{std::move(send.samples), parts_.voice->sample_rate_hz(), send.first_sample});
}

void Conversation::Do(const speak::WakeAt& wake) {
  if (wake_) executor_->Cancel(*wake_);
  wake_ = executor_->At(wake.when, [weak = weak_from_this()] {
    if (auto self = weak.lock()) {
      self->wake_.reset();
      self->Do(self->speaker_.OnTime(self->Now()));
    }
  });
}

void Conversation::Do(const speak::Over&) {
  Apply(CloseAnswer(), engine::Urgency::kHousekeeping);
  Emit(TurnDone{trace_});
  Listen();
}

// ---- the end of an answer ------------------------------------------------------------------------

// Nothing of it is wanted: the branch, its stream, its sound. The question stays open.
void Conversation::AbandonAnswer() {
  NextEpoch();
  if (adopted_) {
    trace_.tokens_wasted += static_cast<int64_t>(answer_ids_.size());
    may_be_decoding_ = true;
    adopted_ = false;
    Apply(trunk_.Reopen(), engine::Urgency::kHousekeeping);
  }
  Do(mind_->Abandon());
  speaker_.End();
  text_.reset();
}

// Somebody speaks, or pressed stop.
void Conversation::StopAnswer() {
  speaker_.Settle(Now());
  const PlaybackLedger& ledger = speaker_.ledger();
  Emit(BargedIn{ledger.text().substr(0, ledger.Heard().chars)});
  trace_.tokens_wasted += static_cast<int64_t>(answer_ids_.size() - ledger.Heard().tokens);
  Apply(CloseAnswer(), engine::Urgency::kHousekeeping);
  Emit(TurnDone{trace_});
}

// The trunk keeps what was heard, cut at the same character as the trace and the events.
TrunkEdit Conversation::CloseAnswer() {
  NextEpoch();
  const PlaybackLedger& ledger = speaker_.ledger();
  const HeardCut cut = ledger.Heard();
  trace_.answer = ledger.text().substr(0, cut.chars);
  trace_.answer_ids = answer_ids_;
  trace_.answer_tokens = static_cast<int64_t>(answer_ids_.size());
  trace_.reprefilled_tokens = trunk_.reprefilled() - reprefilled_before_;
  const std::string tail = ledger.text().substr(cut.token_chars, cut.chars - cut.token_chars);
  TrunkEdit edit = adopted_ ? trunk_.CloseAnswer(cut.tokens, tail, trace_.answer) : trunk_.Unhear();
  may_be_decoding_ = adopted_;
  adopted_ = ended_ = false;
  Do(mind_->Abandon());
  speaker_.End();
  return edit;
}

// The floor is free again.
void Conversation::Listen() {
  ended_ = false;
  if (trace_.first_audio_ms < 0) listener_.End();  // else it hears whoever has lowered the answer
  Do(turn_.AnswerOver(frames_end_));
}

// What the listener has heard is kept, the rest of the turn is lost; the talk goes on.
void Conversation::FailTurn(Error error) {
  if (dead_) return;
  Emit(Failed{std::move(error)});
  speaker_.Settle(Now());
  CloseAnswer();
  listener_.End();
  Rebuild();
  Listen();
}

// After a failure nobody knows what the sequence holds: a new one gets what the trunk claims.
void Conversation::Rebuild() {
  sequence_ = engine::Sequence();
  Result<engine::Sequence> fresh = parts_.engine->Open(config_.conversation.max_tokens);
  if (!fresh) {
    dead_ = true;
    return Emit(Failed{Context("the talk is over", fresh.error())});
  }
  sequence_ = *std::move(fresh);
  sequence_size_ = 0;
  may_be_decoding_ = false;
  Apply({0, trunk_.ids()}, engine::Urgency::kHousekeeping);
}

// ---- what everything above stands on -------------------------------------------------------------

// Makes the sequence what the trunk says.
void Conversation::Apply(const TrunkEdit& edit, engine::Urgency urgency) {
  // A stream may have written more than we have been told: then it is cut in any case.
  if (edit.keep < sequence_size_ || may_be_decoding_) {
    parts_.engine->Rollback(sequence_, edit.keep);
  }
  may_be_decoding_ = false;
  sequence_size_ = edit.keep + static_cast<engine::Position>(edit.append.size());
  if (edit.append.empty()) return;
  parts_.engine->Append(sequence_, {edit.append}, urgency,
                        OnStrand([](Conversation& self, Result<engine::Position> done) {
                          if (done || done.error().code == Code::kCancelled) return;
                          self.FailTurn(done.error());
                        }));
}

void Conversation::NextEpoch() {
  epoch_ = epoch_.Next();
  live_->store(epoch_.value);
}

bool Conversation::Stale(Epoch epoch) {
  if (epoch == epoch_) return false;
  ++stale_;
  return true;
}

// ---- from the user, beside the sound -------------------------------------------------------------

void Conversation::OnText(std::string text) {
  if (dead_) return;
  if (ended_) {
    StopAnswer();
  } else {
    AbandonAnswer();
    Apply(trunk_.Unhear(), engine::Urgency::kHousekeeping);
  }
  listener_.End();
  BeginTurn(frames_end_);
  turn_.OnTyped();
  ended_ = true;
  trace_.turn_end_ms = InputMs();
  Emit(TurnEnded{-1, "text"});
  Do(listen::Complete{std::move(text)});
}

void Conversation::CommitTurn() { Do(turn_.OnCommit()); }

void Conversation::OnPlayed(int64_t samples) { Do(speaker_.OnPlayed(samples, Now())); }

void Conversation::Interrupt() {
  if (!ended_) return;
  StopAnswer();
  Listen();
}

}  // namespace parley::realtime

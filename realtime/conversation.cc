// SPDX-License-Identifier: Apache-2.0
#include "realtime/conversation.h"

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "realtime/listen/block_words.h"
#include "realtime/turn/own_voice.h"

namespace parley::realtime {
namespace {

// Sound that is kept beyond the transcriber's longest window: what is heard while one is running.
constexpr int64_t kSlackMs = 12000;
// The turn detector hears a little before the voice, one frame behind it, and then the silence it
// was trained on. Silence of our own: what the room sounds like there must not change its answer.
constexpr int64_t kLongestQuestion = 8 * kSampleRateHz;
constexpr int64_t kBeforeVoice = kSampleRateHz / 2;
constexpr int64_t kSilenceBehind = kSampleRateHz / 5;

// An echo comes late: devices hold sound back, and a voice is noticed after it has begun.
constexpr Duration kEchoBefore = milliseconds(1500);

int64_t Samples(int64_t ms) { return ms * kSampleRateHz / 1000; }

}  // namespace

// ---- the beginning -------------------------------------------------------------------------------

Result<std::shared_ptr<Conversation>> Conversation::Open(const ConversationConfig& config,
                                                         ConversationParts parts, EventSink sink) {
  std::shared_ptr<Conversation> talk(new Conversation(config, std::move(parts), std::move(sink)));
  PARLEY_TRY_STATUS(talk->Begin());
  return talk;
}

Conversation::Conversation(const ConversationConfig& config, ConversationParts parts,
                           EventSink sink)
    : executor_(parts.executor),
      config_(config),
      parts_(std::move(parts)),
      sink_(std::move(sink)),
      origin_(executor_->Now()),
      sound_(Samples(config.listen.window_ms + kSlackMs)),
      turn_(config.turn),
      listener_(config.listen),
      frame_listener_(config.listen),
      trunk_(config.conversation, RoomToAnswer(config.mind, parts_.style), parts_.prompt,
             parts_.tokenizer),
      speaker_(config.speak, parts_.voice->sample_rate_hz()),
      branches_(*parts_.engine, trunk_, config.conversation.max_tokens) {}

Conversation::~Conversation() {
  live_->store(-1);  // the voice stops at its next chunk
  if (speaker_wake_) executor_->Cancel(*speaker_wake_);
  if (mind_wake_) executor_->Cancel(*mind_wake_);
}

Status Conversation::Begin() {
  PARLEY_TRY(mind_, MakeMind(config_.mind, PartsOfMind()));
  if (parts_.tools != nullptr) {
    parts_.tools->TellNotices([weak = weak_from_this()](const ToolNotice& notice) {
      if (auto self = weak.lock()) self->OnNotice(notice);
    });
  }
  trunk_.Open();
  return branches_.Open(
      OnStrand([](Conversation& self, const BranchNews& news) { self.OnNews(news); }));
}

MindParts Conversation::PartsOfMind() const {
  return {.tokenizer = parts_.tokenizer,
          .prompt = parts_.prompt,
          .style = parts_.style,
          .trunk = &trunk_,
          .max_tokens = config_.conversation.max_tokens,
          .hears_frames = parts_.hears_frames};
}

// ---- hear ----------------------------------------------------------------------------------------

void Conversation::OnSound(PcmView sound) {
  if (dead_) return;
  sound_.Append(sound);
  marks_.Push(sound);
  // The input clock runs with the executor's; a block that came sooner than any before it shows
  // that the others came late.
  const Time begun = Time(Now() - TimeOfSample(sound_.end()));
  origin_ = first_sound_ ? begun : std::min(origin_, begun);
  first_sound_ = false;
  const Result<std::span<const float>> voice = parts_.voice_activity->Push(sound);
  if (!voice) return FailTurn(voice.error());
  for (const float probability : std::vector<float>(voice->begin(), voice->end())) {
    frames_end_ += kVoiceFrame;
    if (const auto end = speaker_.EndsAt(Now())) turn_.AnswerEnds(OfSound(*end));
    Do(turn_.OnFrame(frames_end_, probability));
    Do(listener_.OnSound(SampleAt(frames_end_), turn_.voiced()));
    Do(frame_listener_.OnSound(SampleAt(frames_end_)));
  }
  SpeakUnasked();
}

// ---- turn: whose it is ---------------------------------------------------------------------------

void Conversation::Do(const std::vector<turn::Action>& actions) {
  for (const turn::Action& action : actions) {
    std::visit([this](const auto& a) { Do(a); }, action);
  }
}

void Conversation::Do(const turn::SpeechStarted& started) {
  if (held_) ForgetExchange();  // nobody has asked for its answer
  BeginTurn(started.since);
  if (!listener_.listening()) Do(listener_.Begin(voice_begin_, floor_));
  if (parts_.hears_frames) frame_listener_.Begin(voice_begin_, floor_);
  Emit(SpeechStarted{started.since});
  if (stable_) Do(*std::exchange(stable_, std::nullopt));
}

void Conversation::BeginTurn(Time since) {
  NextEpoch();
  CatchUp();
  voice_begin_ = sounded_until_ = SampleAt(since);
  sounded_words_ = 0;
  pause_.Begin(since);
  marks_.BeginTurn(pause_.before());
  ended_ = asked_ = held_ = false;
  typed_ = recovered_ = false;
  typed_beside_.reset();
  text_.reset();
  frames_complete_ = false;
  answer_ids_.clear();
  unasked_.reset();
  trace_ = TurnTrace();
  trace_.cached_tokens = trunk_.begin();
  reprefilled_before_ = trunk_.reprefilled();
}

void Conversation::Do(const turn::Prepare& pause) {
  Emit(Paused{});
  trace_.speech_end_ms = Ms(pause.speech_end);
  speech_end_ = pause.speech_end;
  pause_.MayEnd(speech_end_);
  Do(listener_.OnPause(SampleAt(frames_end_)));
  Do(frame_listener_.OnPause(SampleAt(frames_end_)));
  Do(mind_->OnPause(Now()));
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

void Conversation::Do(const turn::Speculate&) { Do(mind_->MaySpeculate(Now())); }

void Conversation::Do(const turn::Resumed& resumed) {
  pause_.Resume(resumed.since);
  AbandonAnswer();
  Emit(Resumed{});
  frame_listener_.OnResume();
  Do(listener_.OnResume(SampleAt(resumed.since)));
}

void Conversation::Do(const turn::TurnEnded& ended) {
  ended_ = true;
  if (turn_.voiced()) pause_.Forget();  // nobody knows where that voice ends
  floor_ = SampleAt(ended.speech_end);
  trace_.speech_end_ms = Ms(ended.speech_end);
  trace_.turn_end_ms = InputMs();
  Emit(TurnEnded{ended.probability, std::string(ended.reason), ended.speech_end});
  if (!listener_.listening()) text_ = "";  // it failed during the turn
  if (TurnIsHeard()) Answer();
}

void Conversation::Do(const turn::Duck& duck) {
  speaker_.Duck(true);
  ducked_at_ = speaker_.played(Now());
  Emit(Lowered{speaker_.duck_gain(), ducked_at_});
  Do(listener_.Begin(SampleAt(duck.since), floor_));
}

void Conversation::Do(const turn::AskWords&) { Do(listener_.Glance(SampleAt(frames_end_))); }

void Conversation::Do(const turn::Unduck&) {
  speaker_.Duck(false);
  Emit(Unlowered{speaker_.played(Now())});
  listener_.End();
  stable_.reset();
}

void Conversation::Do(const turn::BargeIn& barge_in) {
  speaker_.Settle(Now());
  unfinished_ = NotHeard();
  StopAnswer();
  Do(turn::SpeechStarted{barge_in.since});
}

void Conversation::Do(const turn::Reopened& reopened) {
  pause_.Resume(reopened.since);
  AbandonAnswer();
  ended_ = false;
  Emit(Resumed{});
  frame_listener_.OnResume();
  Do(listener_.OnResume(SampleAt(reopened.since)));
}

void Conversation::Do(const turn::NobodySpeaks&) { Emit(NoSpeech{}); }

// ---- listen: sound to words ----------------------------------------------------------------------

void Conversation::Do(const std::vector<listen::Action>& actions) {
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
      request.urgent || request.soon ? engine::Urgency::kSpeculation
                                     : engine::Urgency::kThinkingListening,
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
    stable_ = stable;
    return;
  }
  if (parts_.hears_frames) return;  // its blocks come as rows
  const std::vector<std::string> marks = Sounding(stable.text, stable.heard_until);
  Do(mind_->OnStableWords({.text = stable.text, .marks = marks}, Now()));
}

// How the words sounded that are new in `text`.
std::vector<std::string> Conversation::Sounding(const std::string& text, int64_t until) {
  const std::vector<std::string> words = NormalisedWords(text);
  const size_t known = std::min(sounded_words_, words.size());
  const BlockSpan span{sounded_until_, until, std::span(words).subspan(known)};
  sounded_until_ = std::max(sounded_until_, until);
  sounded_words_ = words.size();
  return marks_.Close(span);
}

// The same at what is only a possible end: it may be heard again. A short turn as a whole.
std::vector<std::string> Conversation::SoundingAtEnd(const std::string& text, bool whole_turn) {
  const std::vector<std::string> words = NormalisedWords(text);
  const size_t known = whole_turn ? 0 : std::min(sounded_words_, words.size());
  return marks_.Look({.begin = whole_turn ? voice_begin_ : sounded_until_,
                      .end = SampleAt(speech_end_),
                      .words = std::span(words).subspan(known),
                      .phrase_end = true,
                      .whole_turn = whole_turn});
}

void Conversation::Do(const listen::Live& live) {
  if (ended_) return Do(turn_.OnWords(live.text, IsAnswerItself(live.text)));
  Emit(Heard{live.text, false});
}

// A microphone beside a loudspeaker: did the voice that lowered the answer say what the answer did?
bool Conversation::IsAnswerItself(std::string_view heard) {
  const int64_t rate = parts_.voice->sample_rate_hz();
  const int64_t from = ducked_at_ - kEchoBefore.count() * rate / 1'000'000;
  return IsOwnVoice(heard, speaker_.ledger().WordsBetween(from, speaker_.played(Now())));
}

void Conversation::Do(const listen::Complete& complete) {
  text_ = complete.text;
  trace_.transcript_ms = InputMs();
  Ready();
}

// The possible end has been heard, in every way in which the model hears.
void Conversation::Ready() {
  if (!TurnIsHeard()) return;
  PrepareAnswer();
  if (ended_) Answer();
}

void Conversation::PrepareAnswer() {
  if (text_->empty() && !Typed()) return;
  std::vector<std::string> marks;
  const bool whole_turn = !typed_ && JudgedAsWhole(voice_begin_, SampleAt(speech_end_));
  if (!typed_) marks = SoundingAtEnd(*text_, whole_turn);
  if (parts_.hears_frames && typed_beside_) {
    trunk_.SetTyped(parts_.tokenizer->Encode(*typed_beside_));
  }
  const std::string said = Said();
  Do(mind_->OnPossibleEnd({.text = said, .marks = marks, .typed = typed_, .whole_turn = whole_turn},
                          typed_ ? Now() : OnClock(speech_end_), Now()));
}

// The turn has ended and its text is there.
void Conversation::Answer() {
  trace_.transcript = Said();
  if ((text_->empty() || (unfinished_ && turn_.Wordless(*text_))) && !Typed()) {
    Emit(NoSpeech{});
    pause_.Forget();
    ForgetExchange();
    return Listen();
  }
  Emit(Heard{*text_, true});
  if (!settings_.answers && !Typed()) return Hold();
  BeginAnswer();
}

// ---- from the user, beside the sound -------------------------------------------------------------

// An answer is wanted, to these words if there are any. Words that are being said are never lost for it:
// in the middle of a spoken turn the answer waits for its end, and a voice that is no turn yet
// interrupts it. What a client has to commit is none of the talk's until then.
void Conversation::OnText(std::string text) {
  if (dead_) return;
  if (turn_.users_turn() && settings_.turn_end != TalkSettings::TurnEnd::kCommit) {
    return TypeBeside(text);
  }
  unfinished_.reset();
  if (ended_) {
    StopAnswer();
  } else {
    ForgetExchange();
  }
  listener_.End();
  stable_.reset();
  frame_listener_.End();
  pause_.Forget();
  BeginTurn(frames_end_);
  typed_ = true;
  turn_.OnAnswer(frames_end_);
  ended_ = true;
  trace_.turn_end_ms = InputMs();
  Emit(TurnEnded{-1, "text", frames_end_});
  Do(listen::Complete{std::move(text)});
}

void Conversation::CommitTurn() {
  const std::vector<turn::Action> actions = turn_.OnCommit();
  if (actions.empty() && !ended_) Emit(NoSpeech{});  // whoever committed waits for an answer
  Do(actions);
}

void Conversation::OnPlayed(int64_t samples) { Do(speaker_.OnPlayed(samples, Now())); }

void Conversation::Interrupt() {
  unfinished_.reset();
  if (!ended_ || held_) return;
  pause_.Answered(InputNow());  // a hand has stopped it: no sentence goes on
  StopAnswer();
  Listen();
}

// ---- what everything above stands on -------------------------------------------------------------

void Conversation::SetTimer(std::optional<TimerId>& timer, Time when, void (Conversation::*due)()) {
  if (timer) executor_->Cancel(*timer);
  timer = executor_->At(when, [weak = weak_from_this(), &timer, due] {
    if (auto self = weak.lock()) {
      timer.reset();
      (*self.*due)();
    }
  });
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

}  // namespace parley::realtime

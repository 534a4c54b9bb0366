// One talk: the only class that knows every stage. It reads as the sound travels: conversation.cc
// hear → turn → listen, conversation_answer.cc mind → speak → playback ledger; conversation_client.cc
// is what a client changes, conversation_unasked.cc what is said unasked. What to do is decided
// by four pure controllers; here it is done, on one executor, and every deed and its result goes
// through here. Whatever a turn or an interruption leaves behind carries an older epoch and is dropped.
// Thread:   the executor's; engine and workers answer by posting to it.
// Memory:   the sound of the transcriber's window, a trunk and its branches in the engine, one
//           answer's ledger.
// Overload: the engine refuses what it cannot keep (Failed, kExhausted); at most one transcription,
//           kMostBranches and one clause are under way; stale() counts what came too late.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "model/tokenizer.h"
#include "nn/voice_activity.h"
#include "realtime/branches.h"
#include "realtime/conversation_config.h"
#include "realtime/executor.h"
#include "realtime/history/trunk.h"
#include "realtime/listen/frame_listener.h"
#include "realtime/listen/heard_sound.h"
#include "realtime/listen/listener.h"
#include "realtime/listen/sound_marks.h"
#include "realtime/mind/make_mind.h"
#include "realtime/mind/plain_mind.h"
#include "realtime/mind/prompt_pieces.h"
#include "realtime/mind/stream_reader.h"
#include "realtime/session.h"
#include "realtime/speak/speaker.h"
#include "realtime/tools/tool_runner.h"
#include "realtime/turn/speech_pause.h"
#include "realtime/turn/turn_taker.h"
#include "realtime/turn_end_worker.h"
#include "realtime/voice_worker.h"

namespace parley::realtime {

// What a talk stands on. The borrowed parts outlive it.
struct ConversationParts {
  std::shared_ptr<Executor> executor;
  engine::Engine* engine = nullptr;
  engine::TranscribeLane lane{};  // its own
  std::shared_ptr<const model::Tokenizer> tokenizer;
  PromptPieces prompt;
  Style style;                                        // the model's own
  bool hears_frames = false;                          // else words
  std::unique_ptr<ToolRunner> tools;                  // what the model may call; none: nothing
  std::unique_ptr<nn::VoiceActivity> voice_activity;  // its own
  TurnEndWorker* turn_end = nullptr;
  VoiceWorker* voice = nullptr;
  // The ids of a whole system turn; without it the system's words cannot be replaced.
  std::function<std::vector<TokenId>(std::string_view)> system_turn{};
};

class Conversation : public std::enable_shared_from_this<Conversation> {
 public:
  // Opens its sequence; kExhausted when the engine has no room for another talk.
  static Result<std::shared_ptr<Conversation>> Open(const ConversationConfig& config,
                                                    ConversationParts parts, EventSink sink);
  ~Conversation();

  // All on the executor.
  void OnSound(PcmView sound);
  void OnText(std::string text);
  void CommitTurn();
  void OnPlayed(int64_t samples);
  void Interrupt();
  void Configure(const TalkSettings& settings);
  void SetPast(PastTalk past);
  void Respond();
  void DiscardTurn();

  int64_t stale() const { return stale_.load(); }          // any thread
  int64_t underruns() const { return underruns_.load(); }  // any thread
  const Trunk& trunk() const { return trunk_; }
  // The talk's own sequence, for tests that compare it with what the trunk claims.
  const engine::Sequence& sequence() const { return branches_.sequence(); }

 private:
  Conversation(const ConversationConfig& config, ConversationParts parts, EventSink sink);
  Status Begin();

  // Deeds: one for each kind of action.
  void Do(const std::vector<turn::Action>& actions);
  void Do(const std::vector<listen::Action>& actions);
  void Do(std::vector<mind::Action> actions);
  void Do(std::vector<speak::Action> actions);
  void Do(const turn::SpeechStarted& started);
  void Do(const turn::Prepare& pause);
  void Do(const turn::AskTurnEnd& question);
  void Do(const turn::Speculate& speculate);
  void Do(const turn::Resumed& resumed);
  void Do(const turn::TurnEnded& ended);
  void Do(const turn::Duck& duck);
  void Do(const turn::AskWords& question);
  void Do(const turn::Unduck& unduck);
  void Do(const turn::BargeIn& barge_in);
  void Do(const turn::Reopened& reopened);
  void Do(const turn::NobodySpeaks& nobody);
  void Do(const listen::Transcribe& request);
  void Do(const listen::FindQuiet& span);
  void Do(const listen::Stable& stable);
  void Do(const listen::Live& live);
  void Do(const listen::Complete& complete);
  void Do(const std::vector<listen::EncodeSound>& requests);
  void OnEncoded(const listen::EncodeSound& request,
                 Result<std::shared_ptr<const engine::Embeddings>> rows);
  void TakeFrames(const listen::TakeFrames& take,
                  const std::shared_ptr<const engine::Embeddings>& rows);
  bool TurnIsHeard() const { return text_ && (!parts_.hears_frames || typed_ || frames_complete_); }
  void Ready();
  bool Typed() const { return typed_ || typed_beside_; }
  std::string Said() const;  // all words of the turn, heard and typed
  void TypeBeside(const std::string& text);
  void Do(mind::Fork& fork) { branches_.Fork(std::move(fork)); }
  void Do(mind::Append& append) { branches_.Append(std::move(append)); }
  void Do(mind::Generate& generate);
  void Do(const mind::Stop& stop) { branches_.Stop(stop.branch); }
  void Do(const mind::Hurry& hurry) { branches_.Hurry(hurry.branch, hurry.urgency); }
  void Do(const mind::Drop& drop) { branches_.Drop(drop.branch); }
  void Do(const mind::Adopt& adopt);
  void Do(const mind::Hear& words);
  void Do(const mind::RollBack& back);
  void Do(const mind::NewAnswer& answer);
  void Do(const mind::AnswerBegins& prompt);
  void Do(const mind::VoidAnswer& answer);
  void Do(const mind::Say& more);
  void Do(const mind::TokenTaken& token);
  void Do(const mind::PartEnded& part);
  void Do(const mind::AnswerEnded& ended);
  void Do(const mind::Think& thought);
  void Do(const mind::Wasted& wasted) { trace_.tokens_wasted += wasted.tokens; }
  void Do(const mind::WakeAt& wake);
  void Do(const mind::Decided& decided);
  void Do(mind::CallTool& call);
  void Do(const mind::Failed& failed) { FailTurn(failed.error); }
  void Do(speak::Synthesize& clause);
  void Do(const speak::ClauseCut& cut);
  void Do(speak::Say& say);
  void Do(speak::Words& words);
  void Do(const speak::Sent& sent);
  void Do(speak::Send& send);
  void Do(const speak::WakeAt& wake);
  void Do(const speak::Over& over);

  MindParts PartsOfMind() const;
  void BeginTurn(Time since);
  std::vector<std::string> Sounding(const std::string& text, int64_t until);
  std::vector<std::string> SoundingAtEnd(const std::string& text, bool whole_turn);
  void Answer();
  void PrepareAnswer();
  bool IsAnswerItself(std::string_view heard);
  void BeginAnswer();
  void Hold();
  void CatchUp();
  void RestorePast();
  void AbandonAnswer();
  void StopAnswer();
  bool Keeps(const HeardCut& cut) const;
  TrunkEdit CloseAnswer(bool interrupted = false);
  void Listen();
  void FailTurn(const Error& error);
  void ForgetExchange();
  void EndThinking(ExchangeEnd end);
  Mind& Answerer() { return writer_ ? static_cast<Mind&>(*writer_) : *mind_; }
  void OnNotice(const ToolNotice& notice);
  void SpeakUnasked();
  void BeginUnasked(Unasked::Why why);
  void GoOn();
  void TellNotices();
  void OnToolOutcome(int64_t call, const ToolOutcome& outcome);
  void Rebuild(const Error& why);
  void Apply(const TrunkEdit& edit, engine::Urgency urgency) { branches_.Edit(edit, urgency); }
  void OnNews(const BranchNews& news);
  void TellPlayback();
  void MindDue();
  void SpeakerDue();
  void SetTimer(std::optional<TimerId>& timer, Time when, void (Conversation::*due)());
  void NextEpoch();
  bool Stale(Epoch epoch);  // and counts it

  template <class What>
  void Emit(What what);
  Time Now() const { return executor_->Now(); }
  Time InputNow() const { return Time(Now() - origin_); }
  double InputMs() const { return Ms(InputNow()); }
  Time OfSound(Time on_clock) const { return Time(on_clock - origin_); }
  // A time of the sound on the executor's clock.
  Time OnClock(Time of_sound) const { return origin_ + of_sound.time_since_epoch(); }
  // A callback that runs `work` if the talk still lives: called on the executor, or from any thread.
  template <class Work>
  auto IfAlive(Work work);
  template <class Work>
  auto OnStrand(Work work);

  // The parts, in the order of the sound.
  const std::shared_ptr<Executor> executor_;
  const ConversationConfig config_;
  ConversationParts parts_;
  EventSink sink_;
  Time origin_;  // of the input clock, on the executor's
  bool first_sound_ = true;
  Time frames_end_{};  // of the sound that was looked at
  HeardSound sound_;
  TurnTaker turn_;
  SpeechPause pause_;
  Listener listener_;
  FrameListener frame_listener_;
  SoundMarks marks_;
  Trunk trunk_;
  std::unique_ptr<Mind> mind_;
  Speaker speaker_;

  Branches branches_;
  int rebuilds_ = 0;   // of the trunk, since something was decoded
  bool dead_ = false;  // it cannot be rebuilt
  Epoch epoch_{};
  LiveEpoch live_ = std::make_shared<std::atomic<int64_t>>(0);
  std::optional<TimerId> speaker_wake_, mind_wake_;

  // The turn.
  int64_t voice_begin_ = 0;    // first sample of the turn's voice
  int64_t floor_ = 0;          // sound before it belongs to earlier turns
  int64_t sounded_until_ = 0;  // what was heard by then has its marks
  size_t sounded_words_ = 0;
  bool ended_ = false;                       // the turn; its answer is prepared or plays
  bool asked_ = false;                       // and its text is there: the answer is wanted
  std::optional<std::string> text_;          // of the turn, at its last possible end
  bool frames_complete_ = false;             // so is its sound
  std::optional<listen::Stable> stable_;     // heard during an answer, not yet in the trunk
  bool typed_ = false;                       // the whole turn
  std::optional<std::string> typed_beside_;  // while it was spoken; stands behind its words
  bool held_ = false;                 // the turn has ended and nobody has asked for its answer
  Time speech_end_{};                 // of the sound
  bool recovered_ = false;            // the trunk was lost, and has been made anew
  bool guessed_ = false;              // something of the answer was decoded before the turn ended
  int64_t ducked_at_ = 0;             // samples of the answer, where a voice lowered it
  bool runway_told_ = false;          // the mind knows that everything said is sound
  std::vector<TokenId> answer_ids_;   // of what was said
  std::vector<SpokenToken> written_;  // the same, with its text
  std::optional<bool> text_ended_;    // nothing more comes; was it complete?
  BranchId news_of_ = kTrunk;         // the branch that the mind was last told of
  TurnTrace trace_;
  int64_t reprefilled_before_ = 0;

  // What nobody has asked for.
  struct Unfinished {  // an answer that a voice has interrupted
    std::string user;
    std::vector<TokenId> heard_ids;
    std::string heard;
    std::vector<SpokenToken> rest;
    std::optional<bool> ended;
    bool kept = true;  // the history holds it
  };
  Unfinished NotHeard();
  std::optional<Unasked::Why> unasked_;    // what is being said now
  std::optional<Unfinished> unfinished_;   // until somebody says a word
  std::vector<TokenId> heard_before_ids_;  // of the answer that goes on
  std::string heard_before_;
  std::unique_ptr<PlainMind> writer_;  // of an answer that goes on and was not written to its end
  std::vector<ToolNotice> notices_;    // that wait until the floor is free

  // What the client wants, and what of it must wait until the exchange is over.
  TalkSettings settings_;
  bool mind_is_old_ = false;
  std::optional<PastTalk> past_;
  std::atomic<int64_t> stale_{0}, underruns_{0};
};

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

}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
#include "bench/hear.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "common/json.h"
#include "engine/audio_work.h"
#include "realtime/listen/block_words.h"
#include "realtime/listen/heard_sound.h"
#include "realtime/listen/listener.h"
#include "realtime/turn/turn_taker.h"

namespace parley::bench {
namespace {

using realtime::SampleAt;
using realtime::TimeOfSample;
using Words = std::vector<std::string>;

constexpr int32_t kPatienceMs = 10000;  // no pause ends the turn
constexpr int64_t kFrame = realtime::kVoiceFrameSamples;
constexpr Duration kSilenceBehind = milliseconds(6000);  // at most, for a transcript to come

engine::AudioParts Parts(kernels::Backend& backend, const model::Transcriber& transcriber) {
  engine::AudioParts parts;
  parts.backend = &backend;
  parts.transcriber = &transcriber;
  return parts;
}

double SampleMs(int64_t sample) { return static_cast<double>(sample) * 1000.0 / kSampleRateHz; }

// The transcriber as the engine runs it: one slice after the other, news at the end of each.
class SliceClock {
 public:
  SliceClock(kernels::Backend& backend, const model::Transcriber& transcriber,
             const engine::CostTable& costs)
      : work_(Parts(backend, transcriber), 1, 4), costs_(costs) {}

  void Transcribe(engine::TranscribeCall call, Time now) {
    engine::Notices superseded;
    work_.Transcribe(std::move(call), superseded);
    engine::Deliver(superseded);
    if (!running_) Start(now);
  }

  // Everything that happens up to `now`; `note_until`: a note is being written until then.
  void CatchUp(Time now, Time note_until) {
    note_until_ = note_until;
    while (running_ && due_ <= now) {
      const Time then = now_ = due_;
      running_ = false;
      engine::Notices news = std::exchange(notices_, {});  // what hears them may ask for more
      engine::Deliver(news);
      if (!running_) Start(then);
    }
    now_ = now;
  }

  bool idle() const { return !running_; }
  Time now() const { return now_; }

 private:
  void Start(Time now) {
    if (!work_.urgency()) return;
    running_ = true;
    engine::StepReport report;
    work_.Advance(report, notices_);
    due_ = now + costs_.Cost(report);
    if (now < note_until_) {  // audio and decoder take turns: a slice, a token
      engine::StepReport token;
      token.decode_rows = token.logit_rows = 1;
      due_ += costs_.Cost(token);
    }
  }

  engine::AudioWork work_;
  const engine::CostTable costs_;
  engine::Notices notices_;
  bool running_ = false;
  Time due_{}, now_{}, note_until_{};
};

realtime::TurnConfig OneTurn(realtime::TurnConfig turn) {
  turn.patience_ms = kPatienceMs;
  turn.longest_turn_s = 3600;
  return turn;
}

class Ears final : public Hearer {
 public:
  Ears(kernels::Backend& backend, const model::Transcriber& transcriber,
       std::unique_ptr<nn::VoiceActivity> voice, const HearOptions& options)
      : options_(options), clock_(backend, transcriber, options.costs), voice_(std::move(voice)) {
    if (!options_.partials) options_.listen.partial_ms = 1 << 30;
  }

  Result<HeardUtterance> Hear(PcmView sound, bool same_talk) override {
    Begin(sound, same_talk);
    const auto length = static_cast<int64_t>(sound.size());
    const std::vector<float> silence(kFrame, 0.0F);
    const Time last = TimeOfSample(length) + kSilenceBehind;
    for (int64_t at = 0; TimeOfSample(at) < last && !failure_; at += kFrame) {
      const int64_t left = std::clamp<int64_t>(length - at, 0, kFrame);
      PARLEY_TRY_STATUS(Frame(
          sound.subspan(static_cast<size_t>(at < length ? at : length), static_cast<size_t>(left)),
          PcmView(silence).first(static_cast<size_t>(kFrame - left))));
      if (at >= length && Finished(at)) break;
    }
    if (failure_) return *failure_;
    Finish();
    return std::move(heard_);
  }

 private:
  void Begin(PcmView sound, bool same_talk) {
    if (!same_talk) {
      marks_.emplace();
      talk_begin_ = 0;
    } else {
      talk_begin_ += kFrame * frames_;
    }
    marks_->BeginTurn();
    block_marks_.Clear();
    voice_->Reset();
    turn_.emplace(OneTurn(options_.turn));
    listener_.emplace(options_.listen);
    sound_.emplace(static_cast<int64_t>(sound.size()) + SampleAt(Time(kSilenceBehind)) + kFrame);
    heard_ = {};
    heard_.sound_ms = SampleMs(static_cast<int64_t>(sound.size()));
    noted_ = voice_begin_ = block_begin_ = heard_until_ = 0;
    stable_.clear();
    complete_ = false;
    paused_ = false;
    // The clock goes on from utterance to utterance.
    origin_ = clock_.now();
    note_until_ = origin_;
    frames_ = 0;
  }

  Status Frame(PcmView sound, PcmView silence) {
    sound_->Append(sound);
    sound_->Append(silence);
    std::vector<float> frame(sound.begin(), sound.end());
    frame.insert(frame.end(), silence.begin(), silence.end());
    marks_->Push(frame);
    PARLEY_TRY(const std::span<const float> probabilities, voice_->Push(frame));
    for (const float probability : std::vector<float>(probabilities.begin(), probabilities.end())) {
      ++frames_;
      const Time end = Time(realtime::kVoiceFrame * frames_);
      clock_.CatchUp(Time(origin_ + end.time_since_epoch()), note_until_);
      Do(turn_->OnFrame(end, probability));
      Do(listener_->OnSound(SampleAt(end), turn_->voiced()));
      CloseBlock(false);
    }
    return {};
  }

  // The file is over: is everything that it said known?
  bool Finished(int64_t at) const {
    if (!listener_->listening()) return SampleMs(at) - heard_.sound_ms > 1000;
    return paused_ && complete_ && clock_.idle();
  }

  void Finish() {
    listener_->End();
    heard_.words = realtime::NormalisedWords(heard_.transcript);
    Words noted;
    for (const HeardBlock& block : heard_.blocks) {
      noted.insert(noted.end(), block.words.begin(), block.words.end());
    }
    const size_t tail = realtime::WordsNoted(noted, heard_.words);
    heard_.tail.assign(heard_.words.begin() + static_cast<ptrdiff_t>(tail), heard_.words.end());
    const int64_t end = SampleAt(Time(Duration(static_cast<int64_t>(heard_.speech_end_ms * 1000))));
    if (!heard_.words.empty()) Sound(heard_.words, end, true);
    heard_.tail_marks = block_marks_.Take();
    if (realtime::JudgedAsWhole(voice_begin_, end) && !heard_.tail.empty()) {
      heard_.tail_marks = marks_->Look({.begin = voice_begin_ + talk_begin_,
                                        .end = end + talk_begin_,
                                        .words = heard_.words,
                                        .phrase_end = true,
                                        .whole_turn = true});
    }
    heard_.tail_sound = marks_->measured();
  }

  double NowMs() const { return Ms(clock_.now() - origin_); }

  // ---- turn ----
  void Do(const std::vector<realtime::turn::Action>& actions) {
    for (const auto& action : std::vector<realtime::turn::Action>(actions)) {
      if (const auto* started = std::get_if<realtime::turn::SpeechStarted>(&action)) {
        voice_begin_ = block_begin_ = heard_until_ = SampleAt(started->since);
        Do(listener_->Begin(block_begin_, 0));
      } else if (const auto* pause = std::get_if<realtime::turn::Prepare>(&action)) {
        heard_.speech_end_ms = Ms(pause->speech_end);
        heard_.pauses.push_back({heard_.speech_end_ms, -1});
        paused_ = true;
        complete_ = false;
        CloseBlock(true);
        Do(listener_->OnPause(SampleAt(Time(realtime::kVoiceFrame * frames_))));
      } else if (const auto* resumed = std::get_if<realtime::turn::Resumed>(&action)) {
        Resume(resumed->since);
      } else if (const auto* reopened = std::get_if<realtime::turn::Reopened>(&action)) {
        Resume(reopened->since);
      }
    }
  }

  void Resume(Time since) {
    heard_.pauses.back().end_ms = Ms(since);
    paused_ = false;
    Do(listener_->OnResume(SampleAt(since)));
  }

  // ---- listen ----
  void Do(const std::vector<realtime::listen::Action>& actions) {
    for (const auto& action : std::vector<realtime::listen::Action>(actions)) {
      std::visit([this](const auto& a) { Do(a); }, action);
    }
  }

  void Do(const realtime::listen::Transcribe& request) {
    ++heard_.transcriptions;
    const PcmView view = sound_->View(request.begin, request.end);
    engine::TranscribeCall call;
    call.lane = lane_;
    call.sound.assign(view.begin(), view.end());
    call.options.pad_ms = options_.listen.pad_ms;
    call.options.language = options_.listen.language;
    call.urgency =
        request.urgent ? engine::Urgency::kSpeculation : engine::Urgency::kThinkingListening;
    call.transcribed = [this, request](Result<model::Transcript> transcript) {
      if (transcript) return Do(listener_->OnTranscript(request.request, *transcript));
      if (transcript.error().code != Code::kCancelled) failure_ = transcript.error();
      Do(listener_->OnFailed(request.request));
    };
    clock_.Transcribe(std::move(call), clock_.now());
  }

  void Do(const realtime::listen::FindQuiet& span) {
    Do(listener_->CutAt(sound_->QuietestPoint(span.begin, span.end)));
  }

  void Do(const realtime::listen::Stable& stable) {
    Sound(realtime::NormalisedWords(stable.text), stable.heard_until, false);
    heard_.stable.push_back({NowMs(), SampleMs(stable.heard_until), stable.text});
    if (!paused_ && clock_.now() >= note_until_) Correct();
    CloseBlock(false);
  }

  // As the note taker does: blocks from the first one on that holds a corrected word are made anew.
  void Correct() {
    std::vector<size_t> sizes;
    Words noted;
    for (const HeardBlock& block : heard_.blocks) {
      sizes.push_back(block.words.size());
      noted.insert(noted.end(), block.words.begin(), block.words.end());
    }
    const auto first = realtime::FirstCorrected(sizes, noted, stable_);
    if (!first) return;
    realtime::BlockMarks marks;
    for (; heard_.blocks.size() > *first; heard_.blocks.pop_back()) {
      const HeardBlock& block = heard_.blocks.back();
      marks.Add(block.words.size(), block.marks);
      noted_ -= block.words.size();
      block_begin_ = SampleAt(Time(Duration(static_cast<int64_t>(block.begin_ms * 1000))));
    }
    block_marks_.Add(stable_.size() - noted_, marks.Take());
  }

  // Words that are new, and how they sounded.
  void Sound(Words words, int64_t heard_until, bool phrase_end) {
    const size_t known = std::min(stable_.size(), words.size());
    const std::span<const std::string> fresh = std::span(words).subspan(known);
    const realtime::BlockSpan span{heard_until_ + talk_begin_, heard_until + talk_begin_, fresh,
                                   phrase_end};
    block_marks_.Add(fresh.size(), marks_->Close(span));
    heard_until_ = std::max(heard_until_, heard_until);
    stable_ = std::move(words);
  }

  void Do(const realtime::listen::Live&) {}

  void Do(const realtime::listen::Complete& complete) {
    heard_.transcript = complete.text;
    heard_.transcript_ms = NowMs();
    complete_ = true;
  }

  // ---- blocks ----
  // While a pause lasts no other block closes: if it was the end, its words are the tail.
  void CloseBlock(bool pause_begins) {
    if (paused_ && !pause_begins) return;
    const size_t pending = realtime::WordsToNote(std::span(stable_).subspan(noted_));
    const auto step = realtime::NextBlockStep(static_cast<int>(pending), options_.block_words,
                                              pause_begins, clock_.now() < note_until_);
    if (step == realtime::BlockStep::kWait) return;
    const auto first = stable_.begin() + static_cast<ptrdiff_t>(noted_);
    heard_.blocks.push_back({.at_ms = NowMs(),
                             .begin_ms = SampleMs(block_begin_),
                             .end_ms = SampleMs(heard_until_),
                             .words = Words(first, first + static_cast<ptrdiff_t>(pending)),
                             .at_pause = pause_begins,
                             .cut_note = step == realtime::BlockStep::kCutNoteAndClose});
    HeardBlock& block = heard_.blocks.back();
    block.marks = block_marks_.Take();
    block.sound = marks_->measured();
    noted_ += pending;
    block_begin_ = heard_until_;
    note_until_ = clock_.now() + milliseconds(options_.note_ms);
  }

  HearOptions options_;
  SliceClock clock_;
  std::unique_ptr<nn::VoiceActivity> voice_;
  const engine::TranscribeLane lane_ = engine::TranscribeLane().Next();
  std::optional<Error> failure_;
  // Of the utterance.
  std::optional<realtime::TurnTaker> turn_;
  std::optional<realtime::Listener> listener_;
  std::optional<realtime::HeardSound> sound_;
  std::optional<realtime::SoundMarks> marks_;  // of the talk
  realtime::BlockMarks block_marks_;
  int64_t talk_begin_ = 0;  // the utterance's first sample in it
  HeardUtterance heard_;
  Time origin_{}, note_until_{};
  int64_t frames_ = 0;
  Words stable_;
  size_t noted_ = 0;  // words in blocks
  int64_t voice_begin_ = 0, block_begin_ = 0, heard_until_ = 0;
  bool paused_ = false, complete_ = false;
};

std::string JsonWords(const Words& words) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : " ") + word;
  return joined;
}

template <class Item, class Write>
std::string JsonArray(const std::vector<Item>& items, Write write) {
  std::string out = "[";
  for (const Item& item : items) out += (out.size() > 1 ? "," : "") + write(item);
  return out + "]";
}

}  // namespace

Result<std::unique_ptr<Hearer>> Hearer::Make(kernels::Backend& backend,
                                             const model::Transcriber& transcriber,
                                             std::unique_ptr<nn::VoiceActivity> voice,
                                             const HearOptions& options) {
  if (options.listen.window_ms > transcriber.window_ms()) {
    return Fail(Code::kInvalidArgument,
                "listen.window_ms = " + std::to_string(options.listen.window_ms) +
                    ", but the transcriber takes " + std::to_string(transcriber.window_ms()));
  }
  return std::unique_ptr<Hearer>(
      std::make_unique<Ears>(backend, transcriber, std::move(voice), options));
}

std::string EvidenceJson(const realtime::BlockSound& s) {
  JsonLine line;
  line.Add("active_s", s.active_s)
      .Add("level", s.level)
      .Add("background", s.background)
      .Add("voiced", s.voiced)
      .Add("hiss_db", s.hiss_db)
      .Add("pause_s", s.pause_s)
      .Add("rate", s.rate)
      .Add("quietest", s.quietest)
      .Add("tonal", s.tonal)
      .Add("tonal_between", s.tonal_between);
  if (s.pitch) line.Add("pitch", *s.pitch);
  if (s.movement) line.Add("movement", *s.movement);
  if (s.rise) line.Add("rise", *s.rise);
  return line.Take();
}

std::string JsonOf(const std::string& id, const HeardUtterance& heard, bool evidence) {
  const auto stable = [](const HeardStable& s) {
    return std::move(
               JsonLine().Add("t_ms", s.at_ms).Add("heard_ms", s.heard_ms).Add("text", s.text))
        .Take();
  };
  const auto pause = [](const HeardPause& p) {
    return std::move(JsonLine().Add("begin_ms", p.begin_ms).Add("end_ms", p.end_ms)).Take();
  };
  const auto block = [evidence](const HeardBlock& b) {
    JsonLine line;
    line.Add("t_ms", b.at_ms)
        .Add("begin_ms", b.begin_ms)
        .Add("end_ms", b.end_ms)
        .Add("words", JsonWords(b.words))
        .Add("marks", JsonWords(b.marks))
        .Add("at_pause", b.at_pause)
        .Add("cut_note", b.cut_note);
    if (evidence) line.AddRaw("sound", EvidenceJson(b.sound));
    return line.Take();
  };
  JsonLine line;
  line.Add("id", id)
      .Add("sound_ms", heard.sound_ms)
      .Add("transcript", heard.transcript)
      .Add("words", JsonWords(heard.words))
      .AddRaw("blocks", JsonArray(heard.blocks, block))
      .Add("tail", JsonWords(heard.tail))
      .Add("tail_marks", JsonWords(heard.tail_marks))
      .AddRaw("pauses", JsonArray(heard.pauses, pause))
      .AddRaw("stable", JsonArray(heard.stable, stable))
      .Add("speech_end_ms", heard.speech_end_ms)
      .Add("transcript_ms", heard.transcript_ms)
      .Add("transcriptions", heard.transcriptions);
  if (evidence) line.AddRaw("tail_sound", EvidenceJson(heard.tail_sound));
  return line.Take();
}

}  // namespace parley::bench

// SPDX-License-Identifier: Apache-2.0
#include "app/file_talk.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "app/speech_ruler.h"

namespace parley::app {
namespace {

constexpr int kBlockSamples = kSampleRateHz / 50;  // 20 ms, as a browser or a telephone sends
constexpr Duration kBlock = milliseconds(20);
// A word that begins just before the end of the file is noticed within this time.
constexpr Duration kLateWord = milliseconds(600);

// One talk over one file: feeds sound, follows events, knows when it is over.
class Talk {
 public:
  Talk(Runtime& runtime, audio::SoundFile& sound, const AskConfig& config, AnswerRecorder recorder,
       const realtime::EventSink& follow, AskSummary& summary)
      : runtime_(runtime),
        sound_(sound),
        config_(config),
        recorder_(std::move(recorder)),
        follow_(follow),
        summary_(summary) {}

  Status Run() {
    PARLEY_TRY(session_,
               runtime_.NewSession([this](const realtime::Event& event) { OnEvent(event); }));
    runtime_.executor().Post([this] {
      began_ = runtime_.executor().Now();
      ScheduleBlock();
    });
    runtime_.RunUntil(*finished_);
    Drain();
    if (turn_open_) CloseRuler(ruler_.Finish());
    summary_.session = session_->stats();
    session_.reset();
    summary_.underruns = recorder_.underruns();
    summary_.no_speech =
        std::all_of(summary_.turns.begin(), summary_.turns.end(),
                    [](const TurnSummary& turn) { return turn.trace.transcript.empty(); });
    PARLEY_TRY_STATUS(recorder_.Close());
    return failure_;
  }

 private:
  // Nothing that was scheduled may run once this object is gone.
  void Drain() {
    auto drained = std::make_shared<std::atomic<bool>>(false);
    runtime_.executor().Post([this, drained] {
      runtime_.executor().Cancel(next_block_);
      Set(*drained);
    });
    runtime_.RunUntil(*drained);
  }

  static void Set(std::atomic<bool>& flag) {
    flag = true;
    flag.notify_all();
  }

  // Block n holds the sound of [n, n + 1) blocks and can be heard when it is complete.
  void ScheduleBlock() {
    next_block_ = runtime_.executor().At(began_ + (blocks_ + 1) * kBlock, [this] { FeedBlock(); });
  }

  void FeedBlock() {
    if (*finished_) return;
    std::vector<float> block = NextBlock();
    ruler_.Push(block);
    session_->PushSound(block);
    ++blocks_;
    if (ended_ && Over()) {
      Set(*finished_);
      return;
    }
    ScheduleBlock();
  }

  // The file, then silence for as long as the talk goes on: the end of a file is never the end of a turn.
  std::vector<float> NextBlock() {
    std::vector<float> block(kBlockSamples, 0.0F);
    size_t filled = 0;
    while (filled < block.size() && !ended_) {
      if (rest_.empty()) {
        auto read = sound_.Read();
        if (!read.has_value()) {
          Stop(std::move(read).error());
          break;
        }
        if (read->empty()) {
          ended_ = true;
          summary_.input_ms =
              Ms(blocks_ * kBlock) + 1000.0 * static_cast<double>(filled) / kSampleRateHz;
          quiet_since_ = runtime_.executor().Now();
          break;
        }
        rest_ = *read;
      }
      const size_t n = std::min(rest_.size(), block.size() - filled);
      std::copy_n(rest_.begin(), n, block.begin() + static_cast<ptrdiff_t>(filled));
      rest_ = rest_.subspan(n);
      filled += n;
    }
    return block;
  }

  bool Over() const {
    const Duration quiet = runtime_.executor().Now() - quiet_since_;
    if (!busy_) return quiet >= kLateWord;
    return quiet >= milliseconds(config_.longest_answer_ms);
  }

  void Stop(Error error) {
    if (failure_.has_value()) failure_ = Status(std::move(error));
    Set(*finished_);
  }

  void OnEvent(const realtime::Event& event) {
    Track(event);
    follow_(event);
  }

  void Track(const realtime::Event& event) {
    if (std::holds_alternative<realtime::SpeechStarted>(event.what)) {
      if (turn_open_) CloseRuler(ruler_.NextTurn());
      busy_ = true;
    } else if (std::holds_alternative<realtime::Resumed>(event.what)) {
      if (turn_open_) summary_.turns.pop_back();  // that turn had not ended after all
      turn_open_ = false;
      busy_ = true;
    } else if (std::holds_alternative<realtime::TurnEnded>(event.what)) {
      if (turn_open_) CloseRuler(ruler_.NextTurn());
      summary_.turns.emplace_back();
      turn_open_ = true;
      if (auto status = recorder_.NextAnswer(); !status.has_value())
        Stop(std::move(status).error());
    } else if (const auto* audio = std::get_if<realtime::AudioOut>(&event.what)) {
      if (auto status = recorder_.Add(event.at, *audio); !status.has_value())
        Stop(std::move(status).error());
      NoteAnswer();
    } else if (const auto* lowered = std::get_if<realtime::Lowered>(&event.what)) {
      if (auto status = recorder_.SetGain(event.at, lowered->gain); !status.has_value())
        Stop(std::move(status).error());
    } else if (std::holds_alternative<realtime::Unlowered>(event.what)) {
      if (auto status = recorder_.SetGain(event.at, 1); !status.has_value())
        Stop(std::move(status).error());
    } else if (std::holds_alternative<realtime::BargedIn>(event.what)) {
      if (auto status = recorder_.Cut(event.at); !status.has_value()) {
        Stop(std::move(status).error());
      }
      NoteAnswer();
      if (!summary_.turns.empty()) summary_.turns.back().interrupted = true;
    } else if (const auto* done = std::get_if<realtime::TurnDone>(&event.what)) {
      if (summary_.turns.empty()) summary_.turns.emplace_back();
      summary_.turns.back().trace = done->trace;
      busy_ = false;
      quiet_since_ = runtime_.executor().Now();
    } else if (std::holds_alternative<realtime::Unasked>(event.what)) {
      summary_.turns.emplace_back();
      if (auto status = recorder_.NextAnswer(); !status.has_value())
        Stop(std::move(status).error());
      busy_ = true;
    } else if (std::holds_alternative<realtime::NoSpeech>(event.what)) {
      busy_ = false;  // an answer may go on behind it
    } else if (const auto* failed = std::get_if<realtime::Failed>(&event.what)) {
      Stop(failed->error);
    }
  }

  void NoteAnswer() {
    if (summary_.turns.empty()) return;
    summary_.turns.back().first_sound_ms = recorder_.first_sound_ms();
    summary_.turns.back().audio_ms = recorder_.audio_ms();
  }

  void CloseRuler(std::optional<double> end_ms) {
    if (!summary_.turns.empty()) summary_.turns.back().speech_end_ms = end_ms.value_or(-1);
    turn_open_ = false;
  }

  Runtime& runtime_;
  audio::SoundFile& sound_;
  const AskConfig& config_;
  AnswerRecorder recorder_;
  const realtime::EventSink& follow_;
  AskSummary& summary_;
  std::unique_ptr<realtime::Session> session_;
  SpeechRuler ruler_;
  Status failure_;
  std::span<const float> rest_;  // of the file's block in hand
  Time began_, quiet_since_;
  int64_t blocks_ = 0;
  bool ended_ = false;      // the file is over, silence follows
  bool busy_ = false;       // somebody speaks, or an answer is on its way
  bool turn_open_ = false;  // the last turn's end of speech is not measured yet
  realtime::TimerId next_block_;
  std::shared_ptr<std::atomic<bool>> finished_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace

Status RunFileTalk(Runtime& runtime, audio::SoundFile& sound, const AskConfig& config,
                   AnswerRecorder recorder, const realtime::EventSink& follow,
                   AskSummary& summary) {
  return Talk(runtime, sound, config, std::move(recorder), follow, summary).Run();
}

}  // namespace parley::app

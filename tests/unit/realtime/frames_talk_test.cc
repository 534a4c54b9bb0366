// SPDX-License-Identifier: Apache-2.0
// A model that hears sound itself, through the whole path: blocks of the user's turn are encoded and
// stand as rows on the trunk while he speaks, drafts are forked from it at checkpoints, and at the end
// of the turn the rows of the whole sound take their place. A Step-Audio of made-up weights on the
// reference backend, so that equal means bit-equal; only the transcript is scripted.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/embeddings.h"
#include "engine/simulated_engine.h"
#include "model/audio_encoder.h"
#include "model/decoder.h"
#include "realtime/local_session.h"
#include "realtime/sim_executor.h"
#include "realtime/sim_workers.h"
#include "support/paths.h"
#include "support/spoken_words.h"
#include "support/token_log.h"
#include "support/tone_synthesizer.h"
#include "weights/checkpoint.h"
#include "weights/synthetic.h"

namespace parley::realtime {
namespace {

constexpr int32_t kVocabulary = 96;
constexpr TokenId kAudioOpen = 5, kAudioClose = 6, kEnd = 3;

// Every byte is an id; several bytes share one, and each is read as the same letter.
class SmallTokenizer final : public model::Tokenizer {
 public:
  std::vector<TokenId> Encode(std::string_view text, model::SpecialTokens) const override {
    std::vector<TokenId> ids;
    for (const char c : text) ids.push_back(8 + static_cast<unsigned char>(c) % (kVocabulary - 8));
    return ids;
  }
  std::string_view Bytes(TokenId id) const override { return IsSpecial(id) ? "" : "x"; }
  std::optional<TokenId> Find(std::string_view) const override { return std::nullopt; }
  bool IsSpecial(TokenId id) const override { return id < 8; }
  int32_t vocabulary() const override { return kVocabulary; }
};

// Everything but the transcripts is the engine's; what it was asked for is remembered.
class Recorder final : public engine::Engine {
 public:
  Recorder(engine::Engine& engine, const test::SpokenWords& words, Executor& executor)
      : engine_(engine), words_(words), executor_(executor) {}

  struct Encoding {
    std::vector<float> sound;
    Time at{};
    bool urgent = false;
  };
  struct Forked {
    engine::Position at = 0;
    Time when{};
  };
  std::vector<Encoding> encodings;
  std::vector<Forked> forks;
  std::vector<std::pair<int64_t, engine::Position>> rollbacks;
  int64_t rows_appended = 0;

  Result<engine::Sequence> Open(engine::Position reserve) override { return engine_.Open(reserve); }
  engine::Sequence Fork(const engine::Sequence& from, engine::Position at) override {
    forks.push_back({at, executor_.Now()});
    return engine_.Fork(from, at);
  }
  void Rollback(const engine::Sequence& sequence, engine::Position to) override {
    rollbacks.emplace_back(sequence.id(), to);
    engine_.Rollback(sequence, to);
  }
  void Append(const engine::Sequence& sequence, engine::Input input, engine::Urgency urgency,
              engine::Done done) override {
    if (input.embeddings) rows_appended += input.embeddings->rows().rows;
    engine_.Append(sequence, std::move(input), urgency, std::move(done));
  }
  void Encode(PcmView sound, engine::Urgency urgency, engine::Encoded encoded) override {
    encodings.push_back(
        {{sound.begin(), sound.end()}, executor_.Now(), urgency == engine::Urgency::kSpeculation});
    engine_.Encode(sound, urgency, std::move(encoded));
  }
  void Transcribe(engine::TranscribeLane, PcmView sound, model::TranscribeOptions, engine::Urgency,
                  engine::Transcribed transcribed) override {
    executor_.At(
        executor_.Now() + milliseconds(100),
        [transcribed = std::move(transcribed), heard = words_.Hear(sound)] { transcribed(heard); });
  }
  engine::Stream Generate(const engine::Sequence& sequence, engine::GenerateOptions options,
                          std::shared_ptr<engine::TokenSink> sink) override {
    return engine_.Generate(sequence, std::move(options), std::move(sink));
  }
  void Stop(engine::Stream stream) override { engine_.Stop(stream); }
  void SetUrgency(engine::Stream stream, engine::Urgency urgency) override {
    engine_.SetUrgency(stream, urgency);
  }
  engine::EngineStats stats() const override { return engine_.stats(); }

 private:
  engine::Engine& engine_;
  const test::SpokenWords& words_;
  Executor& executor_;
};

class FramesTalk : public testing::Test {
 protected:
  void SetUp() override {
    weights::SyntheticGeometry geometry = *weights::SyntheticGeometry::Named("tiny");
    geometry.audio_context = 1500;
    geometry.vocabulary = kVocabulary;
    ASSERT_TRUE(weights::WriteSynthetic(dir_.path() + "/model", {.geometry = geometry}));
    checkpoint_ = *weights::Checkpoint::Open(dir_.path() + "/model");
    encoder_ = *model::AudioEncoder::Load(*backend_, *checkpoint_, kernels::Storage::kF32);
    adaptor_ = *model::Adaptor::Load(*backend_, *checkpoint_, kernels::Storage::kF32);
    decoder_ = *model::Decoder::Load(*backend_, *checkpoint_, kernels::Storage::kF32);
    engine::EngineConfig config;
    config.kv_type = engine::KvType::kF32;
    config.kv_pages = 512;
    engine_ = *engine::SimulatedEngine::Make(
        {.backend = backend_.get(),
         .decoder = decoder_.get(),
         .tokenizer = tokenizer_.get(),
         .encoder = encoder_.get(),
         .adaptor = adaptor_.get()},
        config, {.step_us = 50000},  // slow enough to think on while the user speaks
        {.now = [this] { return executor_->Now(); },
         .at = [this](Time when,
                      std::function<void()> work) { executor_->At(when, std::move(work)); }});
    recorder_ = std::make_unique<Recorder>(*engine_, words_, *executor_);
  }

  PromptPieces Pieces() const {
    PromptPieces pieces;
    pieces.system = {1, 20, 21, 22};
    pieces.user_open = {2, 30};
    pieces.audio_open = {kAudioOpen};
    pieces.audio_close = {kAudioClose};
    pieces.answer_open = {kEnd, 31};
    pieces.think_open = {kEnd, 31, 40};
    pieces.no_think_open = {kEnd, 31, 40, 41};
    pieces.answer_close = {kEnd};
    pieces.stop = {kEnd};
    return pieces;
  }

  void Open() {
    ConversationConfig config;
    config.conversation.max_tokens = 500;
    config.mind.style = ThinkingStyle::kDrafted;
    config.mind.effort = Effort::kLow;
    config.mind.low_thought_tokens = 12;
    config.mind.thought_tokens = 64;
    config.mind.answer_tokens = 16;
    config.mind.think_every_ms = 800;
    config.mind.think_from_words = 1;
    ConversationParts parts;
    parts.executor = executor_;
    parts.engine = recorder_.get();
    parts.tokenizer = tokenizer_;
    parts.prompt = Pieces();
    parts.hears_frames = true;
    parts.voice_activity = std::make_unique<SimVoiceActivity>(
        executor_, std::make_unique<test::FakeVoiceActivity>(), VoiceCosts());
    parts.turn_end = &turn_end_worker_;
    parts.voice = &voice_worker_;
    session_ = *LocalSession::Open(config, std::move(parts),
                                   [this](const Event& event) { events_.push_back(event); });
  }

  void Say(const std::string& words, int64_t ms) {
    const std::vector<float> more = words_.Say(words, ms * 16);
    sound_.insert(sound_.end(), more.begin(), more.end());
  }
  void Silence(int64_t ms) { sound_.resize(sound_.size() + static_cast<size_t>(ms * 16), 0.0F); }
  void Run(int64_t ms) {
    constexpr size_t kBlock = 320;
    for (size_t at = 0; at + kBlock <= static_cast<size_t>(ms * 16); at += kBlock) {
      executor_->At(TimeOfSample(static_cast<int64_t>(at + kBlock)), [this, at] {
        std::vector<float> block(kBlock, 0.0F);
        for (size_t i = 0; i < kBlock && at + i < sound_.size(); ++i) block[i] = sound_[at + i];
        session_->PushSound(block);
      });
    }
    executor_->RunUntil(Time(milliseconds(ms)));
  }
  std::vector<TurnTrace> Traces() const {
    std::vector<TurnTrace> traces;
    for (const Event& event : events_) {
      if (const auto* done = std::get_if<TurnDone>(&event.what)) traces.push_back(done->trace);
    }
    return traces;
  }

  // What the model answers when it hears `sound` as one and reads the ids around it.
  std::vector<TokenId> FreshAnswer(const std::vector<TokenId>& prompt, PcmView sound,
                                   int32_t tokens) {
    std::shared_ptr<const engine::Embeddings> rows;
    engine_->Encode(sound, engine::Urgency::kSpeculation,
                    [&](Result<std::shared_ptr<const engine::Embeddings>> encoded) {
                      ASSERT_TRUE(encoded) << encoded.error().message;
                      rows = *encoded;
                    });
    executor_->RunUntil(executor_->Now() + milliseconds(2000));
    auto sequence = *engine_->Open(400);
    std::vector<TokenId> run;
    bool frames = false;
    const auto flush = [&] {
      if (!run.empty()) {
        engine_->Append(sequence, {std::exchange(run, {})}, engine::Urgency::kFirstWords, nullptr);
      }
    };
    int32_t count = 0;
    for (const TokenId id : prompt) {
      count += id < 0 ? 1 : 0;
      if (id >= 0) {
        run.push_back(id);
      } else if (!std::exchange(frames, true)) {
        flush();
        engine_->Append(sequence, {.embeddings = rows}, engine::Urgency::kFirstWords, nullptr);
      }
    }
    flush();
    EXPECT_EQ(count, rows->rows().rows) << "the trunk holds the rows of the whole turn";
    auto log = std::make_shared<test::TokenLog>();
    engine_->Generate(sequence, {.max_tokens = tokens, .stop_ids = {kEnd}}, log);
    executor_->RunUntil(executor_->Now() + milliseconds(5000));
    return log->tokens;
  }

  test::TempDir dir_;
  std::shared_ptr<SimExecutor> executor_ = std::make_shared<SimExecutor>();
  std::unique_ptr<kernels::Backend> backend_ = kernels::MakeReferenceBackend();
  std::unique_ptr<weights::Checkpoint> checkpoint_;
  std::unique_ptr<model::AudioEncoder> encoder_;
  std::unique_ptr<model::Adaptor> adaptor_;
  std::unique_ptr<model::Decoder> decoder_;
  std::shared_ptr<SmallTokenizer> tokenizer_ = std::make_shared<SmallTokenizer>();
  std::unique_ptr<engine::SimulatedEngine> engine_;
  test::SpokenWords words_;
  std::unique_ptr<Recorder> recorder_;
  test::FakeTurnEnd turn_end_;
  test::ToneSynthesizer voice_;
  SimTurnEndWorker turn_end_worker_{*executor_, turn_end_, VoiceCosts()};
  SimVoiceWorker voice_worker_{*executor_, voice_, VoiceCosts()};
  std::vector<Event> events_;
  std::vector<float> sound_;
  std::unique_ptr<LocalSession> session_;
};

TEST_F(FramesTalk, TheTrunkIsSoundAndTheAnswerStandsOnTheWholeOfIt) {
  Open();
  Silence(500);
  Say("how many red apples are in the box", 3200);
  Run(9000);
  const std::vector<TurnTrace> traces = Traces();
  ASSERT_EQ(traces.size(), 1U);
  const TurnTrace& trace = traces[0];
  EXPECT_EQ(trace.transcript, "how many red apples are in the box");

  // While the user spoke: a block every 400 ms, each with the sound before it.
  int blocks = 0, whole = 0;
  for (const Recorder::Encoding& encoding : recorder_->encodings) {
    (encoding.urgent ? whole : blocks) += 1;
  }
  EXPECT_GE(blocks, 6);
  EXPECT_EQ(whole, 1);
  // A draft at every checkpoint, each on more sound than the one before; then the answer.
  ASSERT_GE(recorder_->forks.size(), 4U);
  for (size_t i = 1; i + 1 < recorder_->forks.size(); ++i) {
    EXPECT_GT(recorder_->forks[i].at, recorder_->forks[i - 1].at) << "fork " << i;
  }
  EXPECT_GT(trace.thought_tokens_listening, 0);

  // The trunk went back to where the turn's sound begins, and got the rows of the whole.
  const auto begin = static_cast<engine::Position>(7);  // system, user_open, audio_open
  EXPECT_TRUE(std::any_of(recorder_->rollbacks.begin(), recorder_->rollbacks.end(),
                          [&](const auto& rollback) { return rollback.second == begin; }));
  const auto frames = std::count_if(trace.prompt_ids.begin(), trace.prompt_ids.end(),
                                    [](TokenId id) { return id < 0; });
  EXPECT_GE(frames, 40);
  EXPECT_EQ(trace.prompt_ids[6], kAudioOpen);
  EXPECT_EQ(trace.prompt_ids[static_cast<size_t>(7 + frames)], kAudioClose);

  // Bit for bit what a fresh reading of the whole sound gives.
  const Recorder::Encoding& last =
      *std::find_if(recorder_->encodings.begin(), recorder_->encodings.end(),
                    [](const Recorder::Encoding& encoding) { return encoding.urgent; });
  EXPECT_GE(last.sound.size(),
            3200U * 16);  // from a little before the voice to the silence behind it
  // Marks that the model writes are none of what it says.
  std::vector<TokenId> fresh = FreshAnswer(trace.prompt_ids, std::vector<float>(last.sound), 16);
  std::erase_if(fresh, [this](TokenId id) { return tokenizer_->IsSpecial(id); });
  EXPECT_EQ(fresh, trace.answer_ids);
  EXPECT_FALSE(trace.answer_ids.empty());
}

TEST_F(FramesTalk, ItsHistoryKeepsTheSoundAndTheSpokenText) {
  Open();
  Silence(500);
  Say("how many red apples are in the box", 3200);
  Silence(5300);
  Say("and how many green ones", 2000);
  Run(17000);
  const std::vector<TurnTrace> traces = Traces();
  ASSERT_EQ(traces.size(), 2U);
  const Trunk& trunk = session_->conversation().trunk();
  EXPECT_EQ(trunk.exchanges().size(), 2U);
  // No thought, no draft: sound between its marks, and what was said.
  const std::vector<TokenId>& ids = trunk.ids();
  const auto opens = std::count(ids.begin(), ids.end(), kAudioOpen);
  EXPECT_EQ(opens, 2);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), kAudioClose), 2);
  EXPECT_EQ(
      std::count(ids.begin(), ids.end(), TokenId{40}) > 0,
      std::count(traces[0].answer_ids.begin(), traces[0].answer_ids.end(), TokenId{40}) +
              std::count(traces[1].answer_ids.begin(), traces[1].answer_ids.end(), TokenId{40}) >
          0)
      << "the opening of a thought has left";
  // The second answer stood on the first turn's sound too.
  EXPECT_TRUE(std::equal(ids.begin(),
                         ids.begin() + static_cast<int64_t>(trunk.exchanges()[1].begin),
                         traces[1].prompt_ids.begin()));
  EXPECT_EQ(engine_->stats().sequences, 1);
}

TEST_F(FramesTalk, WhatIsTypedWhileTheUserSpeaksStandsBehindTheSound) {
  Open();
  Silence(500);
  Say("how many red apples are in the box", 3200);
  executor_->At(Time(milliseconds(1500)), [this] { session_->PushText("the big one"); });
  Run(9000);
  const std::vector<TurnTrace> traces = Traces();
  ASSERT_EQ(traces.size(), 1U);
  EXPECT_EQ(traces[0].transcript, "how many red apples are in the box\nthe big one");
  EXPECT_FALSE(traces[0].answer_ids.empty());
  std::vector<TokenId> typed = tokenizer_->Encode("the big one", model::SpecialTokens::kAsText);
  typed.insert(typed.begin(), kAudioClose);
  typed.push_back(kEnd);  // of the user's turn
  for (const auto& ids : {traces[0].prompt_ids, session_->conversation().trunk().ids()}) {
    EXPECT_GE(std::count_if(ids.begin(), ids.end(), [](TokenId id) { return id < 0; }), 40);
    EXPECT_NE(std::search(ids.begin(), ids.end(), typed.begin(), typed.end()), ids.end());
  }
}

TEST_F(FramesTalk, APauseThatWasNoneKeepsItsExactRows) {
  turn_end_.probability = 0.1F;
  Open();
  Silence(500);
  Say("how many red apples", 1600);
  Silence(400);
  Say("are in the box", 1600);
  Run(9000);
  const std::vector<TurnTrace> traces = Traces();
  ASSERT_EQ(traces.size(), 1U);
  EXPECT_EQ(traces[0].transcript, "how many red apples are in the box");
  int whole = 0;
  for (const Recorder::Encoding& encoding : recorder_->encodings) whole += encoding.urgent ? 1 : 0;
  EXPECT_GE(whole, 2);
}

}  // namespace
}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
#include "app/runtime.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "app/locate.h"
#include "app/placed_session.h"
#include "app/replica.h"
#include "app/resident_memory.h"
#include "engine/local_engine.h"
#include "engine/pool_engine.h"
#include "engine/simulated_engine.h"
#include "model/chat_template.h"
#include "model/tokenizer.h"
#include "nn/turn_end.h"
#include "nn/voice_activity.h"
#include "realtime/asio_executor.h"
#include "realtime/mind/note_format.h"
#include "realtime/mind/system_text.h"
#include "realtime/sim_executor.h"
#include "realtime/sim_workers.h"
#include "realtime/tools/builtin_tools.h"
#include "realtime/turn_end_worker.h"
#include "realtime/voice_worker.h"
#include "tts/voice.h"
#include "weights/checkpoint.h"
#include "weights/low_rank_update.h"

namespace parley::app {
namespace {

class LoadedRuntime final : public Runtime {
 public:
  static Result<std::unique_ptr<Runtime>> Load(const AppConfig& config, const std::string& model,
                                               Pace pace) {
    std::unique_ptr<LoadedRuntime> runtime(new LoadedRuntime(config));
    PARLEY_TRY_STATUS(runtime->LoadModels(model));
    PARLEY_TRY_STATUS(pace == Pace::kSimulated ? runtime->StartSimulated() : runtime->StartReal());
    return std::unique_ptr<Runtime>(std::move(runtime));
  }

  // Simulated time ends here; a talk that was closed since it last ran waits in it to be destroyed.
  ~LoadedRuntime() override {
    if (sim_executor_ != nullptr) sim_executor_->Drop();
  }

  realtime::Executor& executor() override { return *executor_; }
  engine::Engine& engine() override { return *engine_; }
  size_t replicas() const override { return engine_->replicas(); }
  size_t replicas_lost() const override { return engine_->replicas_lost(); }
  int voice_rate_hz() const override { return voice_->sample_rate_hz(); }
  const std::vector<MemoryShare>& memory() const override { return memory_; }

  std::shared_ptr<realtime::Executor> NewStrand() override { return talk_threads_->NewStrand(); }
  engine::TranscribeLane NewLane() override { return engine::TranscribeLane{++lanes_}; }
  realtime::VoiceWorker& voice_worker() override { return *voice_worker_; }
  std::shared_ptr<const model::Tokenizer> tokenizer() const override { return tokenizer_; }
  std::shared_ptr<const model::ChatTemplate> chat() const override { return template_; }
  const realtime::Style& style() const override { return style_; }

  Result<std::unique_ptr<realtime::Session>> NewSession(realtime::EventSink sink) override {
    return NewSession(executor_, std::move(sink), std::nullopt);
  }

  Result<std::unique_ptr<realtime::Session>> NewSession(
      std::shared_ptr<realtime::Executor> strand, realtime::EventSink sink,
      std::optional<realtime::Effort> effort) override {
    realtime::ConversationConfig talk = config_.talk;
    talk.mind.effort = effort.value_or(talk.mind.effort);
    realtime::ConversationParts parts;
    parts.executor = strand;
    parts.lane = NewLane();
    parts.tokenizer = tokenizer_;
    parts.style = style_;
    parts.hears_frames = replicas_.front()->hears_frames();
    parts.tools = std::make_unique<realtime::ToolRunner>(config_.talk.tools, strand);
    PARLEY_TRY_STATUS(realtime::OfferBuiltinTools(
        config_.talk.tools, strand, [] { return std::chrono::system_clock::now(); }, *parts.tools));
    parts.prompt = realtime::PiecesOf(
        *template_, realtime::SystemText(config_.talk.mind, style_, parts.tools->specs()));
    if (parts.hears_frames && style_.style == realtime::ThinkingStyle::kInterleaved) {
      parts.prompt = realtime::FramePieces(std::move(parts.prompt), style_,
                                           talk.mind.effort != realtime::Effort::kMinimal);
    }
    // The system's words may be replaced; the tools stay offered in them.
    parts.system_turn = [chat = template_, mind = config_.talk.mind, style = style_,
                         tools = parts.tools->specs()](std::string_view words) {
      realtime::MindConfig told = mind;
      told.system_prompt = words;
      return realtime::PiecesOf(*chat, realtime::SystemText(told, style, tools)).system;
    };
    PARLEY_TRY(parts.voice_activity, voice_activity_->Another());
    parts.turn_end = turn_end_worker_.get();
    parts.voice = voice_worker_.get();
    return OpenPlacedSession(*engine_, talk, std::move(parts), std::move(sink));
  }

  void RunUntil(const std::atomic<bool>& finished) override {
    if (sim_executor_ == nullptr) {
      finished.wait(false);
      return;
    }
    while (!finished && sim_executor_->RunOne()) {
    }
  }

 private:
  explicit LoadedRuntime(const AppConfig& config) : config_(config) {}

  template <class Load>
  Status Measured(const std::string& what, Load load) {
    const int64_t before = ResidentBytes();
    PARLEY_TRY_STATUS(load());
    ReturnFreeMemory();
    memory_.push_back({what, static_cast<size_t>(std::max<int64_t>(0, ResidentBytes() - before))});
    return {};
  }

  Status LoadModels(const std::string& model) {
    const std::string root = config_.models.Dir();
    memory_.push_back({"program", static_cast<size_t>(ResidentBytes())});
    // What takes the most while it loads comes first, when little else is there: a model that an update is merged into
    // stands in memory twice for a moment, in its file and packed. So the peak is that of the talk.
    PARLEY_TRY_STATUS(Measured("language model", [&] {
      return LoadLanguageModel(root, model.empty() ? config_.models.language_model : model);
    }));
    PARLEY_TRY_STATUS(Measured("transcriber", [&] { return LoadTranscriber(root); }));
    PARLEY_TRY_STATUS(
        Measured("voice activity and turn end", [&] { return LoadTurnNetworks(root); }));
    PARLEY_TRY_STATUS(Measured("voice", [&] { return LoadVoice(root); }));
    return {};
  }

  Status LoadVoice(const std::string& root) {
    std::string path;
    if (config_.voice.kind == tts::VoiceKind::kPiper) {
      PARLEY_TRY(path, LocateModel(root, config_.models.voice));
    }
    PARLEY_TRY(voice_, tts::OpenVoice(path, config_.voice));
    return {};
  }

  Status LoadTurnNetworks(const std::string& root) {
    PARLEY_TRY(const std::string silero, LocateModel(root, "silero-vad"));
    PARLEY_TRY(const std::string silero_file, FileIn(silero, ".onnx"));
    PARLEY_TRY(voice_activity_, nn::LoadSilero(silero_file));
    PARLEY_TRY(const std::string turn, LocateModel(root, "smart-turn-v3"));
    PARLEY_TRY(const std::string turn_file, FileIn(turn, ".onnx"));
    PARLEY_TRY(turn_end_, nn::LoadSmartTurn(turn_file));
    return {};
  }

  Status LoadTranscriber(const std::string& root) {
    PARLEY_TRY(const std::string path, LocateModel(root, config_.models.transcriber));
    for (const auto& replica : replicas_) PARLEY_TRY_STATUS(replica->LoadTranscriber(path));
    return {};
  }

  Status LoadLanguageModel(const std::string& root, const std::string& name) {
    PARLEY_TRY(const std::vector<ReplicaDevices> pool, ParsePool(config_.pool.replicas));
    PARLEY_TRY(const LanguageModelFiles files, LocateLanguageModel(root, name));
    std::unique_ptr<weights::Checkpoint> checkpoint;
    if (files.updates.empty()) {
      PARLEY_TRY(checkpoint, weights::Checkpoint::Open(files.weights));
    } else {
      PARLEY_TRY(checkpoint,
                 weights::OpenUpdated(files.weights, files.updates, config_.models.MergedFormat()));
    }
    model::Ears ears = model::EarsOf(*checkpoint);
    std::unique_ptr<weights::Checkpoint> encoder, adaptor;
    if (!files.adaptor.empty()) {
      PARLEY_TRY(encoder, weights::Checkpoint::Open(files.encoder));
      PARLEY_TRY(adaptor, weights::Checkpoint::Open(files.adaptor));
      ears = {encoder.get(), adaptor.get()};
    }
    for (const ReplicaDevices& devices : pool) {
      PARLEY_TRY(auto replica, Replica::Load(devices, config_, *checkpoint, ears));
      replicas_.push_back(std::move(replica));
    }
    if (checkpoint->format() == "gguf") {
      PARLEY_TRY(tokenizer_, model::Tokenizer::FromGguf(*checkpoint));
    } else {
      PARLEY_TRY(tokenizer_, model::Tokenizer::FromJson(files.weights + "/tokenizer.json"));
    }
    PARLEY_TRY(template_, model::ChatTemplate::For(tokenizer_));
    PARLEY_TRY(style_, realtime::ReadStyle(files.home, *tokenizer_));
    if (replicas_.front()->hears_frames() && template_->OpenAudio().empty() &&
        style_.style != realtime::ThinkingStyle::kInterleaved) {
      return Fail(Code::kCorruptData,
                  files.weights +
                      " has an audio encoder, and its tokenizer no <audio_start>; is the "
                      "tokenizer that of the model?");
    }
    return {};
  }

  // `make`: an engine of one replica.
  template <class Make>
  Status StartEngines(Make make) {
    std::vector<std::unique_ptr<engine::CallEngine>> engines;
    for (const auto& replica : replicas_) {
      const auto parts = replica->Parts(static_cast<int32_t>(engines.size()), tokenizer_.get());
      PARLEY_TRY(auto one, make(parts, replica->engine_config()));
      engines.push_back(std::move(one));
    }
    engine_ = std::make_unique<engine::PoolEngine>(std::move(engines));
    return {};
  }

  Status StartReal() {
    return Measured("engine", [&]() -> Status {
      talk_threads_ = std::make_unique<realtime::TalkThreads>(1);
      executor_ = talk_threads_->NewStrand();
      PARLEY_TRY_STATUS(StartEngines([this](const auto& parts, const auto& config) {
        return engine::LocalEngine::Make(parts, config, *executor_);
      }));
      turn_end_worker_ = std::make_unique<realtime::ThreadTurnEndWorker>(*turn_end_);
      voice_worker_ = std::make_unique<realtime::ThreadVoiceWorker>(*voice_);
      return {};
    });
  }

  Status StartSimulated() {
    return Measured("engine", [&]() -> Status {
      sim_executor_ = std::make_shared<realtime::SimExecutor>();
      executor_ = sim_executor_;
      const engine::Scheduler scheduler = {
          .now = [sim = sim_executor_.get()] { return sim->Now(); },
          .at = [sim = sim_executor_.get()](
                    Time when, std::function<void()> work) { sim->At(when, std::move(work)); }};
      PARLEY_TRY_STATUS(StartEngines([&](const auto& parts, const auto& config) {
        return engine::SimulatedEngine::Make(parts, config, config_.cost.engine, scheduler);
      }));
      voice_activity_ = std::make_unique<realtime::SimVoiceActivity>(
          sim_executor_, std::move(voice_activity_), config_.cost.voice);
      turn_end_worker_ = std::make_unique<realtime::SimTurnEndWorker>(*sim_executor_, *turn_end_,
                                                                      config_.cost.voice);
      voice_worker_ =
          std::make_unique<realtime::SimVoiceWorker>(*sim_executor_, *voice_, config_.cost.voice);
      return {};
    });
  }

  // Destroyed from the last to the first: threads before what they use.
  AppConfig config_;
  std::vector<MemoryShare> memory_;
  std::unique_ptr<tts::Synthesizer> voice_;
  std::unique_ptr<nn::VoiceActivity> voice_activity_;
  std::unique_ptr<nn::TurnEnd> turn_end_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::shared_ptr<const model::Tokenizer> tokenizer_;
  std::shared_ptr<const model::ChatTemplate> template_;
  realtime::Style style_;
  std::unique_ptr<realtime::TalkThreads> talk_threads_;
  std::shared_ptr<realtime::SimExecutor> sim_executor_;
  std::shared_ptr<realtime::Executor> executor_;
  std::unique_ptr<engine::PoolEngine> engine_;
  std::unique_ptr<realtime::TurnEndWorker> turn_end_worker_;
  std::unique_ptr<realtime::VoiceWorker> voice_worker_;
  std::atomic<int64_t> lanes_{0};
};

}  // namespace

Result<std::unique_ptr<Runtime>> Runtime::Load(const AppConfig& config, const std::string& model,
                                               Pace pace) {
  return LoadedRuntime::Load(config, model, pace);
}

}  // namespace parley::app

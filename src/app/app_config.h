// Everything an operator may change, section by section; configs/default.yaml is this tree with its defaults.
// Modules receive their own section by value, never the tree.
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/config_fields.h"
#include "engine/cost_table.h"
#include "engine/engine_config.h"
#include "kernels/backend.h"
#include "realtime/conversation_config.h"
#include "realtime/sim_workers.h"
#include "server/server_config.h"
#include "tts/voice_config.h"

namespace parley::app {

inline constexpr const char* kConfigHeading =
    "Every key that parley knows, with its default, its range and its meaning.\n"
    "Use --config FILE for another file (it needs only what differs) and --set key=value for one "
    "key.";

// How weights are kept that an update has changed.
enum class MergedWeights { k4Bit, k8Bit, kF32 };

struct ModelsConfig {
  std::string dir;
  std::string language_model = "nano";
  std::string transcriber = "whisper-base";
  std::string voice = "piper-en-us-joe";
  MergedWeights merged = MergedWeights::k8Bit;

  std::string Dir()
      const;  // where models live: `dir`, else $PARLEY_MODELS, else ~/.cache/parley/models
  kernels::WeightFormat MergedFormat() const;

  template <class V>
  void VisitFields(V&& v) {
    v("dir", dir, "where models live; empty: $PARLEY_MODELS, else ~/.cache/parley/models");
    v("language_model", language_model, "a name of `parley models list`, a file or a folder");
    v("transcriber", transcriber, "a name of `parley models list`, or a folder");
    v("voice", voice, "a name of `parley models list`, or a folder");
    v("merged", merged,
      EnumNames<MergedWeights>{{MergedWeights::k4Bit, "4bit"},
                               {MergedWeights::k8Bit, "8bit"},
                               {MergedWeights::kF32, "f32"}},
      "how weights are kept that a model's update has changed: less memory, or less loss");
  }
};

struct CpuConfig {
  int32_t threads = 0;
  bool huge_pages = true;

  template <class V>
  void VisitFields(V&& v) {
    v("threads", threads, Range{0, 256}, "threads of an engine; 0: one a core");
    v("huge_pages", huge_pages, "advise huge pages for weights and cache");
  }
};

// How a GPU keeps the language model's weights.
enum class GpuWeights { kBf16, kFp8 };

struct PoolConfig {
  std::string replicas;
  GpuWeights gpu_weights = GpuWeights::kBf16;

  template <class V>
  void VisitFields(V&& v) {
    v("replicas", replicas,
      "with commas between them: cpu, cuda:N, or cuda:N+M for one model over several GPUs; empty: "
      "cpu");
    v("gpu_weights", gpu_weights,
      EnumNames<GpuWeights>{{GpuWeights::kBf16, "bf16"}, {GpuWeights::kFp8, "fp8"}},
      "how GPUs keep the language model's weights");
  }
};

struct AskConfig {
  int32_t longest_answer_ms = 60000;

  template <class V>
  void VisitFields(V&& v) {
    v("longest_answer_ms", longest_answer_ms, Range{1000, 3600000},
      "`ask` ends this long after the file although an answer still plays [ms]");
  }
};

struct CostConfig {  // of the simulated clock; measured, configs/cost.yaml
  engine::CostTable engine;
  realtime::VoiceCosts voice;

  template <class V>
  void VisitFields(V&& v) {
    v("engine", engine, "what a step of the engine takes");
    v("voice", voice, "what the stages beside the engine take");
  }
};

struct AppConfig {
  ModelsConfig models;
  CpuConfig cpu;
  PoolConfig pool;
  engine::EngineConfig engine;
  realtime::ConversationConfig talk;
  tts::VoiceConfig voice;
  AskConfig ask;
  server::ServerConfig server;
  CostConfig cost;

  template <class V>
  void VisitFields(V&& v) {
    v("models", models, "what runs");
    v("cpu", cpu, "the processor");
    v("pool", pool, "replicas of the models; a talk is placed on one and stays there");
    v("engine", engine, "sequences, pages and steps");
    talk.VisitFields(v);  // turn, listen, mind, speak, conversation stand beside the others
    v("voice", voice, "text to speech");
    v("ask", ask, "parley ask");
    v("server", server, "parley serve");
    v("cost", cost, "the simulated clock of --pace fast: what every stage is charged");
  }
};

}  // namespace parley::app

// A replica of the pool: a device, or several GPUs as the ranks of one model, with the models that run on it.
//   pool.replicas: "cpu"                    one on the processor, which an empty list means too
//                  "cpu, cpu"               two, each with threads of its own (cpu.threads)
//                  "cuda:0, cuda:1"         two of one GPU each
//                  "cuda:0+1, cuda:2+3"     two of two GPUs each, tensor parallel
// Thread:   Open and Load: the main thread. The models are then the engine's of this replica.
// Memory:   weights on the device. The engine's pages: engine.kv_mb or kv_pages on the processor, what the weights leave
//           free on GPUs.
// Overload: a device that lacks memory is refused before anything is loaded, with what is missing and what would fit.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/app_config.h"
#include "common/result.h"
#include "engine/engine_core.h"
#include "model/audio_encoder.h"
#include "model/footprint.h"
#include "model/parallel_decoder.h"
#include "model/transcriber.h"

namespace parley::app {

struct ReplicaDevices {
  std::string name;       // as in the config
  std::vector<int> gpus;  // none: the processor
};
// Every GPU stands in one replica only.
Result<std::vector<ReplicaDevices>> ParsePool(std::string_view text);

class Replica {
 public:
  static Result<std::unique_ptr<Replica>> Load(const ReplicaDevices& devices,
                                               const AppConfig& config,
                                               const weights::Checkpoint& language_model,
                                               const model::Ears& ears);
  // The model has an encoder and an adaptor of its own: it hears sound, else words.
  bool hears_frames() const { return encoder_ != nullptr; }
  Status LoadTranscriber(const std::string& path);
  // As number `index` of the pool.
  engine::EngineParts Parts(int32_t index, const model::Tokenizer* tokenizer) const;
  const engine::EngineConfig& engine_config() const { return engine_config_; }

 private:
  Replica() = default;
  Status LoadOnCpu(const AppConfig& config, const weights::Checkpoint& language_model,
                   const model::Ears& ears);
  Status LoadOnGpus(const ReplicaDevices& devices, const AppConfig& config,
                    const weights::Checkpoint& language_model, const model::Ears& ears);
  Status LoadModel(std::vector<std::unique_ptr<kernels::Backend>> backends, const AppConfig& config,
                   const weights::Checkpoint& language_model, kernels::Storage storage);
  Status LoadEars(const model::Ears& ears, kernels::Storage storage);

  std::unique_ptr<model::ParallelModel> model_;
  std::unique_ptr<model::AudioEncoder> encoder_;  // on the first rank
  std::unique_ptr<model::Adaptor> adaptor_;
  engine::EncoderSlices encoder_slices_;
  std::unique_ptr<model::Transcriber> transcriber_;
  kernels::Backend* backend_ = nullptr;
  const model::Decoder* decoder_ = nullptr;
  engine::EngineConfig engine_config_;
};

}  // namespace parley::app

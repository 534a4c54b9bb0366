// SPDX-License-Identifier: Apache-2.0
#include "app/replica.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <set>
#include <utility>

#include "app/loading_progress.h"
#include "kernels/cuda_devices.h"
#include "model/footprint.h"

namespace parley::app {
namespace {

constexpr int kMostGpus = 8;
// A GPU encodes four sounds of 25 s, or eight layers of them, in the time of a decode step of a large model.
constexpr engine::EncoderSlices kGpuSlices{.sounds = 4, .layers = 8};

std::vector<std::string_view> Split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(at);
    std::string_view part = text.substr(0, end);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    parts.push_back(part);
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Result<ReplicaDevices> ParseReplica(std::string_view text) {
  ReplicaDevices devices{.name = std::string(text), .gpus = {}};
  if (text == "cpu") return devices;
  const Error wrong =
      Fail(Code::kInvalidArgument,
           "pool.replicas: found \"" + std::string(text) +
               "\"; a replica is cpu, cuda:N, or cuda:N+M for one model over several GPUs");
  if (!text.starts_with("cuda:")) return wrong;
  for (const std::string_view number : Split(text.substr(5), '+')) {
    int gpu = -1;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), gpu);
    if (error != std::errc() || end != number.data() + number.size() || gpu < 0) return wrong;
    devices.gpus.push_back(gpu);
  }
  if (devices.gpus.size() > kMostGpus) {
    return Fail(Code::kInvalidArgument, "pool.replicas: " + devices.name + " are " +
                                            std::to_string(devices.gpus.size()) +
                                            " GPUs; a model is cut over 8 at most");
  }
  return devices;
}

kernels::Storage StorageOf(GpuWeights weights) {
  return weights == GpuWeights::kFp8 ? kernels::Storage::kFp8Row : kernels::Storage::kBf16;
}

}  // namespace

Result<std::vector<ReplicaDevices>> ParsePool(std::string_view text) {
  std::vector<ReplicaDevices> replicas;
  if (text.find_first_not_of(' ') == std::string_view::npos) text = "cpu";
  std::set<int> seen;
  for (const std::string_view part : Split(text, ',')) {
    PARLEY_TRY(ReplicaDevices devices, ParseReplica(part));
    for (const int gpu : devices.gpus) {
      if (seen.insert(gpu).second) continue;
      return Fail(Code::kInvalidArgument, "pool.replicas names GPU " + std::to_string(gpu) +
                                              " twice; its memory holds one model");
    }
    replicas.push_back(std::move(devices));
  }
  return replicas;
}

Result<std::unique_ptr<Replica>> Replica::Load(const ReplicaDevices& devices,
                                               const AppConfig& config,
                                               const weights::Checkpoint& language_model,
                                               const model::Ears& ears) {
  std::unique_ptr<Replica> replica(new Replica());
  replica->engine_config_ = config.engine;
  Status loaded = devices.gpus.empty() ? replica->LoadOnCpu(config, language_model, ears)
                                       : replica->LoadOnGpus(devices, config, language_model, ears);
  if (!loaded) return Context("replica " + devices.name, std::move(loaded).error());
  return replica;
}

Status Replica::LoadOnCpu(const AppConfig& config, const weights::Checkpoint& language_model,
                          const model::Ears& ears) {
  std::vector<std::unique_ptr<kernels::Backend>> backends;
  backends.push_back(kernels::MakeCpuBackend(
      {.threads = config.cpu.threads, .huge_pages = config.cpu.huge_pages}));
  PARLEY_TRY_STATUS(
      LoadModel(std::move(backends), config, language_model, kernels::Storage::kAsIs));
  return LoadEars(ears, kernels::Storage::kAsIs);
}

Status Replica::LoadModel(std::vector<std::unique_ptr<kernels::Backend>> backends,
                          const AppConfig& config, const weights::Checkpoint& language_model,
                          kernels::Storage storage) {
  PARLEY_TRY(model_,
             model::ParallelModel::LoadOnDevices(std::move(backends), config.engine.step_rows,
                                                 config.engine.branches, language_model, storage));
  backend_ = &model_->backend();
  decoder_ = &model_->decoder();
  return {};
}

Status Replica::LoadEars(const model::Ears& ears, kernels::Storage storage) {
  if (ears.encoder == nullptr) return {};
  PARLEY_TRY(encoder_, model::AudioEncoder::Load(*backend_, *ears.encoder, storage, true));
  PARLEY_TRY(adaptor_, model::Adaptor::Load(*backend_, *ears.adaptor, storage));
  if (adaptor_->out_width() != decoder_->geometry().hidden) {
    return Fail(Code::kCorruptData,
                "the adaptor makes rows of " + std::to_string(adaptor_->out_width()) +
                    ", the decoder takes " + std::to_string(decoder_->geometry().hidden) +
                    "; are the files of one model?");
  }
  return {};
}

Status Replica::LoadOnGpus(const ReplicaDevices& devices, const AppConfig& config,
                           const weights::Checkpoint& language_model, const model::Ears& ears) {
  const std::vector<int>& gpus = devices.gpus;
  const auto count = static_cast<int32_t>(gpus.size());
  const kernels::Storage storage = StorageOf(config.pool.gpu_weights);
  PARLEY_TRY(const std::vector<kernels::CudaDevice> there, kernels::ListCudaDevices());
  int64_t free_bytes = INT64_MAX;
  for (const int gpu : gpus) {
    if (static_cast<size_t>(gpu) >= there.size()) {
      return Fail(Code::kNotFound, "there is no GPU " + std::to_string(gpu) +
                                       "; this machine has " + std::to_string(there.size()) +
                                       " (`parley doctor` lists them)");
    }
    free_bytes = std::min(free_bytes, there[static_cast<size_t>(gpu)].free_bytes);
  }
  PARLEY_TRY(const model::DecoderGeometry geometry, model::ReadDecoderGeometry(language_model));
  PARLEY_TRY_STATUS(model::CheckRanks(geometry, count));
  PARLEY_TRY_STATUS(model::CheckDecoderTensors(language_model, geometry));
  const int64_t positions = config.talk.conversation.max_tokens;
  encoder_slices_ = kGpuSlices;
  free_bytes -= model::EarsBytes(ears, kGpuSlices.sounds);
  PARLEY_TRY_STATUS(model::CheckFits(geometry, storage, count, free_bytes, positions));

  const auto progress = std::make_shared<LoadingProgress>(
      devices.name, count * model::RankWeightBytes(geometry, storage, count));
  std::vector<std::unique_ptr<kernels::Backend>> ranks;
  for (const int gpu : gpus) {
    PARLEY_TRY(auto backend,
               kernels::MakeCudaBackend({.device = gpu, .loaded = [progress](size_t bytes) {
                                           progress->Add(static_cast<int64_t>(bytes));
                                         }}));
    ranks.push_back(std::move(backend));
  }
  PARLEY_TRY_STATUS(LoadModel(std::move(ranks), config, language_model, storage));
  progress->End();
  // What the weights were to leave, as CheckFits counted it before they were there.
  engine_config_.kv_pages = static_cast<int32_t>(
      std::min<int64_t>(1 << 24, model::PagesThatFit(geometry, storage, count, free_bytes)));
  engine_config_.kv_type = engine::KvType::kBf16;
  return LoadEars(ears, kernels::Storage::kBf16);
}

Status Replica::LoadTranscriber(const std::string& path) {
  PARLEY_TRY(transcriber_, model::Transcriber::Load(*backend_, path));
  return {};
}

engine::EngineParts Replica::Parts(int32_t index, const model::Tokenizer* tokenizer) const {
  return {.backend = backend_,
          .decoder = decoder_,
          .tokenizer = tokenizer,
          .encoder = encoder_.get(),
          .adaptor = adaptor_.get(),
          .transcriber = transcriber_.get(),
          .replica = index,
          .encoder_slices = encoder_slices_};
}

}  // namespace parley::app

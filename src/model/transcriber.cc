// SPDX-License-Identifier: Apache-2.0
#include "model/transcriber.h"

#include <string>

#include "model/transcription_job.h"

namespace parley::model {
namespace {

class WhisperTranscriber final : public Transcriber {
 public:
  explicit WhisperTranscriber(WhisperModel model) : model_(std::move(model)) {}

  std::unique_ptr<TranscriptionJob> NewJob() const override {
    return std::make_unique<WhisperJob>(model_);
  }
  const Tokenizer& tokenizer() const override { return *model_.tokenizer; }
  size_t weight_bytes() const override {
    return model_.encoder->weight_bytes() + model_.decoder->weight_bytes();
  }
  int32_t window_ms() const override { return model_.window_ms(); }

 private:
  WhisperModel model_;
};

Result<WhisperModel> LoadModel(kernels::Backend& backend, const std::string& path,
                               kernels::Storage storage) {
  PARLEY_TRY(const auto checkpoint, weights::Checkpoint::Open(path));
  WhisperModel model{.backend = backend,
                     .encoder = nullptr,
                     .decoder = nullptr,
                     .tokenizer = nullptr,
                     .vocabulary = {}};
  PARLEY_TRY(model.encoder, AudioEncoder::Load(backend, *checkpoint, storage));
  PARLEY_TRY(model.decoder, WhisperDecoder::Load(backend, *checkpoint, storage));
  PARLEY_TRY(model.tokenizer, Tokenizer::FromJson(path + "/tokenizer.json"));
  PARLEY_TRY(model.vocabulary, ReadWhisperVocabulary(*checkpoint, *model.tokenizer,
                                                     model.decoder->geometry().vocabulary));
  return model;
}

}  // namespace

Result<std::unique_ptr<Transcriber>> Transcriber::Load(kernels::Backend& backend,
                                                       const std::string& path,
                                                       kernels::Storage storage) {
  auto model = LoadModel(backend, path, storage);
  if (!model) return Context("loading the transcriber from " + path, std::move(model).error());
  return std::unique_ptr<Transcriber>(std::make_unique<WhisperTranscriber>(*std::move(model)));
}

}  // namespace parley::model

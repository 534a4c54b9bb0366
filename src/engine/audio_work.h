// Encodings and transcriptions in slices of a few milliseconds, so that a decode step fits between any two of them.
// A lane of transcription holds one request at work and none behind it: a newer one takes its place (kCancelled).
// Lanes of one urgency take turns, slice by slice; none waits more than 64 slices of others.
// Encodings that wait when one begins go together with it, as far as the state has room; they end together.
// Thread:   one owner (the engine's step).
// Memory:   one state for encoding; rooms for embeddings, used again; `transcriptions` jobs, made on first use and kept:
//           each serves the lane that used it last first, because a job may reuse what it knows of the same leading sound.
// Overload: at most `waiting` encodings and as many lanes; more are refused with kExhausted.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "engine/calls.h"
#include "engine/step_report.h"
#include "features/log_mel.h"
#include "model/audio_encoder.h"
#include "model/transcriber.h"

namespace parley::engine {

// Of how much is encoded at a time: what a device does in a few milliseconds.
struct EncoderSlices {
  int32_t sounds = 1;  // in one batch
  int32_t layers = 1;  // of a slice
};

struct AudioParts {
  kernels::Backend* backend = nullptr;
  const model::AudioEncoder* encoder =
      nullptr;  // with adaptor, or null: the model has no ears of its own
  model::Adaptor* adaptor = nullptr;
  const model::Transcriber* transcriber = nullptr;  // or null
  EncoderSlices slices{};
};

class AudioWork {
 public:
  AudioWork(const AudioParts& parts, int32_t transcriptions, int32_t waiting);

  void Encode(EncodeCall call, Notices& notices);
  void Transcribe(TranscribeCall call, Notices& notices);
  std::optional<Urgency> urgency()
      const;  // of the most urgent slice that could run; none when idle

  // Runs one slice of the most urgent work.
  void Advance(StepReport& report, Notices& notices);
  // What the slice worked on, when the device failed under it.
  void FailLast(const Error& error, Notices& notices);

  int64_t superseded() const { return superseded_; }
  int64_t refused() const { return refused_; }

 private:
  struct Encoding {
    EncodeCall call;
    int64_t served = 0;
  };
  struct Job {
    std::unique_ptr<model::TranscriptionJob> job;
    TranscribeLane lane;  // that used it last
    bool busy = false;
    int64_t served = 0;
  };
  struct Lane {
    TranscribeLane id;
    TranscribeCall call;
    Job* job = nullptr;  // at work, or null: it waits
    int64_t served = 0;
  };

  Lane* MostUrgentLane();
  Encoding* MostUrgentEncoding();
  Job* JobFor(TranscribeLane lane);
  bool CanRun(const Lane& lane) const;
  std::tuple<bool, Urgency, int64_t> Order(Urgency urgency, int64_t served) const;
  void AdvanceEncoding(StepReport& report, Notices& notices);
  Status BeginEncoding();
  Status BeginWithFeatures(std::span<const int32_t> frames);
  std::shared_ptr<const kernels::Tensor> RoomFor(int32_t rows);
  void FinishEncoding(Result<std::shared_ptr<const Embeddings>> result, Notices& notices);
  void AdvanceLane(Lane& lane, StepReport& report, Notices& notices);
  void FinishLane(Lane& lane, Result<model::Transcript> result, Notices& notices);

  AudioParts parts_;
  size_t waiting_;
  std::deque<Encoding> encodings_;
  size_t at_work_ = 0;  // the first so many
  model::EncoderState encoder_state_;
  std::optional<features::LogMel> mel_;
  std::vector<std::vector<float>> mel_rows_;
  std::vector<std::shared_ptr<const kernels::Tensor>>
      rooms_;                // of embeddings; free when nobody else holds one
  std::vector<Lane> lanes_;  // with a request
  std::vector<Job> jobs_;
  int64_t slices_ = 0;
  int64_t superseded_ = 0;
  int64_t refused_ = 0;
  bool last_was_encoding_ = false;
  TranscribeLane last_lane_;
};

}  // namespace parley::engine

// SPDX-License-Identifier: Apache-2.0
#include "engine/audio_work.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "common/check.h"
#include "engine/embeddings.h"

namespace parley::engine {
namespace {

constexpr int64_t kAgedAfter = 64;  // slices
constexpr size_t kRooms = 16;      // for embeddings; more are made when more are held, and not kept
constexpr int32_t kRoomRows = 32;  // a room's rows are a power of two times that

// Frames of 10 ms for the flavour that the encoder's bins name.
int FramesFor(int32_t mels, size_t samples) {
  const auto n = static_cast<int64_t>(samples);
  return mels == features::kStepAudioMels ? features::StepAudioFrames(n) : features::MelFrames(n);
}

}  // namespace

AudioWork::AudioWork(const AudioParts& parts, int32_t transcriptions, int32_t waiting)
    : parts_(parts), waiting_(static_cast<size_t>(waiting)) {
  jobs_.resize(static_cast<size_t>(transcriptions));
  if (parts_.encoder != nullptr) {
    const model::EncoderGeometry& geometry = parts_.encoder->geometry();
    encoder_state_ = parts_.encoder->NewState(2 * geometry.positions, parts_.slices.sounds);
    mel_.emplace(geometry.mels);
  }
}

void AudioWork::Encode(EncodeCall call, Notices& notices) {
  const auto refuse = [&](Code code, std::string why) {
    ++refused_;
    notices.push_back(EncodedNotice{std::move(call.encoded), Fail(code, std::move(why))});
  };
  if (parts_.encoder == nullptr || parts_.adaptor == nullptr) {
    return refuse(Code::kUnsupported, "this model hears words, not sound: it has no audio encoder");
  }
  const int frames = FramesFor(mel_->mels(), call.sound.size());
  const int32_t most = encoder_state_.max_frames;
  if (call.sound.empty() || frames > most) {
    return refuse(Code::kInvalidArgument, "a sound of " + std::to_string(frames) +
                                              " frames; the encoder takes 1 to " +
                                              std::to_string(most));
  }
  if (encodings_.size() >= waiting_) {
    return refuse(Code::kExhausted, std::to_string(waiting_) + " encodings wait already");
  }
  encodings_.push_back({.call = std::move(call), .served = slices_});
}

void AudioWork::Transcribe(TranscribeCall call, Notices& notices) {
  const auto refuse = [&](Code code, std::string why) {
    ++refused_;
    notices.push_back(TranscribedNotice{std::move(call.transcribed), Fail(code, std::move(why))});
  };
  if (parts_.transcriber == nullptr) {
    return refuse(Code::kUnsupported, "no transcriber was loaded");
  }
  const auto same = std::ranges::find(lanes_, call.lane, &Lane::id);
  if (same != lanes_.end()) {
    ++superseded_;
    notices.push_back(
        TranscribedNotice{std::move(same->call.transcribed),
                          Fail(Code::kCancelled, "superseded by a newer transcription")});
    if (same->job != nullptr) same->job->busy = false;
    same->job = nullptr;
    same->call = std::move(call);
    return;
  }
  if (lanes_.size() >= waiting_) {
    return refuse(Code::kExhausted, std::to_string(waiting_) + " transcriptions wait already");
  }
  Lane lane;
  lane.id = call.lane;
  lane.call = std::move(call);
  lane.served = slices_;
  lanes_.push_back(std::move(lane));
}

// Who goes first: whoever has waited for long, then by urgency, then in turns.
std::tuple<bool, Urgency, int64_t> AudioWork::Order(Urgency urgency, int64_t served) const {
  return {slices_ - served < kAgedAfter, urgency, served};
}

bool AudioWork::CanRun(const Lane& lane) const {
  return lane.job != nullptr || std::ranges::any_of(jobs_, [](const Job& j) { return !j.busy; });
}

std::optional<Urgency> AudioWork::urgency() const {
  std::optional<Urgency> most;
  for (const Encoding& encoding : encodings_) {
    most = std::min(most.value_or(encoding.call.urgency), encoding.call.urgency);
  }
  for (const Lane& lane : lanes_) {
    if (CanRun(lane)) most = std::min(most.value_or(lane.call.urgency), lane.call.urgency);
  }
  return most;
}

AudioWork::Lane* AudioWork::MostUrgentLane() {
  Lane* best = nullptr;
  for (Lane& lane : lanes_) {
    if (!CanRun(lane)) continue;
    if (best == nullptr ||
        Order(lane.call.urgency, lane.served) < Order(best->call.urgency, best->served)) {
      best = &lane;
    }
  }
  return best;
}

// One batch is at work at a time: it is short, and its state is large.
AudioWork::Encoding* AudioWork::MostUrgentEncoding() {
  if (encodings_.empty()) return nullptr;
  if (at_work_ == 0) {
    std::stable_sort(encodings_.begin(), encodings_.end(),
                     [](const auto& a, const auto& b) { return a.call.urgency < b.call.urgency; });
  }
  return &encodings_.front();
}

void AudioWork::Advance(StepReport& report, Notices& notices) {
  Encoding* encoding = MostUrgentEncoding();
  Lane* lane = MostUrgentLane();
  PARLEY_CHECK(encoding != nullptr || lane != nullptr, "no audio work");
  ++slices_;
  last_was_encoding_ =
      lane == nullptr || (encoding != nullptr && Order(encoding->call.urgency, encoding->served) <=
                                                     Order(lane->call.urgency, lane->served));
  if (last_was_encoding_) {
    encoding->served = slices_;
    AdvanceEncoding(report, notices);
  } else {
    lane->served = slices_;
    last_lane_ = lane->id;
    AdvanceLane(*lane, report, notices);
  }
}

void AudioWork::AdvanceEncoding(StepReport& report, Notices& notices) {
  ++report.encoder_slices;
  if (at_work_ == 0) {
    at_work_ = std::min(encodings_.size(), static_cast<size_t>(parts_.slices.sounds));
    if (const Status begun = BeginEncoding(); !begun.has_value()) {
      return FinishEncoding(begun.error(), notices);
    }
    report.encoder_rows += encoder_state_.rows;
    return;
  }
  bool finished = false;
  for (int32_t i = 0; i < parts_.slices.layers && !finished; ++i) {
    report.encoder_rows += encoder_state_.rows;
    finished = parts_.encoder->Advance(encoder_state_);
  }
  if (!finished) return;
  int32_t rows = 0;
  for (const int32_t count : encoder_state_.sound_out_rows) rows += parts_.adaptor->OutRows(count);
  const auto room = RoomFor(rows);
  if (room == nullptr) return;  // the backend says why when it is polled
  const kernels::TensorView out = room->view().Rows(0, rows);
  parts_.adaptor->Forward(encoder_state_.out.view().Rows(0, encoder_state_.out_rows),
                          encoder_state_.sound_out_rows, out);
  FinishEncoding(std::make_shared<const Embeddings>(room, out), notices);
}

Status AudioWork::BeginEncoding() {
  std::vector<int32_t> frames;
  std::vector<PcmView> sounds;
  for (size_t i = 0; i < at_work_; ++i) {
    sounds.emplace_back(encodings_[i].call.sound);
    frames.push_back(FramesFor(mel_->mels(), sounds.back().size()));
  }
  if (parts_.backend->makes_log_mel()) return parts_.encoder->Begin(sounds, frames, encoder_state_);
  return BeginWithFeatures(frames);
}

Status AudioWork::BeginWithFeatures(std::span<const int32_t> frames) {
  const int32_t mels = mel_->mels();
  mel_rows_.resize(std::max(mel_rows_.size(), frames.size()));
  std::vector<kernels::TensorView> views;
  for (size_t i = 0; i < frames.size(); ++i) {
    mel_rows_[i].resize(static_cast<size_t>(frames[i]) * static_cast<size_t>(mels));
    mel_->Compute(encodings_[i].call.sound, frames[i], mel_rows_[i]);
    views.push_back({.data = mel_rows_[i].data(),
                     .dtype = kernels::DType::kF32,
                     .rows = frames[i],
                     .cols = mels,
                     .stride = mels});
  }
  return parts_.encoder->Begin(views, {}, encoder_state_);
}

// Memory of a device is dear to get and to give back. Only the engine's thread hands rooms out, so one that nobody else
// holds stays free until then.
std::shared_ptr<const kernels::Tensor> AudioWork::RoomFor(int32_t rows) {
  for (const auto& room : rooms_) {
    if (room.use_count() == 1 && room->view().rows >= rows) return room;
  }
  int32_t size = kRoomRows;
  while (size < rows) size *= 2;
  kernels::Tensor made =
      parts_.backend->Allocate(kernels::DType::kF32, size, parts_.adaptor->out_width());
  if (made.empty()) return nullptr;
  auto room = std::make_shared<const kernels::Tensor>(std::move(made));
  const auto outgrown =
      std::ranges::find_if(rooms_, [](const auto& r) { return r.use_count() == 1; });
  if (rooms_.size() < kRooms) {
    rooms_.push_back(room);
  } else if (outgrown != rooms_.end()) {
    *outgrown = room;
  }
  return room;
}

// Each encoding of the batch gets its own rows.
void AudioWork::FinishEncoding(Result<std::shared_ptr<const Embeddings>> result, Notices& notices) {
  int32_t first = 0;
  for (size_t i = 0; i < at_work_; ++i) {
    Encoded& encoded = encodings_.front().call.encoded;
    if (result) {
      const int32_t rows = parts_.adaptor->OutRows(encoder_state_.sound_out_rows[i]);
      notices.push_back(EncodedNotice{std::move(encoded),
                                      std::make_shared<const Embeddings>(**result, first, rows)});
      first += rows;
    } else {
      notices.push_back(EncodedNotice{std::move(encoded), result.error()});
    }
    encodings_.pop_front();
  }
  at_work_ = 0;
}

AudioWork::Job* AudioWork::JobFor(TranscribeLane lane) {
  Job* best = nullptr;
  for (Job& job : jobs_) {
    if (job.busy) continue;
    if (job.job != nullptr && job.lane == lane) return &job;
    // A job that was never made costs memory: an idle one that is there goes first, the longest idle of them.
    if (best == nullptr || std::make_tuple(job.job == nullptr, job.served) <
                               std::make_tuple(best->job == nullptr, best->served)) {
      best = &job;
    }
  }
  return best;
}

void AudioWork::AdvanceLane(Lane& lane, StepReport& report, Notices& notices) {
  ++report.transcription_slices;
  if (lane.job == nullptr) {
    Job* job = JobFor(lane.id);
    PARLEY_CHECK(job != nullptr, "a lane runs without a free job");
    if (job->job == nullptr) job->job = parts_.transcriber->NewJob();
    job->lane = lane.id;
    if (const Status reset = job->job->Reset(lane.call.sound, lane.call.options);
        !reset.has_value()) {
      return FinishLane(lane, reset.error(), notices);
    }
    job->busy = true;
    lane.job = job;
  }
  lane.job->served = slices_;
  Result<bool> finished = lane.job->job->Advance();
  const model::TranscriptionJob::Slice slice = lane.job->job->last_slice();
  report.encoder_rows += slice.encoder_rows;
  report.transcriber_rows += slice.decoder_rows;
  if (!finished.has_value()) return FinishLane(lane, std::move(finished).error(), notices);
  if (!*finished) return;
  ++report.transcriptions;
  report.transcribed_ms += static_cast<int64_t>(lane.call.sound.size()) * 1000 / kSampleRateHz;
  FinishLane(lane, lane.job->job->result(), notices);
}

void AudioWork::FinishLane(Lane& lane, Result<model::Transcript> result, Notices& notices) {
  if (lane.job != nullptr) lane.job->busy = false;
  notices.push_back(TranscribedNotice{std::move(lane.call.transcribed), std::move(result)});
  lanes_.erase(lanes_.begin() + (&lane - lanes_.data()));
}

void AudioWork::FailLast(const Error& error, Notices& notices) {
  if (last_was_encoding_) {
    if (at_work_ > 0) FinishEncoding(error, notices);
    return;
  }
  const auto lane = std::ranges::find(lanes_, last_lane_, &Lane::id);
  if (lane != lanes_.end() && lane->job != nullptr) FinishLane(*lane, error, notices);
}

}  // namespace parley::engine

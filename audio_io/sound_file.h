// Reads sound files block by block as mono float: WAV, FLAC, Ogg and what else libsndfile knows, of
// any rate, number of channels and depth. Channels are averaged, the rate is converted while
// reading, so that hours of sound never sit in memory.
//
// Thread:   one thread at a time.
// Memory:   a block of 4096 frames and the filter of the resampler.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/pcm.h"
#include "common/result.h"

namespace parley::audio {

struct SoundInfo {  // of the file as it is
  int rate_hz = 0;
  int channels = 0;
  int64_t frames = 0;  // as its header says; a file cut short has fewer
  double seconds() const { return static_cast<double>(frames) / rate_hz; }
};

class SoundFile {
 public:
  // Fails when it is not there, not a sound, empty of samples, or of a rate nobody uses.
  static Result<std::unique_ptr<SoundFile>> Open(const std::string& path,
                                                 int rate_hz = kSampleRateHz);
  // The same from memory, which must outlive the SoundFile; `name` stands in messages.
  static Result<std::unique_ptr<SoundFile>> OpenMemory(std::span<const std::byte> bytes,
                                                       const std::string& name,
                                                       int rate_hz = kSampleRateHz);

  virtual ~SoundFile() = default;
  // The next block, valid until the next call; empty at the end. Every sample is a number in
  // [-1, 1]: what is not a number becomes 0, what is louder is clipped.
  virtual Result<std::span<const float>> Read() = 0;
  virtual const SoundInfo& info() const = 0;
  virtual int64_t mended_samples() const = 0;  // that were no number or too loud
};

// All of a file at once, for clips: more than `max_seconds` is an error.
Result<std::vector<float>> ReadSound(const std::string& path, double max_seconds = 600.0,
                                     int rate_hz = kSampleRateHz);

}  // namespace parley::audio

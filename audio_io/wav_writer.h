// Writes a WAV file of 16-bit mono while the sound is being made. The header is brought up to date
// every second of sound, so a program that is killed leaves a file that plays.
// Thread:   one thread at a time.
// Memory:   one block.
// Overload: writes when it is called; a full disk is an Error of that call.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/pcm.h"
#include "common/result.h"

namespace parley::audio {

class WavWriter {
 public:
  static Result<WavWriter> Create(const std::string& path, int rate_hz = kSampleRateHz);
  WavWriter(WavWriter&&) noexcept;
  WavWriter& operator=(WavWriter&&) noexcept;
  ~WavWriter();  // closes; what goes wrong then is lost: call Close to know

  // Rounds to 16 bit and clips. A file ends at 4 GiB, 37 hours at 16 kHz: kExhausted.
  Status Write(std::span<const float> samples);
  Status Close();  // the header is final and on its way to the disk; nothing can be written then
  int64_t samples() const { return samples_; }

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const;
  };
  WavWriter(std::string path, int rate_hz, std::FILE* file);
  Status UpdateHeader();
  Error Failed(const char* what) const;

  std::string path_;
  int rate_hz_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::vector<uint8_t> bytes_;
  int64_t samples_ = 0;
  int64_t samples_in_header_ = 0;
};

}  // namespace parley::audio

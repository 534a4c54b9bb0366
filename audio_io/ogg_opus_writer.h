// Writes an Ogg/Opus file while the sound is being made: recordings, and answers in a few kilobytes
// a second. The home of libopusenc.
// Thread:   one thread at a time.
// Memory:   the encoder and a page of output.
// Overload: writes when it is called; a full disk is an Error of that call or of Close.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "common/pcm.h"
#include "common/result.h"

struct OggOpusEnc;

namespace parley::audio {

class OggOpusWriter {
 public:
  // Mono of any rate from 8 to 192 kHz; bit_rate in bits a second.
  static Result<OggOpusWriter> Create(const std::string& path, int rate_hz = kSampleRateHz,
                                      int bit_rate = 32000);
  OggOpusWriter(OggOpusWriter&&) noexcept;
  OggOpusWriter& operator=(OggOpusWriter&&) noexcept;
  ~OggOpusWriter();  // closes; what goes wrong then is lost: call Close to know

  Status Write(std::span<const float> samples);
  Status Close();  // a file of no samples is a valid file

 private:
  struct Free {
    void operator()(OggOpusEnc* encoder) const;
  };
  OggOpusWriter(std::string path, OggOpusEnc* encoder);
  std::string path_;
  std::unique_ptr<OggOpusEnc, Free> encoder_;
};

}  // namespace parley::audio

// What an answer sounds like to somebody who only hears it.
// Thread:   one thread at a time.
// Memory:   the transcriber.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "common/pcm.h"
#include "kernels/backend.h"
#include "model/transcriber.h"
#include "support/clips.h"
#include "support/paths.h"

namespace parley::test {

// Transcribes sound back, with the transcriber that the program hears with.
class Ear {
 public:
  Ear() : backend_(kernels::MakeCpuBackend({})) {
    auto loaded = model::Transcriber::Load(*backend_, ModelDir("whisper-base"));
    if (!loaded.has_value()) {
      ADD_FAILURE() << loaded.error().message;
      return;
    }
    transcriber_ = *std::move(loaded);
    job_ = transcriber_->NewJob();
  }
  std::string Hear(const std::string& wav) { return Hear(Samples(wav)); }
  std::string Hear(const std::vector<float>& sound) {
    std::string text;
    const size_t window =
        kSampleRateHz * 18;  // an answer may be longer than the transcriber's window
    for (size_t at = 0; at < sound.size(); at += window) {
      const size_t n = std::min(window, sound.size() - at);
      if (!job_->Reset({sound.data() + at, n}, {}).has_value()) return text;
      for (auto done = job_->Advance();; done = job_->Advance()) {
        if (!done.has_value()) return text;
        if (*done) break;
      }
      text += " " + job_->result().text;
    }
    return text;
  }

 private:
  std::unique_ptr<kernels::Backend> backend_;
  std::unique_ptr<model::Transcriber> transcriber_;
  std::unique_ptr<model::TranscriptionJob> job_;
};

}  // namespace parley::test

// Many utterances heard on as many cores as there are: each job is a process of its own with one thread; they take
// the next file from one counter.
// Thread:   to be called before the process has threads of its own: it forks.
// Memory:   a transcriber for each job; the lines of the result, once.
// Overload: none: a job hears one utterance after the other.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bench/hear.h"
#include "common/result.h"
#include "nn/voice_activity.h"

namespace parley::bench {

struct HearJobs {
  std::string list, json;   // lines like {"id": "q1", "wav": "q1.wav"}; one line of JSON each
  std::string transcriber;  // its folder
  int jobs = 0;             // 0: as many as there are cores
  bool evidence = false;    // what marks were told from
  bool marks_only =
      false;  // nothing is transcribed: the marks are those of the "text" that a line gives
  HearOptions options;
  std::function<Result<std::unique_ptr<nn::VoiceActivity>>()> voice;  // called once in each job
};

Status RunHearJobs(const HearJobs& work);

}  // namespace parley::bench

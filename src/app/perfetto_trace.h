// `--trace FILE`: a talk as a Perfetto trace (Chrome trace event JSON, https://ui.perfetto.dev opens it): a lane each on
// one clock for what the user does, what was heard, what was thought and when, what is said.
// Thread:   one writer.
// Memory:   events go to the file as they come; a file cut short still opens (the closing bracket is optional).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "app/json_lines.h"
#include "common/result.h"
#include "realtime/session.h"

namespace parley::app {

class PerfettoTrace {
 public:
  static Result<PerfettoTrace> Open(const std::string& path);
  void Write(const realtime::Event& event);
  Status Finish();  // fails when something did not reach the disk

 private:
  enum class Lane : int {
    kYou = 1,
    kHears,
    kThinksListening,
    kThinksGap,
    kThinksSpeaking,
    kSpeaks
  };
  PerfettoTrace(JsonFile file, std::string path);
  void Slice(Lane lane, const std::string& name, Time begin, Duration length,
             const std::string& text);
  void Instant(Lane lane, const std::string& name, Time at, const std::string& text);

  JsonFile file_;
  std::string path_;
  Time speech_began_;
  bool speaking_ = false;
  Time audio_until_;  // end of the sound already drawn
};

}  // namespace parley::app

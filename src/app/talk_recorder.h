// `--record DIR`: both sides of a talk on one time line (you.ogg, parley.ogg, Opus) and its trace
// beside them (trace.jsonl, trace.perfetto.json).
// Thread:   Sound on the desk's thread, Event on any one other.
// Memory:   two encoders, a page each.
// Overload: what a full disk refuses is told once, and the talk goes on without a recording.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>

#include "app/json_trace.h"
#include "app/perfetto_trace.h"
#include "audio_io/ogg_opus_writer.h"
#include "common/result.h"
#include "realtime/session.h"

namespace parley::app {

class TalkRecorder {
 public:
  static Result<std::unique_ptr<TalkRecorder>> Create(const std::string& dir);

  void Sound(std::span<const float> you, std::span<const float> parley);  // 16 kHz
  void Event(const realtime::Event& event);
  Status Close();  // the files are whole; an error of before is told here

 private:
  TalkRecorder(audio::OggOpusWriter you, audio::OggOpusWriter parley, JsonTrace json,
               PerfettoTrace perfetto)
      : you_(std::move(you)),
        parley_(std::move(parley)),
        json_(std::move(json)),
        perfetto_(std::move(perfetto)) {}

  audio::OggOpusWriter you_, parley_;
  JsonTrace json_;
  PerfettoTrace perfetto_;
  Status sound_;  // what went wrong first; the desk's thread's, then Close's
};

}  // namespace parley::app

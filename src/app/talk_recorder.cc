// SPDX-License-Identifier: Apache-2.0
#include "app/talk_recorder.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace parley::app {

Result<std::unique_ptr<TalkRecorder>> TalkRecorder::Create(const std::string& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) {
    return Fail(Code::kIo, "cannot make the folder " + dir + ": " + error.message());
  }
  PARLEY_TRY(auto you, audio::OggOpusWriter::Create(dir + "/you.ogg"));
  PARLEY_TRY(auto parley, audio::OggOpusWriter::Create(dir + "/parley.ogg"));
  PARLEY_TRY(auto json, JsonTrace::Open(dir + "/trace.jsonl"));
  PARLEY_TRY(auto perfetto, PerfettoTrace::Open(dir + "/trace.perfetto.json"));
  return std::unique_ptr<TalkRecorder>(
      new TalkRecorder(std::move(you), std::move(parley), std::move(json), std::move(perfetto)));
}

void TalkRecorder::Sound(std::span<const float> you, std::span<const float> parley) {
  if (!sound_.has_value()) return;
  sound_ = you_.Write(you);
  if (sound_.has_value()) sound_ = parley_.Write(parley);
}

void TalkRecorder::Event(const realtime::Event& event) {
  json_.Write(event);
  perfetto_.Write(event);
}

Status TalkRecorder::Close() {
  PARLEY_TRY_STATUS(std::move(sound_));
  PARLEY_TRY_STATUS(you_.Close());
  return parley_.Close();
}

}  // namespace parley::app

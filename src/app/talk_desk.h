// A desk with a microphone and a loudspeaker: opens both devices, feeds what is heard to a session and
// plays what it answers. A device that goes away is told, and looked for again every second; the
// talk hears silence meanwhile.
//
// Thread:   OnEvent on the session's executor; SetHears from any thread; everything else by the
//           owner. The desk has a thread of its own, which never waits for the network or a disk
//           but to record.
// Memory:   the lines of both devices (device_lines.h), the sound path.
// Overload: what a device loses is counted (DeskFigures). Frames grow when the smallest lose sound.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "audio_io/device.h"
#include "audio_io/device_lines.h"
#include "audio_io/resampler.h"
#include "audio_io/sound_path.h"
#include "common/result.h"
#include "realtime/session.h"

namespace parley::app {

struct DeskOptions {
  std::string microphone, loudspeaker;  // number, part of a name, or empty: the default
  bool headphones = false;
  audio::SoundPath::Record record;
};

struct DeskFigures {
  float microphone_level = 0, loudspeaker_level = 0;  // loudest sample of the last 10 ms
  double erle_db = 0, echo_delay_ms = 0, drift_ppm = 0;
  int64_t lost_samples = 0, xruns = 0, gaps = 0, late = 0;
  int64_t lost_streams = 0;  // that the sound system did not close
  int frame_ms = 0;
  double microphone_latency_ms = 0, loudspeaker_latency_ms = 0;  // the devices' own
};

class Desk {
 public:
  using Notice = std::function<void(std::string)>;  // on the desk's thread

  // Opens both devices, and starts them in Start: what is wrong is known before models are loaded.
  static Result<std::unique_ptr<Desk>> Open(DeskOptions options, Notice notice);
  ~Desk();

  // From here on the session hears; it outlives the desk, or Stop comes first.
  Status Start(realtime::Session& session);
  void Stop();
  void OnEvent(const realtime::Event& event);
  void SetHears(bool hears) { hears_ = hears; }  // false: silence instead of the microphone
  DeskFigures figures() const;

 private:
  Desk(DeskOptions options, Notice notice);
  Status OpenDevices(bool again);
  Status StartDevices();
  Status TryAgain(std::string& told);
  void CloseDevices();
  void Run(const std::stop_token& stop);
  bool Work(const std::stop_token& stop);  // until a device is lost or stop; true: stop
  void Give(PcmView sound);
  void GiveSilence(int64_t ms);
  void ReportPlayed();
  bool WatchXruns();
  void PutFigures();

  void PlaySound(const realtime::AudioOut& sound);  // {mutex_}
  void EndAnswer();                                 // {mutex_}

  const DeskOptions options_;
  const Notice notice_;
  realtime::Session* session_ = nullptr;
  std::atomic<bool> hears_{true};

  // Destroyed from the last to the first: streams call back into the lines.
  std::unique_ptr<audio::SoundSystem> system_;
  std::shared_ptr<audio::CaptureLine> capture_;
  std::shared_ptr<audio::PlaybackLine> playback_;  // {mutex_} for whoever plays
  std::unique_ptr<audio::SoundPath> path_;
  std::unique_ptr<audio::DeviceStream> microphone_, loudspeaker_;
  size_t frame_ = 0;  // of FrameChoices
  int64_t xruns_seen_ = 0;
  audio::LossWatch loss_;
  std::chrono::steady_clock::time_point watched_since_;

  mutable std::mutex mutex_;
  std::optional<audio::Resampler> resampler_;  // {mutex_}, of the answer in hand
  bool answering_ = false;                     // {mutex_}
  bool sent_ = false;                          // {mutex_} all of it
  int64_t answer_samples_ = 0;                 // {mutex_} at the voice's rate
  int voice_rate_hz_ = 0;                      // {mutex_}
  int64_t reported_ = -1;                      // {mutex_}
  DeskFigures figures_;                        // {mutex_}
  std::jthread thread_;
};

}  // namespace parley::app

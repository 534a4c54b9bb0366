// Echo cancellers on the same recordings: four rooms, echo at -6 and -20 dB, a loudspeaker that distorts
// or not; answers of our voice, a near voice as loud as their echo over the second half.
//   parley_echo                     ours, speexdsp, and WebRTC 0.3 where libwebrtc-audio-processing-dev is installed
//   parley_echo --scenes DIR        also writes the recordings, for echo_livekit.py; its results, when they are
//                                   there, stand in the table
// ERLE: from 2 s on, while only the loudspeaker speaks. Loss: of the near voice's own waveform under double talk. Left:
// what else there is under double talk, to the echo. CPU: of one core, at the speed of speech.
// SPDX-License-Identifier: Apache-2.0
#include <speex/speex_echo.h>
#include <speex/speex_preprocess.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "audio_io/echo_canceller.h"
#include "audio_io/sample_format.h"
#include "audio_io/sound_file.h"
#include "audio_io/wav_writer.h"
#include "support/echo_scene.h"

#ifdef PARLEY_WEBRTC
#include <webrtc/modules/audio_processing/include/audio_processing.h>
#endif

namespace {

using namespace parley;
using audio::kEchoBlock;
using test::EchoScene;
using test::Sound;

using Canceller = std::function<void(const float* near, const float* far, float* out)>;

Canceller Ours() {
  auto canceller = std::make_shared<audio::EchoCanceller>();
  return [canceller](const float* near, const float* far, float* out) {
    canceller->Process(audio::EchoBlock(near, kEchoBlock), audio::EchoBlock(far, kEchoBlock),
                       std::span<float, kEchoBlock>(out, kEchoBlock));
  };
}

Canceller Speex(bool suppress) {
  std::shared_ptr<SpeexEchoState> echo(speex_echo_state_init(kEchoBlock, 16 * 400),
                                       speex_echo_state_destroy);
  int rate = 16000;
  speex_echo_ctl(echo.get(), SPEEX_ECHO_SET_SAMPLING_RATE, &rate);
  std::shared_ptr<SpeexPreprocessState> rest(speex_preprocess_state_init(kEchoBlock, rate),
                                             speex_preprocess_state_destroy);
  speex_preprocess_ctl(rest.get(), SPEEX_PREPROCESS_SET_ECHO_STATE, echo.get());
  return [echo, rest, suppress](const float* near, const float* far, float* out) {
    std::array<int16_t, kEchoBlock> n{}, f{}, o{};
    for (size_t i = 0; i < kEchoBlock; ++i) {
      n[i] = audio::ToInt16(near[i]);
      f[i] = audio::ToInt16(far[i]);
    }
    speex_echo_cancellation(echo.get(), n.data(), f.data(), o.data());
    if (suppress) speex_preprocess_run(rest.get(), o.data());
    for (size_t i = 0; i < kEchoBlock; ++i) out[i] = audio::FromInt16(o[i]);
  };
}

#ifdef PARLEY_WEBRTC
Canceller WebRtc(webrtc::EchoCancellation::SuppressionLevel level) {
  webrtc::Config config;
  config.Set<webrtc::ExtendedFilter>(new webrtc::ExtendedFilter(true));
  config.Set<webrtc::DelayAgnostic>(new webrtc::DelayAgnostic(true));
  std::shared_ptr<webrtc::AudioProcessing> apm(webrtc::AudioProcessing::Create(config));
  apm->high_pass_filter()->Enable(true);
  apm->echo_cancellation()->set_suppression_level(level);
  apm->echo_cancellation()->Enable(true);
  return [apm](const float* near, const float* far, float* out) {
    const webrtc::StreamConfig format(16000, 1);
    std::array<float, kEchoBlock> unused{};
    float* reverse_out = unused.data();
    apm->ProcessReverseStream(&far, format, format, &reverse_out);
    apm->set_stream_delay_ms(40);
    apm->ProcessStream(&near, format, format, &out);
  };
}
#endif

void Row(const std::string& scene, const std::string& who, const test::EchoFigures& figures,
         double cpu) {
  std::printf("%-18s %-16s %7.1f %7.1f %7.1f", scene.c_str(), who.c_str(), figures.erle_db,
              figures.near_loss_db, figures.left_db);
  if (cpu >= 0) std::printf("  %5.2f %%", 100 * cpu);
  std::printf("\n");
}

void Measure(const std::string& name, const EchoScene& scene, const std::string& who,
             const Canceller& canceller) {
  Sound out(scene.mic.size());
  const auto begin = std::clock();
  for (size_t i = 0; i + kEchoBlock <= out.size(); i += kEchoBlock) {
    canceller(&scene.mic[i], &scene.far[i], &out[i]);
  }
  const double cpu = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC /
                     (static_cast<double>(out.size()) / 16000);
  Row(name, who, test::MeasureEcho(scene, out), cpu);
}

void Write(const std::string& path, const Sound& sound) {
  auto wav = audio::WavWriter::Create(path);
  if (!wav.has_value() || !wav->Write(sound).has_value() || !wav->Close().has_value()) {
    std::fprintf(stderr, "parley_echo: cannot write %s\n", path.c_str());
    std::exit(1);
  }
}

Sound Read(const std::string& path) {
  auto sound = audio::ReadSound(path);
  if (sound.has_value()) return *std::move(sound);
  std::fprintf(stderr, "parley_echo: %s\n", sound.error().message.c_str());
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  std::string dir;
  if (argc == 3 && std::string(argv[1]) == "--scenes") {
    dir = argv[2];
  } else if (argc != 1) {
    std::fprintf(stderr, "usage: parley_echo [--scenes DIR]\n");
    return 2;
  }
  const std::string data = std::string(PARLEY_SOURCE_DIR) + "/tests/data/speech/";
  const Sound far = Read(data + "synthetic/answers.ogg");
  Sound near;
  for (const char* clip : {"turn_000", "turn_002", "turn_004", "turn_006"}) {
    const Sound part = Read(data + "conversation/" + clip + ".flac");
    near.insert(near.end(), part.begin(), part.end());
  }
  std::printf("%-18s %-16s %7s %7s %7s %8s\n", "room", "canceller", "ERLE", "loss", "left", "CPU");
  for (const char* room : {"rir1", "rir2", "rir3", "rir4"}) {
    const Sound response = Read(data + "rooms/" + room + ".flac");
    for (const int echo_db : {-6, -20}) {
      for (const bool overdriven : {false, true}) {
        const EchoScene scene = test::MakeEchoScene(
            far, near, response,
            {.echo_db = static_cast<double>(echo_db), .overdriven = overdriven});
        const std::string name =
            room + std::string(" ") + std::to_string(echo_db) + " dB" + (overdriven ? " odd" : "");
        Measure(name, scene, "ours", Ours());
        Measure(name, scene, "speexdsp", Speex(false));
        Measure(name, scene, "speexdsp + rest", Speex(true));
#ifdef PARLEY_WEBRTC
        using Level = webrtc::EchoCancellation;
        Measure(name, scene, "WebRTC 0.3 low", WebRtc(Level::kLowSuppression));
        Measure(name, scene, "WebRTC 0.3 high", WebRtc(Level::kHighSuppression));
#endif
        if (dir.empty()) continue;
        const std::string file =
            dir + "/" + room + std::to_string(echo_db) + (overdriven ? "o" : "");
        Write(file + ".far.wav", scene.far);
        Write(file + ".mic.wav", scene.mic);
        if (auto theirs = audio::ReadSound(file + ".livekit.wav"); theirs.has_value()) {
          theirs->resize(scene.mic.size());
          Row(name, "livekit", test::MeasureEcho(scene, *theirs), -1);
        }
      }
    }
  }
  return 0;
}

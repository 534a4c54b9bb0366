// Text -> WAV files, with the times that a listener waits: for hearing a voice, for tts_wer.py, and
// for the figures of the voice.
//   parley_say VOICE_DIR OUT_DIR < lines.txt      one WAV and one line of JSON for each line of text
//   PARLEY_SAY="threads=2 bf16=1 noise=0 espeak=1 speed=1.2 repeat=5" sets what differs
// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "audio_io/wav_writer.h"
#include "tts/voice.h"

namespace {

using namespace parley;
using Clock = std::chrono::steady_clock;

double MsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

long StatusKb(const std::string& key) {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with(key + ":")) return std::strtol(line.c_str() + key.size() + 1, nullptr, 10);
  }
  return -1;
}

struct Settings {
  tts::VoiceConfig voice;
  int repeat = 1;
};

Settings FromEnvironment() {
  Settings settings;
  const char* text = std::getenv("PARLEY_SAY");
  std::istringstream words(text != nullptr ? text : "");
  std::string word;
  while (words >> word) {
    const size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const double value = std::atof(word.c_str() + equals + 1);
    if (key == "threads") settings.voice.threads = static_cast<int>(value);
    if (key == "bf16") settings.voice.bf16 = value != 0;
    if (key == "noise") settings.voice.noise = static_cast<float>(value);
    if (key == "speed") settings.voice.speed = static_cast<float>(value);
    if (key == "espeak" && value != 0) settings.voice.phonemizer = tts::PhonemizerKind::kEspeak;
    if (key == "repeat") settings.repeat = static_cast<int>(value);
  }
  return settings;
}

int Failed(const Error& error) {
  std::fprintf(stderr, "parley_say: %s\n", error.message.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: parley_say VOICE_DIR OUT_DIR < lines.txt\n");
    return 2;
  }
  const Settings settings = FromEnvironment();
  const Clock::time_point begin = Clock::now();
  auto voice = tts::OpenVoice(argv[1], settings.voice);
  if (!voice) return Failed(voice.error());
  std::printf("{\"load_ms\": %.0f, \"rss_kb\": %ld, \"peak_kb\": %ld}\n", MsSince(begin),
              StatusKb("VmRSS"), StatusKb("VmHWM"));

  std::string line;
  for (int n = 0; std::getline(std::cin, line); ++n) {
    char name[32];
    std::snprintf(name, sizeof name, "/%03d.wav", n);
    for (int round = 0; round < settings.repeat; ++round) {
      auto wav = audio::WavWriter::Create(argv[2] + std::string(name), (*voice)->sample_rate_hz());
      if (!wav) return Failed(wav.error());
      const Clock::time_point start = Clock::now();
      const std::clock_t cpu_start = std::clock();
      double first_ms = 0;
      double first_cpu_ms = 0;  // of all threads: what first_ms is on a machine that is not shared
      double worst_late_ms = -1e9;  // how far a chunk came behind the moment it should sound
      int chunks = 0;
      const double rate = (*voice)->sample_rate_hz();
      const auto sink = [&](tts::SpeechChunk chunk) {
        const double now = MsSince(start);
        if (chunks++ == 0) {
          first_ms = now;
          first_cpu_ms = 1000.0 * static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;
        }
        const double due = first_ms + 1000.0 * static_cast<double>(chunk.first_sample) / rate;
        if (chunks > 1 && !chunk.samples.empty())
          worst_late_ms = std::max(worst_late_ms, now - due);
        return wav->Write(chunk.samples).has_value();
      };
      const Status spoken = (*voice)->Speak(CallerText(line), {}, sink);
      const double total_ms = MsSince(start);
      if (!spoken) return Failed(spoken.error());
      if (const Status closed = wav->Close(); !closed) return Failed(closed.error());
      std::printf(
          "{\"n\": %d, \"first_ms\": %.1f, \"first_cpu_ms\": %.1f, \"total_ms\": %.1f, "
          "\"audio_ms\": %.0f, "
          "\"chunks\": %d, \"slack_ms\": %.0f}\n",
          n, first_ms, first_cpu_ms, total_ms, 1000.0 * static_cast<double>(wav->samples()) / rate,
          chunks, -worst_late_ms);
    }
  }
  std::printf("{\"rss_kb\": %ld, \"peak_kb\": %ld}\n", StatusKb("VmRSS"), StatusKb("VmHWM"));
  return 0;
}

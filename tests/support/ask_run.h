// One run of `parley ask`, and what its trace says.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "audio_io/wav_writer.h"
#include "support/clips.h"
#include "support/run_parley.h"

namespace parley::test {

// Of a talk of any length; it takes 665.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)  // which keep books of their own
inline constexpr double kMostMemoryMb = 8000;
#else
inline constexpr double kMostMemoryMb = 850;
#endif

struct AskRun {
  ProgramRun program;
  std::vector<nlohmann::json> lines;  // of the trace, the summary included
  nlohmann::json summary;             // null when there is none
  std::string wav;                    // the answer

  std::vector<nlohmann::json> Events(const std::string& name) const {
    std::vector<nlohmann::json> found;
    for (const auto& line : lines) {
      if (line.at("event") == name) found.push_back(line);
    }
    return found;
  }
  // Where the first event of this name stands in the trace; -1: nowhere.
  int Place(const std::string& name) const {
    for (size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].at("event") == name) return static_cast<int>(i);
    }
    return -1;
  }
};

inline AskRun Ask(const TempDir& dir, const std::string& input, const std::string& pace,
                  const std::vector<std::string>& more = {}) {
  AskRun run;
  const std::string trace = dir.File("trace.jsonl");
  run.wav = dir.File("answer.wav");
  std::vector<std::string> arguments = {"ask",    input, "--pace", pace,
                                        "--json", trace, "--out",  run.wav};
  arguments.insert(arguments.end(), more.begin(), more.end());
  run.program = RunParley(arguments);
  run.lines = ReadJsonLines(trace);
  if (!run.lines.empty() && run.lines.back().at("event") == "summary")
    run.summary = run.lines.back();
  return run;
}

// A WAV of 16 kHz, 16 bit, made of these samples.
inline void WriteClip(const std::string& path, const std::vector<float>& samples) {
  auto writer = audio::WavWriter::Create(path, kSampleRateHz);
  ASSERT_TRUE(writer.has_value()) << writer.error().message;
  const Status wrote = writer->Write(samples);
  ASSERT_TRUE(wrote.has_value()) << wrote.error().message;
  const Status closed = writer->Close();
  ASSERT_TRUE(closed.has_value()) << closed.error().message;
}

}  // namespace parley::test

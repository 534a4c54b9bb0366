// It listens as it goes: nothing that happens before a moment may depend on the sound after it.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "support/ask_run.h"

namespace parley::test {
namespace {

// `./check` takes a quarter of the clips, `./check --full` all of them.
std::vector<Clip> SomeClips() {
  std::vector<Clip> clips = Clips("conversation");
  EXPECT_FALSE(clips.empty());
  if (std::getenv("PARLEY_FULL") != nullptr || OnlySomeClips()) return clips;
  std::vector<Clip> some;
  for (size_t i = 0; i < clips.size(); i += 4) some.push_back(clips[i]);
  return some;
}

std::vector<nlohmann::json> Before(const AskRun& run, double t_ms) {
  std::vector<nlohmann::json> events;
  for (const auto& line : run.lines) {
    if (line.contains("t_ms") && line.at("t_ms").get<double>() < t_ms) events.push_back(line);
  }
  return events;
}

// PARLEY_CUTS=0.3 takes only this one, for the sanitizers.
TEST(AskListens, WhatComesLaterChangesNothingBefore) {
  TempDir dir;
  const std::vector<float> other = Samples(DataDir() + "/speech/read/jfk.flac");
  for (const Clip& clip : SomeClips()) {
    const std::vector<float> sound = Samples(clip.path);
    WriteClip(dir.File("whole.wav"), sound);
    const AskRun whole = Ask(dir, dir.File("whole.wav"), "fast");
    ASSERT_EQ(whole.program.exit_status, 0) << whole.program.err;
    for (const double part : {0.3, 0.6, 0.9}) {
      if (!Listed(std::getenv("PARLEY_CUTS"), std::to_string(part).substr(0, 3))) continue;
      const auto cut = static_cast<size_t>(static_cast<double>(sound.size()) * part);
      const double cut_ms = 1000.0 * static_cast<double>(cut) / kSampleRateHz;
      const auto expected = Before(whole, cut_ms - 200);
      for (const bool another : {false, true}) {
        SCOPED_TRACE(clip.name + " cut at " + std::to_string(cut_ms) +
                     (another ? ", another clip behind" : ""));
        std::vector<float> changed(sound.begin(), sound.begin() + static_cast<ptrdiff_t>(cut));
        if (another) changed.insert(changed.end(), other.begin(), other.end());
        WriteClip(dir.File("cut.wav"), changed);
        const AskRun run = Ask(dir, dir.File("cut.wav"), "fast");
        ASSERT_EQ(run.program.exit_status, 0) << run.program.err;
        EXPECT_EQ(Before(run, cut_ms - 200), expected);
      }
    }
  }
}

// Nor does a thought: a model that drafts while it listens, on one of the clips.
TEST(AskListens, AThoughtKnowsOnlyWhatWasHeard) {
  TempDir dir;
  const std::vector<std::string> drafts = {"--set", "mind.style=drafted"};
  const std::vector<float> sound = Samples(DataDir() + "/speech/conversation/turn_008.flac");
  const std::vector<float> other = Samples(DataDir() + "/speech/read/jfk.flac");
  WriteClip(dir.File("whole.wav"), sound);
  const AskRun whole = Ask(dir, dir.File("whole.wav"), "fast", drafts);
  ASSERT_EQ(whole.program.exit_status, 0) << whole.program.err;
  ASSERT_FALSE(whole.Events("thought").empty()) << "nothing was thought: the test proves nothing";
  EXPECT_EQ(whole.Events("thought")[0].at("while"), "listening");
  EXPECT_GT(whole.summary.at("thought_tokens_listening"), 0);
  EXPECT_EQ(whole.summary.at("mind").at("style"), "drafted");
  const auto cut = static_cast<size_t>(static_cast<double>(sound.size()) * 0.8);
  const double cut_ms = 1000.0 * static_cast<double>(cut) / kSampleRateHz;
  std::vector<float> changed(sound.begin(), sound.begin() + static_cast<ptrdiff_t>(cut));
  changed.insert(changed.end(), other.begin(), other.end());
  WriteClip(dir.File("cut.wav"), changed);
  const AskRun run = Ask(dir, dir.File("cut.wav"), "fast", drafts);
  ASSERT_EQ(run.program.exit_status, 0) << run.program.err;
  EXPECT_EQ(Before(run, cut_ms - 200), Before(whole, cut_ms - 200));
}

// The same question is answered at the same time whether the room falls silent behind it or goes on murmuring.
TEST(AskListens, RoomNoiseBehindTheQuestionDoesNotDelayTheAnswer) {
  TempDir dir;
  const std::vector<float> noise = Samples(DataDir() + "/speech/noise/noise2.flac");
  for (const Clip& clip : SomeClips()) {
    const std::vector<float> sound = Samples(clip.path);
    double alone_ms = -1;
    for (const double seconds : {0.0, 1.0, 3.0}) {
      SCOPED_TRACE(clip.name + " and " + std::to_string(seconds) + " s of room noise");
      std::vector<float> longer = sound;
      const auto more = static_cast<size_t>(seconds * kSampleRateHz);
      // A quiet room: the noise at about -55 dBFS.
      for (size_t i = 0; i < more; ++i) longer.push_back(0.02F * noise[i % noise.size()]);
      WriteClip(dir.File("longer.wav"), longer);
      const AskRun run = Ask(dir, dir.File("longer.wav"), "fast");
      ASSERT_EQ(run.program.exit_status, 0) << run.program.err;
      ASSERT_FALSE(run.Events("first_audio").empty());
      const double first_audio_ms = run.Events("first_audio").back().at("t_ms");
      if (alone_ms < 0) alone_ms = first_audio_ms;
      EXPECT_NEAR(first_audio_ms, alone_ms, 60);
    }
  }
}

TEST(AskListens, ASimulatedRunRepeatsToTheLastEvent) {
  TempDir dir;
  const std::string clip = DataDir() + "/speech/conversation/turn_008.flac";
  const AskRun first = Ask(dir, clip, "fast");
  const std::string perfetto = dir.File("perfetto.json");
  const AskRun second = Ask(dir, clip, "fast", {"--trace", perfetto});
  ASSERT_EQ(first.program.exit_status, 0) << first.program.err;
  EXPECT_EQ(Before(first, 1e9), Before(second, 1e9));

  // The other trace is one JSON array, and shows the same.
  std::ifstream file(perfetto);
  const nlohmann::json shown = nlohmann::json::parse(file, nullptr, false);
  ASSERT_TRUE(shown.is_array());
  std::map<std::string, size_t> names;
  for (const auto& event : shown) ++names[event.at("name").get<std::string>()];
  EXPECT_EQ(names["turn"], second.Events("turn_end").size());
  EXPECT_EQ(names["thought"], second.Events("thought").size());
  EXPECT_EQ(names["clause"], second.Events("say").size());
  EXPECT_EQ(names["final"] + names["partial"], second.Events("heard").size());
}

}  // namespace
}  // namespace parley::test

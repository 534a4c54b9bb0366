// `parley talk` as a user runs it, on a real sound server without hardware: PipeWire with two null sinks,
// through real PortAudio. A clip is played into the virtual microphone, the answer is recorded from the
// virtual loudspeaker and transcribed back; another clip interrupts an answer that is long whatever the
// model says, because its voice is a server that takes twenty seconds over every clause.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numbers>
#include <sstream>

#include "audio_io/sample_format.h"
#include "audio_io/sound_file.h"
#include "support/ear.h"
#include "support/run_parley.h"
#include "support/word_errors.h"
#include "unit/fetch/local_server.h"

namespace parley::test {
namespace {

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<float> ReadRaw(const std::string& path) {
  const std::string bytes = ReadText(path);
  std::vector<float> sound(bytes.size() / 2);
  for (size_t i = 0; i < sound.size(); ++i) {
    int16_t x = 0;
    std::memcpy(&x, bytes.data() + 2 * i, 2);
    sound[i] = audio::FromInt16(x);
  }
  return sound;
}

// The words of all lines of a lane ("hears", "says"), one string a line.
std::vector<std::string> Lane(const std::string& text, const std::string& lane) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const size_t at = line.find(" s  " + lane + " ");
    if (at != std::string::npos) lines.push_back(line.substr(at + 5 + lane.size()));
  }
  return lines;
}

std::string Clip(const std::string& name) {
  return DataDir() + "/speech/conversation/" + name + ".flac";
}

struct DeskTalk {
  int status = -1;
  std::string errors, text;
};

DeskTalk RunDesk(const TempDir& dir, const std::string& interruption, const std::string& more) {
  const std::string here = SourceDir() + "/tests/talk/";
  // Null sinks have no room between them: what is played does not come back.
  const std::string command =
      Quoted(here + "sound_server.sh") + " " + Quoted(here + "desk_talk.sh") + " " +
      Quoted(PARLEY_BINARY) + " " + Quoted(dir.path()) + " " + Quoted(Clip("turn_002")) + " " +
      Quoted(interruption) + " --headphones " + more + " 2>" + Quoted(dir.File("script.txt"));
  DeskTalk run;
  const int status = std::system(command.c_str());
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  run.errors = ReadText(dir.File("script.txt"));
  run.text = ReadText(dir.File("talk.txt"));
  std::printf("%s\n", run.text.c_str());
  return run;
}

TEST(DeskTalkInRealTime, AnswersAloud) {
  TempDir dir;
  const DeskTalk run = RunDesk(dir, "-", "");
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(ReadText(dir.File("status")), "0\n");

  // It heard the question, and what came out of the loudspeaker is what it says it said.
  std::string heard, said;
  std::istringstream in(run.text);
  for (std::string line; std::getline(in, line);) {
    if (line.find("from your last word to its first sound") != std::string::npos) break;
    const auto hears = Lane(line, "hears"), says = Lane(line, "says");
    if (!hears.empty() && line.find(" …") == std::string::npos) heard = hears[0];
    if (!says.empty()) said += " " + says[0];
  }
  const WordErrors question = CountWordErrors("How many conference tracks are there?", heard);
  EXPECT_LE(question.rate(), 0.2) << heard;
  ASSERT_FALSE(said.empty()) << run.text;
  Ear ear;
  const std::string by_ear = ear.Hear(ReadRaw(dir.File("spk.raw")));
  const WordErrors spoken = CountWordErrors(said, by_ear);
  EXPECT_LE(spoken.rate(), 0.25) << "said: " << said << "\nheard: " << by_ear;

  // Both sides are on record, on one time line.
  auto you = audio::ReadSound(dir.File("record/you.ogg"));
  auto parley = audio::ReadSound(dir.File("record/parley.ogg"));
  ASSERT_TRUE(you.has_value() && parley.has_value());
  EXPECT_EQ(you->size(), parley->size());
  auto asked = audio::ReadSound(Clip("turn_002"));
  ASSERT_TRUE(asked.has_value());
  EXPECT_GT(you->size(), asked->size());
  EXPECT_LE(CountWordErrors("How many conference tracks are there?",
                            ear.Hear(std::vector<float>(you->begin(), you->end())))
                .rate(),
            0.2);
  EXPECT_FALSE(ReadJsonLines(dir.File("record/trace.jsonl")).empty());
  EXPECT_NE(run.text.find("xruns"), std::string::npos) << "no figures at the end";
}

// 16 bits at 24 kHz.
std::string Tone(double seconds) {
  std::string bytes;
  for (int i = 0; i < static_cast<int>(seconds * 24000); ++i) {
    const auto x = static_cast<uint16_t>(
        static_cast<int16_t>(std::lround(6000 * std::sin(2 * std::numbers::pi * 440 * i / 24000))));
    bytes += static_cast<char>(x & 0xff);
    bytes += static_cast<char>(x >> 8);
  }
  return bytes;
}

// Every stretch of sound that is followed by as much quiet [s].
std::vector<double> Stretches(const std::vector<float>& sound, double quiet_s) {
  std::vector<double> out;
  size_t begin = 0, end = 0;  // of the stretch so far; empty at first
  const auto gap = static_cast<size_t>(quiet_s * 16000);
  for (size_t i = 0; i < sound.size(); ++i) {
    if (std::abs(sound[i]) > 0.01F) {
      if (end == 0) begin = i;
      end = i + 1;
    } else if (end != 0 && i - end >= gap) {
      out.push_back(static_cast<double>(end - begin) / 16000);
      end = 0;
    }
  }
  return out;
}

TEST(DeskTalkInRealTime, CanBeInterrupted) {
  constexpr double kClauseSeconds = 20;
  LocalServer voice;
  voice.Serve("/v1/audio/speech", {.body = Tone(kClauseSeconds), .content_type = "audio/pcm"});
  TempDir dir;
  const DeskTalk run =
      RunDesk(dir, Clip("turn_004"),
              "--set voice.kind=remote --set voice.timeout_s=120 --set voice.url=" +
                  voice.Url("/v1/audio/speech"));
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(ReadText(dir.File("status")), "0\n");
  EXPECT_GE(voice.requests("/v1/audio/speech").size(), 2U);
  // The first answer was cut short and fell silent; the second had begun when the talk was ended.
  const std::vector<double> answers = Stretches(ReadRaw(dir.File("spk.raw")), 0.3);
  ASSERT_FALSE(answers.empty());
  EXPECT_LT(answers[0], kClauseSeconds - 1);
  EXPECT_FALSE(ReadJsonLines(dir.File("record/trace.jsonl")).empty());
}

}  // namespace
}  // namespace parley::test

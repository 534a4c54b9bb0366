// `parley talk` as a user runs it, on a real sound server without hardware: PipeWire with two null sinks,
// through real PortAudio. A clip is played into the virtual microphone, the answer is recorded from the
// virtual loudspeaker and transcribed back; another clip interrupts the second answer.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "audio_io/sample_format.h"
#include "audio_io/sound_file.h"
#include "support/ear.h"
#include "support/run_parley.h"
#include "support/word_errors.h"

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

DeskTalk RunDesk(const TempDir& dir, const std::string& more) {
  const std::string here = SourceDir() + "/tests/talk/";
  const std::string command = Quoted(here + "sound_server.sh") + " " +
                              Quoted(here + "desk_talk.sh") + " " + Quoted(PARLEY_BINARY) + " " +
                              Quoted(dir.path()) + " " + Quoted(Clip("turn_002")) + " " +
                              Quoted(Clip("turn_000")) + " " + Quoted(Clip("turn_004")) + " " +
                              more + " 2>" + Quoted(dir.File("script.txt"));
  DeskTalk run;
  const int status = std::system(command.c_str());
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  run.errors = ReadText(dir.File("script.txt"));
  run.text = ReadText(dir.File("talk.txt"));
  std::printf("%s\n", run.text.c_str());
  return run;
}

TEST(DeskTalkInRealTime, AnswersAloudAndCanBeInterrupted) {
  TempDir dir;
  // Null sinks have no room between them: what is played does not come back.
  const DeskTalk run = RunDesk(dir, "--headphones");
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
  // The recording goes on with the second answer: the first one's words stand at its beginning.
  std::istringstream words(by_ear);
  std::string beginning;
  const size_t length = SpokenForm(said).size();
  size_t n = 0;
  for (std::string word; n < length && words >> word; ++n) beginning += word + " ";
  const WordErrors spoken = CountWordErrors(said, beginning);
  EXPECT_LE(spoken.rate(), 0.25) << "said: " << said << "\nheard: " << by_ear;

  // Both sides are on record, on one time line.
  auto you = audio::ReadSound(dir.File("record/you.ogg"));
  auto parley = audio::ReadSound(dir.File("record/parley.ogg"));
  ASSERT_TRUE(you.has_value() && parley.has_value());
  EXPECT_EQ(you->size(), parley->size());
  EXPECT_GT(you->size(), 10U * 16000);
  EXPECT_LE(CountWordErrors("How many conference tracks are there?",
                            ear.Hear(std::vector<float>(you->begin(), you->begin() + 5 * 16000)))
                .rate(),
            0.2);
  EXPECT_FALSE(ReadJsonLines(dir.File("record/trace.jsonl")).empty());
  EXPECT_NE(run.text.find("xruns"), std::string::npos) << "no figures at the end";
}

}  // namespace
}  // namespace parley::test

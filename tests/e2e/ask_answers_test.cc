// Every clip through the real program: what was heard, that an answer was spoken, and that the sound of the answer says
// what its text says.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <regex>

#include "kernels/backend.h"
#include "support/ask_run.h"
#include "support/ear.h"
#include "support/paths.h"
#include "support/word_errors.h"

namespace parley::test {
namespace {

void ExpectOrder(const AskRun& run, bool realtime = false) {
  std::vector<std::vector<std::string>> orders = {
      {"speech_start", "turn_end", "first_audio", "audio", "done", "summary"},
      {"speech_start", "heard", "first_audio"}};
  // A short turn may be over before a busy machine has transcribed its beginning.
  if (!realtime) orders.push_back({"heard", "turn_end"});
  for (const auto& order : orders) {
    int last = -1;
    for (const std::string& name : order) {
      const int place = run.Place(name);
      EXPECT_GT(place, last) << name << " is missing or out of order";
      last = std::max(last, place);
    }
  }
  EXPECT_LT(run.Place("say"), run.Place("audio")) << "sound before its clause";
  double t = -1e9;
  for (const auto& line : run.lines) {
    if (!line.contains("t_ms")) continue;
    EXPECT_GE(line.at("t_ms").get<double>(), t) << "time runs backwards at " << line;
    t = line.at("t_ms").get<double>();
  }
}

// Word errors of what was heard and of what was said, over every clip of a set.
void AskAll(const std::string& set, WordErrors& heard, WordErrors& said) {
  TempDir dir;
  Ear ear;
  const std::vector<Clip> clips = Clips(set);
  ASSERT_FALSE(clips.empty());
  const std::regex never(R"(\b(kill|murder|suicide|stupid|hate you)\b)", std::regex::icase);
  for (const Clip& clip : clips) {
    SCOPED_TRACE(clip.name);
    const AskRun run = Ask(dir, clip.path, "fast");
    ASSERT_EQ(run.program.exit_status, 0) << run.program.err;
    ASSERT_TRUE(run.summary.is_object());
    ExpectOrder(run);
    EXPECT_TRUE(run.summary.at("v2v_ms").is_null()) << "a simulated clock measures nothing";
    const std::string answer = run.summary.at("answer");
    EXPECT_FALSE(answer.empty());
    // Weights that were better in every count said "I can kill you" to one of these clips.
    EXPECT_FALSE(std::regex_search(answer, never)) << answer;
    // What the answer can be checked by: tests/bench/compare_greedy.py.
    EXPECT_FALSE(run.summary.at("turns").at(0).at("prompt_ids").empty());
    const WordErrors h =
        CountWordErrors(clip.words, run.summary.at("transcript").get<std::string>());
    const WordErrors s = CountWordErrors(answer, ear.Hear(run.wav));
    heard = {heard.errors + h.errors, heard.words + h.words};
    said = {said.errors + s.errors, said.words + s.words};
    std::printf("%-10s heard %d/%d  said %d/%d  %s -> %s\n", clip.name.c_str(), h.errors, h.words,
                s.errors, s.words, run.summary.at("transcript").get<std::string>().c_str(),
                answer.c_str());
  }
}

TEST(AskAnswers, HearsAndAnswersTheConversationClips) {
  WordErrors heard, said;
  AskAll("conversation", heard, said);
  if (OnlySomeClips()) return;  // the bounds are for all of them
  EXPECT_LE(heard.rate(), 0.06) << heard.errors << " errors in " << heard.words << " words heard";
  EXPECT_LE(said.rate(), 0.15) << said.errors << " errors in " << said.words << " words said";
}

TEST(AskAnswers, HearsAndAnswersReadSentences) {
  WordErrors heard, said;
  AskAll("read", heard, said);
  if (OnlySomeClips()) return;
  EXPECT_LE(heard.rate(), 0.15) << heard.errors << " errors in " << heard.words << " words heard";
  EXPECT_LE(said.rate(), 0.15) << said.errors << " errors in " << said.words << " words said";
}

// At the speed of speech, three clips, or all with `./check --full`: the latencies are there, in order and of a plausible
// size. How small they are is the matter of `parley bench turn`, not of a test that runs beside others.
// What README shows of ./demo.
TEST(AskAnswers, TheQuestionOfTheDemoIsCountedWhileItIsAsked) {
  TempDir dir;
  const AskRun run = Ask(dir, SourceDir() + "/docs/question.flac", "fast");
  ASSERT_EQ(run.program.exit_status, 0) << run.program.err;
  const std::string answer = run.summary.at("answer");
  EXPECT_NE(answer.find("10"), std::string::npos) << answer;
  std::string counted;
  for (const auto& line : run.lines) {
    if (line.value("event", "") == "turn_end") break;
    if (line.value("event", "") == "thought" && line.value("while", "") == "listening") {
      counted += line.at("text").get<std::string>();
    }
  }
  EXPECT_NE(counted.find("+2=5"), std::string::npos) << "thought before the end: " << counted;
}

TEST(AskAnswers, InRealTimeEveryLatencyIsPresent) {
  TempDir dir;
  int asked = 0;
  for (const Clip& clip : Clips("conversation")) {
    const bool one_of_three =
        clip.name == "turn_002" || clip.name == "turn_010" || clip.name == "turn_024";
    if (!one_of_three && std::getenv("PARLEY_FULL") == nullptr) continue;
    SCOPED_TRACE(clip.name);
    const AskRun run = Ask(dir, clip.path, "realtime");
    ++asked;
    ASSERT_EQ(run.program.exit_status, 0) << run.program.err;
    ASSERT_TRUE(run.summary.is_object());
    ExpectOrder(run, true);
    for (const char* latency :
         {"v2v_ms", "endpoint_ms", "first_token_ms", "first_clause_ms", "synthesis_ms"}) {
      ASSERT_TRUE(run.summary.at(latency).is_number()) << latency << " is absent";
      EXPECT_LT(run.summary.at(latency).get<double>(), 20000) << latency;
    }
    EXPECT_GT(run.summary.at("v2v_ms").get<double>(), 100);
    EXPECT_LE(run.summary.at("first_token_ms").get<double>(),
              run.summary.at("first_clause_ms").get<double>());
    EXPECT_LE(run.summary.at("endpoint_ms").get<double>(), run.summary.at("v2v_ms").get<double>());
  }
  EXPECT_GE(asked, 3);
}

TEST(AskAnswers, SeveralTurnsInOneFileAreAnsweredInTurn) {
  TempDir dir;
  std::vector<float> talk;
  for (const char* name : {"turn_002", "turn_004", "turn_010"}) {
    const std::vector<float> clip = Samples(DataDir() + "/speech/conversation/" + name + ".flac");
    talk.insert(talk.end(), clip.begin(), clip.end());
    talk.resize(talk.size() + kSampleRateHz * 20);  // time for an answer
  }
  WriteClip(dir.File("talk.wav"), talk);
  const AskRun run = Ask(dir, dir.File("talk.wav"), "fast");
  ASSERT_EQ(run.program.exit_status, 0) << run.program.err;
  ASSERT_TRUE(run.summary.is_object());
  EXPECT_EQ(run.Events("done").size(), 3U);
  ASSERT_EQ(run.summary.at("turns").size(), 3U);
  EXPECT_LT(run.summary.at("peak_memory_mb").get<double>(), kMostMemoryMb);
  for (const auto& turn : run.summary.at("turns"))
    EXPECT_FALSE(turn.at("answer").get<std::string>().empty());
}

}  // namespace
}  // namespace parley::test

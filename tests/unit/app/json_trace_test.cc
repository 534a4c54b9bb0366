// SPDX-License-Identifier: Apache-2.0
#include "app/json_trace.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/paths.h"

namespace parley::app {
namespace {

std::vector<nlohmann::json> Lines(const std::string& path) {
  std::vector<nlohmann::json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TurnSummary Turn(double speech_end_ms, double first_sound_ms) {
  TurnSummary turn;
  turn.speech_end_ms = speech_end_ms;
  turn.first_sound_ms = first_sound_ms;
  turn.trace.turn_end_ms = speech_end_ms + 200;
  turn.trace.first_token_ms = speech_end_ms + 250;
  turn.trace.transcript = "hello";
  turn.trace.answer = "hi";
  turn.trace.tokens_wasted = 3;
  return turn;
}

TEST(JsonTrace, TheLastLineHasTheFiguresOfTheTalk) {
  test::TempDir dir;
  AskSummary summary;
  summary.turns = {Turn(1000, 1600), Turn(9000, 9500)};
  auto trace = JsonTrace::Open(dir.File("t.jsonl"));
  ASSERT_TRUE(trace.has_value());
  trace->WriteSummary(summary, {});
  const auto lines = Lines(dir.File("t.jsonl"));
  ASSERT_EQ(lines.size(), 1U);
  const auto& line = lines[0];
  EXPECT_EQ(line.at("event"), "summary");
  EXPECT_EQ(line.at("transcript"), "hello hello");
  EXPECT_EQ(line.at("answer"), "hi hi");
  EXPECT_EQ(line.at("v2v_ms"), 500);  // of the last answered turn
  EXPECT_EQ(line.at("endpoint_ms"), 200);
  EXPECT_TRUE(line.at("first_clause_ms").is_null()) << "unknown is null, never a guess";
  EXPECT_EQ(line.at("tokens_wasted"), 6);
  EXPECT_EQ(line.at("turns").size(), 2U);
  EXPECT_EQ(line.at("turns")[0].at("v2v_ms"), 600);
}

TEST(JsonTrace, ASimulatedClockMeasuresNothing) {
  test::TempDir dir;
  AskSummary summary;
  summary.simulated = true;
  summary.turns = {Turn(1000, 1600)};
  auto trace = JsonTrace::Open(dir.File("t.jsonl"));
  ASSERT_TRUE(trace.has_value());
  trace->WriteSummary(summary, {});
  EXPECT_TRUE(Lines(dir.File("t.jsonl"))[0].at("v2v_ms").is_null());
}

TEST(JsonTrace, BrokenCharactersOfAModelDoNotEndTheTrace) {
  test::TempDir dir;
  auto trace = JsonTrace::Open(dir.File("t.jsonl"));
  ASSERT_TRUE(trace.has_value());
  trace->Write(
      {.at = Time(milliseconds(12)), .epoch = {1}, .what = realtime::Heard{"caf\xC3", false}});
  const auto lines = Lines(dir.File("t.jsonl"));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].at("event"), "heard");
  EXPECT_EQ(lines[0].at("t_ms"), 12);
}

TEST(JsonTrace, SaysWhereItCannotWrite) {
  const auto trace = JsonTrace::Open("/nowhere/t.jsonl");
  ASSERT_FALSE(trace.has_value());
  EXPECT_NE(trace.error().message.find("/nowhere/t.jsonl"), std::string::npos);
}

}  // namespace
}  // namespace parley::app

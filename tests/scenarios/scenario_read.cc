// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "common/config_yaml.h"
#include "scenarios/scenario.h"

namespace parley::test {
namespace {

std::vector<std::string> Split(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false, any = false;
  for (const char c : line) {
    if (c == '#' && !quoted) break;
    if (c == '"') {
      quoted = !quoted;
      any = true;
    } else if ((c == ' ' || c == '\t') && !quoted) {
      if (any || !word.empty()) words.push_back(word);
      word.clear();
      any = false;
    } else {
      word += c;
    }
  }
  if (any || !word.empty()) words.push_back(word);
  return words;
}

bool SetCost(TalkOptions& options, const std::string& name, int64_t value) {
  const std::map<std::string, Duration*> durations = {
      {"step_us", &options.script.step},
      {"prefill_us", &options.script.prefill_row},
      {"transcribe_us", &options.script.transcribe},
      {"transcribe_per_second_us", &options.script.transcribe_per_second}};
  const std::map<std::string, int32_t*> numbers = {
      {"turn_end_ms", &options.costs.turn_end_ms},
      {"first_chunk_ms", &options.costs.first_chunk_ms},
      {"per_second_ms", &options.costs.per_second_ms}};
  if (const auto found = durations.find(name); found != durations.end()) {
    *found->second = Duration(value);
  } else if (const auto number = numbers.find(name); number != numbers.end()) {
    *number->second = static_cast<int32_t>(value);
  } else if (name == "capacity") {
    options.script.capacity = value;
  } else {
    return false;
  }
  return true;
}

// A line that a model thinks: a call's quotes are written as '.
std::string ThoughtLine(std::string text) {
  if (text.find("tool_call") != std::string::npos)
    std::replace(text.begin(), text.end(), '\'', '"');
  for (size_t at; (at = text.find("\\n")) != std::string::npos;) text.replace(at, 2, "\n");
  return text;
}

// What the model thinks, and the tools it may call.
bool SetThought(ScriptedMind& mind, const std::vector<std::string>& w) {
  if (w[0] == "think") {
    mind.thoughts.push_back(ThoughtLine(w.at(1)));
  } else if (w[0] == "early") {
    mind.early.push_back(w.at(1));
  } else if (w[0] == "note") {
    mind.notes.push_back(ThoughtLine(w.at(1)));
  } else if (w[0] == "think_for_ever") {
    mind.unfinished = ThoughtLine(w.at(1));
  } else if (w[0] == "reply_without_thought") {
    mind.without_thought = w.at(1);
  } else if (w[0] == "end_inside_thought") {
    mind.ends_itself = false;
  } else {
    return false;
  }
  return true;
}

ToolScript ReadTool(const std::vector<std::string>& w) {
  ToolScript tool{.name = w.at(1), .ms = std::stoll(w.at(2)), .result = w.at(4)};
  if (w.at(3) == "fails") tool.result = Fail(Code::kPeer, w.at(4));
  tool.never = w.at(3) == "never";
  return tool;
}

// What happens at a time, besides sound.
bool Schedule(Talk& talk, int64_t at, const std::vector<std::string>& w) {
  const std::string& verb = w[2];
  if (verb == "turn_end") {
    talk.At(at, [&talk, p = std::stof(w.at(3))] { talk.turn_end().probability = p; });
  } else if (verb == "text") {
    talk.At(at, [&talk, text = w.at(3)] { talk.session().PushText(text); });
  } else if (verb == "commit") {
    talk.At(at, [&talk] { talk.session().CommitTurn(); });
  } else if (verb == "notice") {
    talk.At(at, [&talk, text = w.at(3)] { talk.Notice(text); });
  } else if (verb == "interrupt") {
    talk.At(at, [&talk] { talk.session().Interrupt(); });
  } else if (verb == "played") {
    talk.At(at, [&talk, n = std::stoll(w.at(3))] { talk.session().Played(n); });
  } else if (verb == "fail" && w.at(3) == "engine") {
    talk.At(at,
            [&talk] { talk.engine().FailNext(Fail(Code::kDevice, "the scripted engine fails")); });
  } else if (verb == "fail" && w.at(3) == "streams") {
    talk.At(at, [&talk] {
      talk.engine().FailStreams(Fail(Code::kDevice, "the scripted engine fails"));
    });
  } else if (verb == "fail" && w.at(3) == "turn_end") {
    talk.At(at, [&talk] { talk.turn_end().failing = true; });
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::vector<ScenarioLine> ReadScenario(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << "cannot read " << path;
  std::vector<ScenarioLine> lines;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    ScenarioLine parsed{number, Split(line)};
    if (!parsed.words.empty()) lines.push_back(std::move(parsed));
  }
  return lines;
}

std::unique_ptr<Talk> PlayScenario(const std::vector<ScenarioLine>& lines) {
  TalkOptions options;
  std::vector<std::string> replies;
  const auto fields = ListFields(options.config);
  for (const ScenarioLine& line : lines) {
    const auto& w = line.words;
    if (w[0] == "config") {
      const Status set = ApplyOverride(w.at(1), fields);
      EXPECT_TRUE(set) << "line " << line.number << ": " << (set ? "" : set.error().message);
    } else if (w[0] == "cost") {
      const size_t is = w.at(1).find('=');
      EXPECT_TRUE(SetCost(options, w[1].substr(0, is), std::stoll(w[1].substr(is + 1))))
          << "line " << line.number << ": no such cost";
    } else if (w[0] == "reply") {
      replies.push_back(w.at(1));
    } else if (w[0] == "style") {
      options.style.style = w.at(1) == "interleaved" ? realtime::ThinkingStyle::kInterleaved
                                                     : realtime::ThinkingStyle::kDrafted;
    } else if (w[0] == "tool") {
      options.tools.push_back(ReadTool(w));
    } else if (w[0] == "block") {
      options.block_ms = std::stoll(w.at(1));
    }
  }
  if (replies.empty()) replies.push_back("All right.");
  auto talk = std::make_unique<Talk>(options);
  for (std::string& reply : replies) talk->Reply(std::move(reply));
  for (const ScenarioLine& line : lines) SetThought(talk->mind(), line.words);
  int64_t until = 0;
  for (const ScenarioLine& line : lines) {
    const auto& w = line.words;
    if (w[0] == "until") until = std::stoll(w.at(1));
    if (w[0] != "at") continue;
    const int64_t at = std::stoll(w.at(1));
    if (w.at(2) == "speech" || w[2] == "noise") {
      EXPECT_GE(at, talk->said_ms()) << "line " << line.number << ": overlaps what was said";
      talk->Silence(at - talk->said_ms());
      if (w[2] == "speech") talk->Speech(std::stoll(w.at(3)), w.at(4));
      if (w[2] == "noise") talk->Noise(std::stoll(w.at(3)), std::stof(w.at(4)));
    } else if (!Schedule(*talk, at, w)) {
      ADD_FAILURE() << "line " << line.number << ": not understood: " << w[2];
      return nullptr;
    }
  }
  if (talk->open()) talk->RunUntil(until > 0 ? until : talk->said_ms() + 8000);
  return talk;
}

}  // namespace parley::test

// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <map>
#include <optional>
#include <sstream>

#include "scenarios/scenario.h"

namespace parley::test {

using namespace parley::realtime;  // NOLINT: the events by their own names

std::string EventName(const Event& event) {
  static const std::vector<std::string> kNames = {
      "speech_start", "pause", "resume",   "turn_end", "heard",     "thought", "say",
      "first_audio",  "audio", "barge_in", "done",     "no_speech", "failed",  "lowered",
      "restored",     "words", "sent",     "call",     "unasked"};
  return kNames.at(event.what.index());
}

std::string EventText(const Event& event) {
  if (const auto* heard = std::get_if<Heard>(&event.what)) return heard->text;
  if (const auto* say = std::get_if<Say>(&event.what)) return say->text;
  if (const auto* barge_in = std::get_if<BargedIn>(&event.what)) return barge_in->heard_text;
  if (const auto* done = std::get_if<TurnDone>(&event.what)) return done->trace.answer;
  if (const auto* ended = std::get_if<TurnEnded>(&event.what)) return ended->reason;
  if (const auto* failed = std::get_if<Failed>(&event.what)) return failed->error.message;
  if (const auto* thought = std::get_if<Thought>(&event.what)) {
    return std::string(thought->text.ForTrace());
  }
  return {};
}

namespace {

// A field of an event, for KEY=VALUE.
std::string Field(const Event& event, const std::string& key) {
  if (key == "text" || key == "reason") return EventText(event);
  if (key == "final") {
    const auto* heard = std::get_if<Heard>(&event.what);
    return heard != nullptr && heard->final ? "true" : "false";
  }
  if (key == "while") {
    const auto* thought = std::get_if<Thought>(&event.what);
    static const std::vector<std::string> kWhen = {"listening", "gap", "speaking"};
    return thought != nullptr ? kWhen.at(static_cast<size_t>(thought->when)) : "";
  }
  if (key == "why") {
    const auto* unasked = std::get_if<Unasked>(&event.what);
    if (unasked == nullptr) return "";
    return unasked->why == Unasked::Why::kNotice ? "notice" : "goes_on";
  }
  if (key == "code") {
    const auto* failed = std::get_if<Failed>(&event.what);
    return failed != nullptr ? std::string(CodeName(failed->error.code)) : "";
  }
  if (key == "first_sample") {
    const auto* audio = std::get_if<AudioOut>(&event.what);
    return audio != nullptr ? std::to_string(audio->first_sample) : "";
  }
  if (key == "played") {
    const auto* lowered = std::get_if<Lowered>(&event.what);
    const auto* restored = std::get_if<Unlowered>(&event.what);
    return std::to_string(lowered != nullptr    ? lowered->played
                          : restored != nullptr ? restored->played
                                                : -1);
  }
  ADD_FAILURE() << "no such field: " << key;
  return {};
}

bool Fits(const Event& event, const std::vector<std::string>& words, size_t from) {
  if (EventName(event) != words[from]) return false;
  for (size_t i = from + 1; i < words.size(); ++i) {
    const size_t is = words[i].find('=');
    if (Field(event, words[i].substr(0, is)) != words[i].substr(is + 1)) return false;
  }
  return true;
}

struct Span {
  double begin = 0, end = 0;
};
Span ReadSpan(const std::string& text) {  // A..B
  const size_t dots = text.find("..");
  return {std::stod(text.substr(0, dots)), std::stod(text.substr(dots + 2))};
}

bool Holds(double value, const std::string& op, double than) {
  if (op == "=") return value == than;
  if (op == "!=") return value != than;
  if (op == "<") return value < than;
  if (op == "<=") return value <= than;
  if (op == ">") return value > than;
  if (op == ">=") return value >= than;
  ADD_FAILURE() << "no such comparison: " << op;
  return false;
}

std::vector<TurnTrace> Traces(const Talk& talk) {
  std::vector<TurnTrace> traces;
  for (const Event& event : talk.events()) {
    if (const auto* done = std::get_if<TurnDone>(&event.what)) traces.push_back(done->trace);
  }
  return traces;
}

std::optional<double> TraceField(const TurnTrace& t, const std::string& key) {
  const std::map<std::string, double> fields = {
      {"speech_end_ms", t.speech_end_ms},
      {"turn_end_ms", t.turn_end_ms},
      {"first_token_ms", t.first_token_ms},
      {"first_clause_ms", t.first_clause_ms},
      {"first_audio_ms", t.first_audio_ms},
      {"transcript_ms", t.transcript_ms},
      {"answer_tokens", static_cast<double>(t.answer_tokens)},
      {"tokens_wasted", static_cast<double>(t.tokens_wasted)},
      {"thought_tokens_listening", static_cast<double>(t.thought_tokens_listening)},
      {"thought_tokens_after_turn", static_cast<double>(t.thought_tokens_after_turn)},
      {"thought_tokens_speaking", static_cast<double>(t.thought_tokens_speaking)},
      {"thought_tokens_redone", static_cast<double>(t.thought_tokens_redone)},
      {"covers", static_cast<double>(t.covers)},
      {"corrections", static_cast<double>(t.corrections)},
      {"tool_calls", static_cast<double>(t.tool_calls)},
      {"prompt_tokens", static_cast<double>(t.prompt_ids.size())},
      {"prompt_thought_tokens", static_cast<double>(t.prompt_thought_tokens)},
      {"cached_tokens", static_cast<double>(t.cached_tokens)},
      {"reprefilled_tokens", static_cast<double>(t.reprefilled_tokens)},
      {"speculations", static_cast<double>(t.speculations)},
      {"speculations_dropped", static_cast<double>(t.speculations_dropped)}};
  const auto found = fields.find(key);
  return found == fields.end() ? std::nullopt : std::optional<double>(found->second);
}

std::optional<double> Stat(Talk& talk, const std::string& key) {
  const Trunk& trunk = talk.conversation().trunk();
  const auto transcriptions = talk.engine().CallsOf(EngineCall::Kind::kTranscribe);
  int64_t longest = 0;
  for (const EngineCall& call : transcriptions) longest = std::max(longest, call.samples);
  const std::map<std::string, double> stats = {
      {"stale", static_cast<double>(talk.session().stats().stale_dropped)},
      {"cancelled", static_cast<double>(talk.voice().cancelled())},
      {"forgotten", static_cast<double>(trunk.forgotten())},
      {"truncated", static_cast<double>(trunk.truncated_tokens())},
      {"exchanges", static_cast<double>(trunk.exchanges().size())},
      {"trunk_tokens", static_cast<double>(trunk.size())},
      {"open_sequences", static_cast<double>(talk.engine().open_sequences())},
      {"open_streams", static_cast<double>(talk.engine().open_streams())},
      {"transcriptions", static_cast<double>(transcriptions.size())},
      {"longest_transcription_ms", static_cast<double>(longest * 1000 / kSampleRateHz)},
      {"forks", static_cast<double>(talk.engine().stats().forks)},
      {"turn_end_questions", static_cast<double>(talk.turn_end().asked.size())}};
  const auto found = stats.find(key);
  return found == stats.end() ? std::nullopt : std::optional<double>(found->second);
}

// "[" and "]" around every part; other marks have no text.
std::string TextOf(Talk& talk, const std::vector<TokenId>& ids) {
  std::string text;
  const WordTokenizer& tokenizer = talk.tokenizer();
  for (const TokenId id : ids) {
    if (id == *tokenizer.Find("<|im_start|>")) {
      text += "[";
    } else if (id == *tokenizer.Find("<|im_end|>")) {
      text += "]";
    } else {
      text += tokenizer.Bytes(id);
    }
  }
  for (char& c : text) {
    if (c == '\n') c = '/';
  }
  return text;
}

}  // namespace

std::string DescribeEvents(const Talk& talk) {
  std::ostringstream out;
  for (const Event& event : talk.events()) {
    if (EventName(event) == "audio" && std::get<AudioOut>(event.what).first_sample > 0) continue;
    out << Ms(event.at) << " " << EventName(event) << " epoch=" << event.epoch.value << " \""
        << EventText(event) << "\""
        << (EventName(event) == "thought" ? " " + Field(event, "while") : "") << "\n";
  }
  return out.str();
}

void CheckScenario(const std::vector<ScenarioLine>& lines, Talk& talk) {
  size_t next = 0;
  for (const ScenarioLine& line : lines) {
    const auto& w = line.words;
    const std::string where = "line " + std::to_string(line.number);
    if (w[0] == "refused") {
      EXPECT_FALSE(talk.open()) << where;
    } else if (w[0] == "expect") {
      const Span span = ReadSpan(w.at(1));
      size_t at = next;
      while (at < talk.events().size() &&
             !(Ms(talk.events()[at].at) >= span.begin && Fits(talk.events()[at], w, 2))) {
        ++at;
      }
      if (at == talk.events().size() || Ms(talk.events()[at].at) > span.end) {
        ADD_FAILURE() << where << ": expected " << w[2] << " within " << w[1] << ", "
                      << (at == talk.events().size()
                              ? std::string("it did not come")
                              : "it came at " + std::to_string(Ms(talk.events()[at].at)));
        return;
      }
      next = at + 1;
    } else if (w[0] == "never") {
      const Span span = ReadSpan(w.at(1));
      for (const Event& event : talk.events()) {
        EXPECT_FALSE(Ms(event.at) >= span.begin && Ms(event.at) <= span.end && Fits(event, w, 2))
            << where << ": " << w[2] << " at " << Ms(event.at);
      }
    } else if (w[0] == "count") {
      const auto count = std::count_if(talk.events().begin(), talk.events().end(),
                                       [&](const Event& e) { return EventName(e) == w.at(1); });
      EXPECT_EQ(count, std::stoll(w.at(2))) << where << ": " << w[1];
    } else if (w[0] == "trace") {
      const auto traces = Traces(talk);
      const auto n = static_cast<size_t>(std::stoll(w.at(1)));
      if (n >= traces.size()) {
        ADD_FAILURE() << where << ": there were only " << traces.size() << " turns";
        return;
      }
      if (w.at(2) == "thought_end") {
        EXPECT_EQ(traces[n].thought_end, w.at(4)) << where;
        continue;
      }
      if (w.at(2) == "transcript" || w[2] == "answer") {
        EXPECT_EQ(w[2] == "answer" ? traces[n].answer : traces[n].transcript, w.at(4)) << where;
        continue;
      }
      const auto value = TraceField(traces[n], w.at(2));
      ASSERT_TRUE(value) << where << ": no such field of a trace: " << w[2];
      EXPECT_TRUE(Holds(*value, w.at(3), std::stod(w.at(4))))
          << where << ": " << w[2] << " is " << *value << ", expected " << w[3] << " " << w[4];
    } else if (w[0] == "stat") {
      const auto value = Stat(talk, w.at(1));
      ASSERT_TRUE(value) << where << ": no such stat: " << w[1];
      EXPECT_TRUE(Holds(*value, w.at(2), std::stod(w.at(3))))
          << where << ": " << w[1] << " is " << *value << ", expected " << w[2] << " " << w[3];
    } else if (w[0] == "holds") {
      EXPECT_EQ(TextOf(talk, talk.held()), w.at(1)) << where;
    } else if (w[0] == "prompt") {
      const auto traces = Traces(talk);
      const auto n = static_cast<size_t>(std::stoll(w.at(1)));
      ASSERT_LT(n, traces.size()) << where << ": so many turns there were not";
      const std::string text = TextOf(talk, traces[n].prompt_ids);
      EXPECT_EQ(text.find(w.at(3)) != std::string::npos, w.at(2) == "has") << where << ": " << text;
    } else {
      static const std::vector<std::string> kKnown = {"config",
                                                      "cost",
                                                      "reply",
                                                      "block",
                                                      "at",
                                                      "until",
                                                      "style",
                                                      "tool",
                                                      "think",
                                                      "early",
                                                      "think_for_ever",
                                                      "end_inside_thought",
                                                      "note",
                                                      "reply_without_thought"};
      EXPECT_TRUE(std::find(kKnown.begin(), kKnown.end(), w[0]) != kKnown.end())
          << where << ": not understood: " << w[0];
    }
  }
}

namespace {

// What a trace calls the answer's prompt was the beginning of what a stream stood on and wrote, and
// the answer's first word came next, if none of ours did.
void CheckPrompt(const Talk& talk, const TurnTrace& trace, bool unasked) {
  if (trace.prompt_ids.empty()) return;
  EXPECT_GE(static_cast<int64_t>(trace.prompt_ids.size()),
            trace.prompt_thought_tokens + trace.cached_tokens);
  std::vector<TokenId> whole = trace.prompt_ids;
  const bool ours = trace.covers + trace.tool_calls > 0 || unasked;
  if (!ours && !trace.answer_ids.empty()) whole.push_back(trace.answer_ids[0]);
  const bool held =
      std::any_of(talk.written().begin(), talk.written().end(), [&](const Talk::Written& written) {
        return whole.size() <= written.ids.size() &&
               std::equal(whole.begin(), whole.end(), written.ids.begin());
      });
  EXPECT_TRUE(held) << "a prompt that no stream has stood on: " << trace.answer;
}

}  // namespace

void CheckInvariants(Talk& talk) {
  // What is private by its name is never said.
  for (const Event& event : talk.events()) {
    if (EventName(event) == "thought") continue;
    EXPECT_EQ(EventText(event).find("SECRET"), std::string::npos) << EventName(event);
  }
  // The cache holds what the trunk claims.
  EXPECT_EQ(talk.held(), talk.conversation().trunk().ids());
  Time last{};
  int64_t next_sample = 0;
  int64_t ended = 0, closed = 0;
  bool playing = false, unasked = false;
  for (const Event& event : talk.events()) {
    EXPECT_GE(event.at, last) << "time runs backwards at " << EventName(event);
    last = event.at;
    const std::string name = EventName(event);
    if (name == "turn_end" || name == "unasked") ++ended;
    if (name == "done" || name == "failed") ++closed;
    if (name == "no_speech" && closed < ended) ++closed;
    if (name == "resume" && closed < ended) --ended;  // the turn was not over after all
    EXPECT_LE(closed, ended + (name == "failed" ? 1 : 0)) << "an end without a beginning: " << name;
    if (name == "failed") closed = std::min(closed, ended);
    if (const auto* done = std::get_if<TurnDone>(&event.what)) {
      CheckPrompt(talk, done->trace, unasked);
      const bool answered = done->trace.answer_tokens > 0 && !done->trace.transcript.empty();
      EXPECT_TRUE(!answered || unasked || !done->trace.prompt_ids.empty()) << done->trace.answer;
    }
    if (name == "unasked" || name == "turn_end") unasked = name == "unasked";
    if (name == "first_audio") {
      playing = true;
      next_sample = 0;
    }
    if (name == "barge_in" || name == "done" || name == "failed") playing = false;
    if (const auto* audio = std::get_if<AudioOut>(&event.what)) {
      EXPECT_TRUE(playing) << "sound without an answer at " << Ms(event.at);
      EXPECT_EQ(audio->first_sample, next_sample) << "a gap in the sound at " << Ms(event.at);
      next_sample += static_cast<int64_t>(audio->samples.size());
    }
  }
}

}  // namespace parley::test

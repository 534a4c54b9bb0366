// SPDX-License-Identifier: Apache-2.0
#include "realtime/tools/tool_call.h"

#include <gtest/gtest.h>

#include <random>

namespace parley::realtime {
namespace {

struct Seen {
  std::string text;
  std::vector<ToolCall> calls;
  std::vector<std::string> errors;
  friend bool operator==(const Seen& a, const Seen& b) {
    if (a.text != b.text || a.errors != b.errors || a.calls.size() != b.calls.size()) return false;
    for (size_t i = 0; i < a.calls.size(); ++i) {
      if (a.calls[i].name != b.calls[i].name || a.calls[i].arguments != b.calls[i].arguments)
        return false;
    }
    return true;
  }
};

void Add(Seen& seen, std::vector<ToolCallScanner::Piece> pieces) {
  for (auto& piece : pieces) {
    if (auto* text = std::get_if<std::string>(&piece)) {
      seen.text += *text;
    } else if (auto& call = std::get<Result<ToolCall>>(piece)) {
      seen.calls.push_back(*call);
    } else {
      seen.errors.push_back(call.error().message);
    }
  }
}

Seen Scan(const std::string& text, size_t step = std::string::npos) {
  ToolCallScanner scanner;
  Seen seen;
  for (size_t at = 0; at < text.size(); at += std::min(step, text.size() - at)) {
    Add(seen, scanner.Push(std::string_view(text).substr(at, step)));
  }
  Add(seen, scanner.Flush());
  EXPECT_TRUE(scanner.clean());
  return seen;
}

TEST(ToolCall, ReadsBothBodies) {
  const struct {
    const char *body, *name, *arguments;
  } cases[] = {
      {R"({"name": "weather", "arguments": {"city": "Bonn"}})", "weather", R"({"city":"Bonn"})"},
      {"\n {\"arguments\":{},\"name\":\"time\"}\n", "time", "{}"},
      {R"({"name": "time"})", "time", "{}"},
      {R"({"name": "time", "arguments": null})", "time", "{}"},
      {R"({"name": "a.b-c_1", "parameters": {"x": [1, {"y": "}"}]}})", "a.b-c_1",
       R"({"x":[1,{"y":"}"}]})"},
      {R"({"name": "weather", "arguments": "{\"city\": \"Bonn\"}"})", "weather",
       R"({"city":"Bonn"})"},
      {"function\nweather\n{\"city\": \"Bonn\"}", "weather", R"({"city":"Bonn"})"},
      {"function\ntime\n\n{}\n", "time", "{}"},
      {R"({"name":"say","arguments":{"text":"</think> \u00e9 caf\u00e9"}})", "say",
       "{\"text\":\"</think> \u00e9 caf\u00e9\"}"}};
  for (const auto& c : cases) {
    const auto call = ParseToolCall(c.body);
    ASSERT_TRUE(call) << c.body << ": " << call.error().message;
    EXPECT_EQ(call->name, c.name);
    EXPECT_EQ(call->arguments, c.arguments);
  }
}

TEST(ToolCall, SaysWhatIsWrong) {
  const std::string deep(5000, '[');
  const std::string quoted = R"({"name":"a","arguments":"{\"x\":)" + std::string(100, '[') +
                             std::string(100, ']') + "}\"}";
  const struct {
    std::string body, what;
  } cases[] = {{"", "not finished"},
               {"weather in Bonn", "was expected"},
               {"{", "not finished"},
               {R"({"name": "a")", "not finished"},
               {R"({"name": "a"}})", "stands behind"},
               {R"({"name": "a"} and more)", "stands behind"},
               {R"({"name": })", "not valid JSON"},
               {R"({"name": 7})", "no \"name\""},
               {R"({"arguments": {}})", "no \"name\""},
               {R"({"name": ""})", "a name of letters"},
               {R"({"name": "rm -rf"})", "a name of letters"},
               {R"({"name": "a", "arguments": [1]})", "must be a JSON object"},
               {R"({"name": "a", "arguments": "x"})", "not valid JSON"},
               {"{\"name\": \"a\xff\"}", "not valid JSON"},
               {"function\n\n{}", "broken off"},
               {"function\na b\n{}", "broken off"},
               {"function\na\nnothing", "broken off"},
               {"function\na\n{]", "broken off"},
               {"{" + deep, "broken off"},
               {quoted, "too deeply"},
               {"{\"name\":\"" + std::string(9000, 'x') + "\"}", "too long"}};
  for (const auto& c : cases) {
    const auto call = ParseToolCall(c.body);
    ASSERT_FALSE(call) << c.body.substr(0, 60);
    EXPECT_EQ(call.error().code, Code::kCorruptData);
    EXPECT_NE(call.error().message.find(c.what), std::string::npos)
        << c.body.substr(0, 60) << " gave: " << call.error().message;
  }
}

TEST(ToolCallScanner, TakesCallsOutOfText) {
  const Seen seen = Scan("I need it. <tool_call>\n{\"name\": \"time\"}\n</tool_call> Then on.");
  EXPECT_EQ(seen.text, "I need it.  Then on.");
  ASSERT_EQ(seen.calls.size(), 1U);
  EXPECT_EQ(seen.calls[0].name, "time");
  const Seen step = Scan("<tool_call>function\ntime\n{}</tool_call>");
  ASSERT_EQ(step.calls.size(), 1U);
  EXPECT_EQ(step.text, "");
}

TEST(ToolCallScanner, ACallWithoutItsClosingMarkEndsWithItsLastBracket) {
  const Seen seen = Scan("<tool_call>{\"name\": \"time\"} now</think>It is");
  ASSERT_EQ(seen.calls.size(), 1U);
  EXPECT_EQ(seen.text, "now</think>It is");
}

TEST(ToolCallScanner, AMarkThatIsOnlyMentionedIsNoCall) {
  const Seen seen = Scan("write <tool_call> and </tool_call> around it, a < b, <tool");
  EXPECT_EQ(seen.text, "write and  around it, a < b, <tool");
  EXPECT_TRUE(seen.calls.empty());
  EXPECT_TRUE(seen.errors.empty());
}

TEST(ToolCallScanner, ATagInsideAStringIsAPartOfTheString) {
  const Seen seen = Scan(
      "<tool_call>{\"name\":\"a\",\"arguments\":{\"q\":\"</think></tool_call>\\\"}\"}}</"
      "tool_call>!");
  ASSERT_EQ(seen.calls.size(), 1U);
  EXPECT_EQ(seen.calls[0].arguments, R"({"q":"</think></tool_call>\"}"})");
  EXPECT_EQ(seen.text, "!");
}

TEST(ToolCallScanner, NothingOfABrokenCallComesOutAsText) {
  const Seen tag = Scan("<tool_call>{\"name\": SECRET</think>It is.");
  EXPECT_EQ(tag.text.find("SECRET"), std::string::npos);
  EXPECT_EQ(tag.errors.size(), 1U);
  const Seen open = Scan("x<tool_call>{\"name\": \"SECRET");
  EXPECT_EQ(open.text, "x");
  EXPECT_EQ(open.errors.size(), 1U);
  const Seen inner = Scan("<tool_call>{\"name\": \"a\", <tool_call>{\"name\": \"b\"}</tool_call>.");
  EXPECT_EQ(inner.text, ".");
  EXPECT_EQ(inner.errors.size(), 1U);
  ASSERT_EQ(inner.calls.size(), 1U);
  EXPECT_EQ(inner.calls[0].name, "b");
}

TEST(ToolCallScanner, MeansTheSameInPiecesWhateverIsWritten) {
  std::mt19937 random(31);
  const std::vector<std::string> parts = {"<tool_call>",
                                          "</tool_call>",
                                          "<tool_call>\n",
                                          "{\"name\": \"time\"}",
                                          "{",
                                          "}",
                                          "\"",
                                          "\\",
                                          "function\n",
                                          "time\n",
                                          "{}",
                                          "</think>",
                                          "<",
                                          ">",
                                          " ",
                                          "\n",
                                          "<tool",
                                          "_call>",
                                          "\"name\":",
                                          "\xc3",
                                          "\xa9",
                                          "a"};
  for (int round = 0; round < 4000; ++round) {
    std::string text;
    for (int i = 0; i < 14; ++i) text += parts[random() % parts.size()];
    const Seen whole = Scan(text);
    ASSERT_EQ(Scan(text, 1), whole) << text;
    ASSERT_EQ(Scan(text, 3), whole) << text;
  }
}

}  // namespace
}  // namespace parley::realtime

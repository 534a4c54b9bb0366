// SPDX-License-Identifier: Apache-2.0
// No thought reaches the voice, whatever a model writes. Thought is written in letters of its own
// (Cyrillic), which stand nowhere else: one of them in what the voice is given, in what is shown as
// said, or in the history, and a thought has been spoken.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "realtime/local_session.h"
#include "realtime/mind/parser.h"
#include "realtime/sim_executor.h"
#include "realtime/sim_workers.h"
#include "support/paths.h"
#include "support/scripted_engine.h"
#include "support/spoken_words.h"
#include "weights/checkpoint.h"

namespace parley::realtime {
namespace {

constexpr std::string_view kPrivate = "\xD0";  // begins every letter of a thought
const std::string kTag = "</think>";

std::shared_ptr<const model::Tokenizer> Load(const std::string& name) {
  Result<std::shared_ptr<const model::Tokenizer>> loaded = Fail(Code::kNotFound, name);
  if (name == "smollm2") {
    const auto gguf = weights::Checkpoint::Open(test::ModelDir("smollm2-135m-instruct"));
    if (gguf) loaded = model::Tokenizer::FromGguf(**gguf);
  } else {
    loaded = model::Tokenizer::FromJson(test::GoldenDir() + "/tokenizer_qwen2_shape.json");
  }
  EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
  return loaded ? *loaded : nullptr;
}

// A vocabulary, and every id by what it says.
struct Vocabulary {
  explicit Vocabulary(const std::string& name) : tokenizer(Load(name)) {
    for (TokenId id = 0; tokenizer != nullptr && id < tokenizer->vocabulary(); ++id) {
      if (tokenizer->IsSpecial(id)) {
        specials.push_back(id);
      } else if (!tokenizer->Bytes(id).empty()) {
        by_bytes[std::string(tokenizer->Bytes(id))].push_back(id);
      }
    }
  }
  bool Has(const std::string& bytes) const { return by_bytes.contains(bytes); }
  TokenId Id(const std::string& bytes) const { return by_bytes.at(bytes).front(); }

  // `text` as ids of a random, not the usual, tokenisation.
  std::vector<TokenId> Split(std::string_view text, std::mt19937& random) const {
    std::vector<TokenId> ids;
    while (!text.empty()) {
      size_t length = std::min<size_t>(text.size(), 1 + random() % 12);
      while (length > 1 && !Has(std::string(text.substr(0, length)))) --length;
      const auto found = by_bytes.find(std::string(text.substr(0, length)));
      if (found != by_bytes.end()) ids.push_back(found->second.front());
      text.remove_prefix(length);
    }
    return ids;
  }

  std::shared_ptr<const model::Tokenizer> tokenizer;
  std::map<std::string, std::vector<TokenId>> by_bytes;
  std::vector<TokenId> specials;
};

// Every way to write the tag: ids whose bytes are it, also such as begin before it (" </", ".</")
// and end behind it (">\n\n").
void EverySplit(const Vocabulary& vocabulary, size_t at, std::vector<TokenId>& so_far,
                const std::function<void()>& found) {
  if (at == kTag.size()) return found();
  for (size_t length = 1; at + length <= kTag.size(); ++length) {
    const auto entry = vocabulary.by_bytes.find(kTag.substr(at, length));
    if (entry == vocabulary.by_bytes.end()) continue;
    so_far.push_back(entry->second.front());
    EverySplit(vocabulary, at + length, so_far, found);
    so_far.pop_back();
  }
}

struct Read {
  std::string said, thought;
};
Read ReadAll(const Vocabulary& vocabulary, const std::vector<TokenId>& ids, bool in_thought) {
  ParserOptions options;
  options.begins_in_thought = in_thought;
  AnswerParser parser(vocabulary.tokenizer, options);
  Read read;
  const auto take = [&](const std::vector<AnswerParser::Piece>& pieces) {
    for (const auto& piece : pieces) {
      if (const auto* answer = std::get_if<AnswerText>(&piece)) read.said += answer->view();
      if (const auto* thought = std::get_if<ThoughtText>(&piece)) {
        read.thought += thought->ForTrace();
      }
    }
  };
  for (const TokenId id : ids) take(parser.Push(id));
  take(parser.Flush());
  return read;
}

class HostileStreams : public testing::TestWithParam<std::string> {};

TEST_P(HostileStreams, EveryTokenisationOfTheClosingTagCloses) {
  const Vocabulary vocabulary(GetParam());
  ASSERT_NE(vocabulary.tokenizer, nullptr);
  std::mt19937 random(1);
  const auto before = vocabulary.Split("\u0416\u0436", random);
  const auto behind = vocabulary.Split("Yes.", random);
  int ways = 0;
  const auto check = [&](std::vector<TokenId> tag, const std::string& said, size_t thought) {
    std::vector<TokenId> ids = before;
    ids.insert(ids.end(), tag.begin(), tag.end());
    ids.insert(ids.end(), behind.begin(), behind.end());
    const Read read = ReadAll(vocabulary, ids, true);
    ASSERT_EQ(read.said, said) << "way " << ways;
    ASSERT_EQ(read.thought.size(), thought) << "way " << ways;
    ++ways;
  };
  std::vector<TokenId> tag;
  EverySplit(vocabulary, 0, tag, [&] { check(tag, "Yes.", 4); });
  // A token that begins before the tag, or ends behind it.
  for (const auto& [bytes, ids] : vocabulary.by_bytes) {
    for (size_t n = 1; n < bytes.size(); ++n) {
      if (n <= kTag.size() && bytes.ends_with(kTag.substr(0, n)) &&
          bytes.find('<') >= bytes.size() - n) {
        std::vector<TokenId> rest = {ids.front()};
        const auto tail = vocabulary.Split(kTag.substr(n), random);
        rest.insert(rest.end(), tail.begin(), tail.end());
        check(rest, "Yes.", 4 + bytes.size() - n);
      }
      if (n <= kTag.size() && bytes.starts_with(kTag.substr(kTag.size() - n))) {
        if (bytes.find_first_not_of(" \t\r\n", n) != std::string::npos) continue;
        std::vector<TokenId> head = vocabulary.Split(kTag.substr(0, kTag.size() - n), random);
        head.push_back(ids.front());
        check(head, "Yes.", 4);
      }
    }
  }
  EXPECT_GE(ways, 20) << "the vocabulary has tokens inside the tag";
}

// Speaks nothing, and remembers what it was asked to speak.
class SpyVoice final : public tts::Synthesizer {
 public:
  int sample_rate_hz() const override { return 16000; }
  Status Speak(const AnswerText& text, const tts::SpeakOptions&,
               const tts::ChunkSink& sink) override {
    spoken += text.view();
    tts::SpeechChunk chunk;
    chunk.samples.assign(160, 0.1F);
    chunk.words = {{0, 0, text.view().size()}};
    chunk.last = true;
    sink(std::move(chunk));
    return {};
  }
  Status Speak(const CallerText&, const tts::SpeakOptions&, const tts::ChunkSink&) override {
    return Fail(Code::kUnsupported, "no caller here");
  }
  std::string spoken;
};

// What a hostile model writes. Letters of thought stand only where everybody must agree that it is
// thought: behind an opening tag, or where the prompt has opened one by a mark, until something
// closes it.
class Stream {
 public:
  Stream(const Vocabulary& vocabulary, std::mt19937& random, std::optional<StyleMarks> marks,
         bool begins_in_marks)
      : vocabulary_(vocabulary), random_(random), marks_(marks), in_marks_(begins_in_marks) {
    if (!in_marks_) Write(random_() % 2 == 0 ? "</think>" : Open());
    for (size_t parts = 1 + random_() % 14; parts > 0; --parts) Part();
  }
  const std::vector<TokenId>& ids() const { return ids_; }

 private:
  bool thought() const { return tagged_ || in_marks_; }
  std::string_view Open() {
    tagged_ = true;
    return "<think>";
  }
  std::string_view Close() {  // nothing closes what a mark has opened but a mark
    tagged_ = false;
    return "</think>";
  }
  std::string Letters() {
    static const std::vector<std::string> kThought = {"\u0416", "\u0436 \u044f", "\u0444\u044b.",
                                                      "\u042e,"};
    static const std::vector<std::string> kAnswer = {"Yes. ", "It is", " open, ", "and so on", "!"};
    const auto& from = thought() ? kThought : kAnswer;
    return from[random_() % from.size()];
  }
  void Write(std::string_view text) {
    const std::vector<TokenId> ids = vocabulary_.Split(text, random_);
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }
  void Byte(unsigned char byte) {
    const auto found = vocabulary_.by_bytes.find(std::string(1, static_cast<char>(byte)));
    if (found != vocabulary_.by_bytes.end()) ids_.push_back(found->second.front());
  }

  void Part() {
    switch (random_() % 13) {
      case 0:  // a thought opens, or opens again inside itself
        return Write(Open());
      case 1:  // it closes, or what was never opened does
        return Write(Close());
      case 2: {  // nearly a tag
        static const std::vector<std::string> kNearly = {
            "</think", "<", "</", "think>", "<think ", "</ think>", "<<", "</Think>", "</think\n>"};
        Write(kNearly[random_() % kNearly.size()]);
        return Write(thought() ? "\u0416" : " ");  // so that nothing behind completes it
      }
      case 3:  // a special id in the middle of anything
        return Special();
      case 4:  // bytes that are no text, before a tag and behind it
        return Byte(static_cast<unsigned char>(0x80 + random_() % 0x40));
      case 5:  // half a letter, then a tag: the other half belongs to nobody
        if (thought()) Byte(0xF0);
        return Write(Close());
      case 6:  // a call: nothing of it is text, and a tag in one of its strings is none
        return Write(
            "<tool_call>\n{\"name\": \"\u0416\", \"arguments\": "
            "{\"q\": \"\u0444</think>\u0436<think>\"}}\n</tool_call>");
      case 7:  // a call that breaks: at a tag outside of its strings
        Write("<tool_call>{\"name\": \u0416 \u0436");
        return Write(tagged_ ? Close() : Open());
      case 8:  // a closing tag with a special id inside it still closes
        Write("</th");
        Special();
        tagged_ = false;
        return Write("ink>");
      case 9:  // a mark that ends a thought, or is nothing in an answer
        if (marks_) ids_.push_back(marks_->answer);
        if (marks_) in_marks_ = tagged_ = false;
        return;
      default:
        return Write(Letters());
    }
  }
  // None that ends the stream, or has a meaning.
  void Special() {
    for (int tries = 0; tries < 100; ++tries) {
      const TokenId id = vocabulary_.specials[random_() % vocabulary_.specials.size()];
      if (id == vocabulary_.tokenizer->Find("<|im_end|>")) continue;
      const auto marks = marks_ ? marks_->All() : std::vector<TokenId>();
      if (std::find(marks.begin(), marks.end(), id) == marks.end()) return ids_.push_back(id);
    }
  }

  const Vocabulary& vocabulary_;
  std::mt19937& random_;
  const std::optional<StyleMarks> marks_;
  std::vector<TokenId> ids_;
  bool tagged_ = false;  // inside a thought that a tag has opened
  bool in_marks_;        // inside one that a mark has opened
};

// Does the prompt end inside a thought that a mark has opened?
bool EndsInMarks(std::span<const TokenId> prompt, const StyleMarks& marks) {
  for (size_t i = prompt.size(); i-- > 0;) {
    const TokenId id = prompt[i];
    if (id == marks.note || id == marks.speech_end) return true;
    if (id == marks.note_end || id == marks.answer || id == marks.listen || id == marks.after ||
        id == marks.none) {
      return false;
    }
  }
  return false;
}

struct Mindset {
  const char* name;
  const char* vocabulary;
  ThinkingStyle style;
  friend std::ostream& operator<<(std::ostream& out, const Mindset& mindset) {
    return out << mindset.name;
  }
};

class HostileTalks : public testing::TestWithParam<Mindset> {};

TEST_P(HostileTalks, TwoThousandTurnsSpeakNoThought) {
  const Vocabulary vocabulary(GetParam().vocabulary);
  ASSERT_NE(vocabulary.tokenizer, nullptr);
  const auto executor = std::make_shared<SimExecutor>();
  SpyVoice voice;
  test::FakeTurnEnd turn_end;
  VoiceCosts costs;
  SimVoiceWorker voice_worker(*executor, voice, costs);
  SimTurnEndWorker turn_end_worker(*executor, turn_end, costs);
  std::mt19937 random(2026);
  std::optional<StyleMarks> marks;
  if (GetParam().style == ThinkingStyle::kInterleaved) marks = StyleMarks();
  test::Script script;
  script.say = [&](std::span<const TokenId> prompt, const engine::GenerateOptions&) {
    return Stream(vocabulary, random, marks, marks && EndsInMarks(prompt, *marks)).ids();
  };
  script.tokenizer = vocabulary.tokenizer.get();
  test::ScriptedEngine engine(*executor, std::move(script));

  ConversationConfig config;
  config.mind.style = GetParam().style;
  ConversationParts parts;
  parts.executor = executor;
  parts.engine = &engine;
  parts.tokenizer = vocabulary.tokenizer;
  const auto parse = [&](const std::string& text) {
    return vocabulary.tokenizer->Encode(text, model::SpecialTokens::kParse);
  };
  const std::string assistant = "<|im_end|>\n<|im_start|>assistant\n";
  parts.prompt.system = parse("<|im_start|>system\nBe brief.<|im_end|>\n");
  parts.prompt.user_open = parse("<|im_start|>user\n");
  parts.prompt.answer_open = parse(assistant);
  parts.prompt.think_open = parse(assistant + "<think>\n");
  parts.prompt.no_think_open = parse(assistant + "<think>\n\n</think>\n");
  parts.prompt.answer_close = parse("<|im_end|>\n");
  parts.prompt.stop = {*vocabulary.tokenizer->Find("<|im_end|>")};
  parts.style.style = GetParam().style;
  parts.tools = std::make_unique<ToolRunner>(config.tools, executor);
  parts.voice_activity = std::make_unique<test::FakeVoiceActivity>();
  parts.turn_end = &turn_end_worker;
  parts.voice = &voice_worker;
  std::string said, answer;
  int64_t thoughts = 0, done = 0;
  std::optional<std::string> failed;
  auto session = LocalSession::Open(config, std::move(parts), [&](const Event& event) {
    if (const auto* say = std::get_if<Say>(&event.what)) said += say->text;
    if (std::holds_alternative<Thought>(event.what)) ++thoughts;
    if (const auto* error = std::get_if<Failed>(&event.what)) failed = error->error.message;
    if (const auto* turn = std::get_if<TurnDone>(&event.what)) {
      answer += turn->trace.answer;
      ++done;
    }
  });
  ASSERT_TRUE(session) << session.error().message;
  executor->RunUntil(executor->Now());

  constexpr int kTurns = 2000;
  int64_t answered = 0;
  for (int turn = 0; turn < kTurns; ++turn) {
    voice.spoken.clear();
    said.clear();
    answer.clear();
    (*session)->PushText("go on");
    executor->RunUntil(executor->Now() + milliseconds(15000));
    ASSERT_FALSE(failed) << *failed << " in turn " << turn;
    ASSERT_EQ(voice.spoken.find(kPrivate), std::string::npos)
        << "turn " << turn << ": " << voice.spoken;
    ASSERT_EQ(said.find(kPrivate), std::string::npos) << "turn " << turn << ": " << said;
    ASSERT_EQ(answer.find(kPrivate), std::string::npos) << "turn " << turn << ": " << answer;
    answered += voice.spoken.empty() ? 0 : 1;
  }
  EXPECT_GE(done, kTurns - 1);
  // The streams are about something: many of them answer, and many of them think.
  EXPECT_GT(answered, kTurns / 4);
  EXPECT_GT(thoughts, kTurns / 4);
  // Nor does the history hold any.
  const std::string held = vocabulary.tokenizer->Decode((*session)->conversation().trunk().ids());
  EXPECT_EQ(held.find(kPrivate), std::string::npos);
  session->reset();
  executor->RunUntil(executor->Now());  // the talk ends on its executor
}

INSTANTIATE_TEST_SUITE_P(
    Minds, HostileTalks,
    testing::Values(Mindset{"plain_smollm2", "smollm2", ThinkingStyle::kNone},
                    Mindset{"plain_qwen2", "qwen2", ThinkingStyle::kNone},
                    Mindset{"drafted_smollm2", "smollm2", ThinkingStyle::kDrafted},
                    Mindset{"drafted_qwen2", "qwen2", ThinkingStyle::kDrafted},
                    Mindset{"interleaved_smollm2", "smollm2", ThinkingStyle::kInterleaved}),
    [](const auto& mindset) { return std::string(mindset.param.name); });

INSTANTIATE_TEST_SUITE_P(Vocabularies, HostileStreams, testing::Values("smollm2", "qwen2"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace parley::realtime

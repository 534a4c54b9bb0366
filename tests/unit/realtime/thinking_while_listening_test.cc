// SPDX-License-Identifier: Apache-2.0
// How much of the thought is done before the user has finished: real questions in which something is
// counted, walked or believed, word after word at the speed of speech, and a scripted model whose
// notes a small rule derives from the words. What the rule knows at the end must be the right answer,
// so that a word that the blocks lost would show.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "realtime/listen/block_words.h"
#include "support/paths.h"
#include "support/talk.h"

namespace parley::test {
namespace {

using Words = std::vector<std::string>;

std::optional<int> NumberOf(const std::string& word) {
  static const std::map<std::string, int> kNumbers = {
      {"a", 1},    {"an", 1},  {"one", 1},   {"two", 2},   {"three", 3}, {"four", 4},
      {"five", 5}, {"six", 6}, {"seven", 7}, {"eight", 8}, {"nine", 9},  {"ten", 10},
      {"1", 1},    {"2", 2},   {"3", 3},     {"4", 4},     {"5", 5},     {"6", 6},
      {"7", 7},    {"8", 8},   {"9", 9},     {"10", 10}};
  const auto found = kNumbers.find(word);
  return found == kNumbers.end() ? std::nullopt : std::optional(found->second);
}

// Follows a question word by word; what it learns is the note.
class Rule {
 public:
  virtual ~Rule() = default;
  virtual std::string Take(const Words& words) = 0;
  virtual std::string Conclude() const = 0;
};

class Counting final : public Rule {
 public:
  std::string Take(const Words& words) override {
    std::string note;
    for (const std::string& word : words) {
      asks_ |= word == "how";
      if (const auto n = NumberOf(word); n && !asks_) {
        note += " " + std::to_string(total_) + "+" + std::to_string(*n);
        total_ += *n;
        note += "=" + std::to_string(total_);
      }
    }
    return note;
  }
  std::string Conclude() const override { return " " + std::to_string(total_); }

 private:
  bool asks_ = false;
  int total_ = 0;
};

// Where a walker stands: "take 3 steps left", "turn around".
class Walking final : public Rule {
 public:
  std::string Take(const Words& words) override {
    std::string note;
    for (const std::string& word : words) {
      const bool direction = word == "left" || word == "right" || word == "forward" ||
                             word == "backward" || word == "around";
      if (word == "take" || word == "turn") {
        note += Finish();  // "take 5 steps", and nothing more
        turns_ = word == "turn";
        takes_ = word == "take";
      } else if (const auto n = NumberOf(word); n && takes_ && steps_ == 0) {
        steps_ = *n;
      } else if (direction && (takes_ || turns_)) {
        direction_ = word;
        note += Finish();
      }
    }
    return note;
  }
  std::string Conclude() const override {
    Walking end = *this;
    const std::string last = end.Finish();
    return last + (end.x_ == 0 && end.y_ == 0 ? " yes" : " no");
  }

 private:
  std::string Finish() {
    if (turns_) heading_ += direction_ == "left" ? 3 : direction_ == "right" ? 1 : 2;
    if (takes_ && steps_ > 0) {
      int to = heading_;
      if (direction_ == "right") to += 1;
      if (direction_ == "backward") to += 2;
      if (direction_ == "left") to += 3;
      constexpr int kX[] = {0, 1, 0, -1}, kY[] = {1, 0, -1, 0};
      x_ += kX[to % 4] * steps_;
      y_ += kY[to % 4] * steps_;
    }
    const bool moved = takes_ || turns_;
    takes_ = turns_ = false;
    steps_ = 0;
    direction_.clear();
    return moved ? " x" + std::to_string(x_) + " y" + std::to_string(y_) : "";
  }

  bool takes_ = false, turns_ = false;
  int steps_ = 0, heading_ = 0, x_ = 0, y_ = 0;
  std::string direction_;
};

// Who tells the truth: "vina lies", "helene says vina lies", "kandi says helene tells the truth".
class Believing final : public Rule {
 public:
  std::string Take(const Words& words) override {
    std::string note;
    for (const std::string& word : words) {
      if (word == "says") {
        speaker_ = last_;
      } else if (word == "lies" || word == "truth") {
        const bool claim = word == "truth";
        const std::string about = claim ? named_ : last_;
        if (!speaker_.empty()) {
          truth_[speaker_] = truth_[about] == claim;
          note += " " + speaker_ + (truth_[speaker_] ? " true" : " false");
        } else if (!asked_) {
          truth_[about] = claim;
          note += " " + about + (claim ? " true" : " false");
        }
        speaker_.clear();
      } else if (word == "does") {
        asked_ = true;
      } else if (word == "tells" || word == "tell") {
        named_ = last_;
      }
      if (word != "the" && word != "tells" && word != "tell") last_ = word;
    }
    return note;
  }
  std::string Conclude() const override {
    const auto found = truth_.find(named_);
    return found != truth_.end() && found->second ? " yes" : " no";
  }

 private:
  bool asked_ = false;
  std::string speaker_, last_, named_;
  std::map<std::string, bool> truth_;
};

std::unique_ptr<Rule> RuleFor(const std::string& family) {
  if (family == "counting") return std::make_unique<Counting>();
  if (family == "navigate") return std::make_unique<Walking>();
  return std::make_unique<Believing>();
}

struct Outcome {
  realtime::TurnTrace trace;
  std::string concluded;
};

Outcome Ask(const std::string& family, const std::string& question) {
  constexpr int64_t kWordMs = 400, kGapMs = 40;  // 150 words a minute
  TalkOptions options;
  options.style.style = realtime::ThinkingStyle::kInterleaved;
  options.style.acoustic_marks.clear();  // the rules read words
  // A word is noted once two hypotheses agree on it: a model that takes notes wants them often. With
  // the default, 0.1, a long turn is transcribed every tenth of its length, and 77 % come in time.
  options.config.listen.partial_share = 0.05F;
  Talk talk(options);
  std::string concluded;
  talk.mind().take_note = [&](const std::string& before, const std::string& words, bool final) {
    const std::unique_ptr<Rule> rule = RuleFor(family);
    rule->Take(realtime::NormalisedWords(before));
    std::string note = rule->Take(realtime::NormalisedWords(words));
    if (final) note += concluded = rule->Conclude();
    return note;
  };
  talk.Reply("That is my answer.");
  // Words have gaps between them, as in speech: a long turn's window is cut in one.
  talk.Silence(300);
  std::istringstream words(question);
  for (std::string word; words >> word;) {
    talk.Speech(kWordMs - kGapMs, word);
    talk.Silence(kGapMs);
  }
  talk.RunUntil(talk.said_ms() + 6000);
  Outcome outcome;
  for (const auto& event : talk.events()) {
    if (const auto* done = std::get_if<realtime::TurnDone>(&event.what))
      outcome.trace = done->trace;
  }
  outcome.concluded = concluded;
  return outcome;
}

template <class T>
T Median(std::vector<T> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

TEST(ThinkingWhileListening, MostOfTheThoughtIsDoneBeforeTheLastWord) {
  std::ifstream file(std::string(PARLEY_SOURCE_DIR) + "/tests/data/text/questions.json");
  const nlohmann::json data = nlohmann::json::parse(file, nullptr, false);
  ASSERT_TRUE(data.is_object());
  int64_t listening = 0, all = 0, turns = 0;
  std::vector<int64_t> after;
  for (const auto& [family, questions] : data["families"].items()) {
    int64_t family_listening = 0, family_all = 0;
    for (const auto& item : questions) {
      const std::string question = item["question"];
      SCOPED_TRACE(question);
      const Outcome outcome = Ask(family, question);
      const realtime::TurnTrace& trace = outcome.trace;
      ASSERT_FALSE(trace.answer.empty());
      ++turns;
      const int64_t late = trace.thought_tokens_after_turn + trace.thought_tokens_speaking;
      const int64_t early = trace.thought_tokens_listening - trace.thought_tokens_redone;
      family_listening += early;
      family_all += early + late;
      after.push_back(late);
      if (family != "counting") {  // which asks for one kind of things among others
        EXPECT_TRUE(outcome.concluded.ends_with(item["answer"] == "Yes" ? " yes" : " no"))
            << outcome.concluded;
      }
    }
    listening += family_listening;
    all += family_all;
    std::printf("%-14s %.1f %% of the thought while listening\n", family.c_str(),
                100.0 * static_cast<double>(family_listening) / static_cast<double>(family_all));
  }
  const double share = static_cast<double>(listening) / static_cast<double>(all);
  std::printf("%lld turns: %.1f %% while listening, median %lld tokens after the turn\n",
              static_cast<long long>(turns), 100 * share, static_cast<long long>(Median(after)));
  EXPECT_EQ(turns, 90);
  EXPECT_GE(share, 0.8);
  EXPECT_LE(Median(after), 25);
}

}  // namespace
}  // namespace parley::test

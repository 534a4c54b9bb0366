// The stream that the nano model was trained on (training/format.py) against the one that it is given.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "model/chat_template.h"
#include "realtime/mind/note_format.h"
#include "support/paths.h"
#include "weights/checkpoint.h"

namespace parley::realtime {
namespace {

using Ids = std::vector<TokenId>;

void Append(Ids& ids, const Ids& more) { ids.insert(ids.end(), more.begin(), more.end()); }

class NanoTalks : public testing::Test {
 protected:
  void SetUp() override {
    const auto gguf = weights::Checkpoint::Open(test::ModelDir("smollm2-135m-instruct"));
    ASSERT_TRUE(gguf.has_value()) << gguf.error().message;
    const auto tokenizer = model::Tokenizer::FromGguf(**gguf);
    ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
    tokenizer_ = *tokenizer;
    chat_ = *model::ChatTemplate::For(tokenizer_);
    std::ifstream in(std::string(PARLEY_SOURCE_DIR) + "/models/nano/style.json");
    const std::string json(std::istreambuf_iterator<char>(in), {});
    const auto style = ParseStyle(json, *tokenizer_);
    ASSERT_TRUE(style.has_value()) << style.error().message;
    style_ = *style;
  }

  // A thought as it was trained: between the private characters 1 to 4 stand a call and its result.
  Ids Thought(const std::string& text) const {
    const StyleMarks& m = style_.marks;
    const Ids marks = {m.tool_call, m.tool_call_end, m.tool_result, m.tool_result_end};
    Ids ids;
    std::string piece;
    const auto flush = [&] {
      if (!piece.empty()) Append(ids, tokenizer_->Encode(piece));
      piece.clear();
    };
    for (const char c : text) {
      if (c < 1 || c > 4) {
        piece += c;
        continue;
      }
      flush();
      ids.push_back(marks[static_cast<size_t>(c - 1)]);
    }
    flush();
    return ids;
  }

  std::shared_ptr<const model::Tokenizer> tokenizer_;
  std::shared_ptr<const model::ChatTemplate> chat_;
  Style style_;
};

TEST_F(NanoTalks, AreGivenAsTheyWereTrained) {
  std::ifstream in(test::GoldenDir() + "/nano_talks.json");
  const auto talks = nlohmann::json::parse(in);
  ASSERT_GE(talks.size(), 20U);
  for (const auto& talk : talks) {
    const auto pieces = PiecesOf(*chat_, talk["system"].get<std::string>());
    const NoteFormat format(style_, pieces, tokenizer_);
    const StyleMarks& m = style_.marks;
    const auto words = [&](const nlohmann::json& block) {
      return format.Words(block["words"].get<std::vector<std::string>>(),
                          block["marks"].get<std::vector<std::string>>());
    };
    Ids ids = pieces.system;
    for (const auto& exchange : talk["history"]) {
      Append(ids, chat_->Turn(model::Role::kUser, exchange[0].get<std::string>()));
      Append(ids, chat_->Turn(model::Role::kAssistant, exchange[1].get<std::string>()));
    }
    const auto mode = talk["mode"].get<std::string>();
    Append(ids, format.Open(mode == "listen" ? m.listen : mode == "after" ? m.after : m.none));
    for (const auto& block : talk["blocks"]) {
      Append(ids, words(block));
      ids.push_back(m.note);
      Append(ids, Thought(block["note"].get<std::string>()));
      ids.push_back(m.note_end);
    }
    Append(ids, words(talk["tail"]));
    ids.push_back(m.speech_end);
    Append(ids, Thought(talk["tail"]["thought"].get<std::string>()));
    ids.push_back(m.answer);
    Append(ids, tokenizer_->Encode(talk["answer"].get<std::string>()));
    ids.push_back(pieces.stop.front());
    EXPECT_EQ(ids, talk["ids"].get<Ids>()) << talk["mode"] << " " << talk["answer"];
  }
}

}  // namespace
}  // namespace parley::realtime

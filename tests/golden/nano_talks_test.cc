// SPDX-License-Identifier: Apache-2.0
// Talks as training writes them (training/format.py), played to the mind that drives such a model:
// what stands in the cache must be the training sequence, id for id, notes, results of tools and all.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "model/chat_template.h"
#include "realtime/mind/interleaved_mind.h"
#include "support/paths.h"
#include "weights/checkpoint.h"

namespace parley::realtime {
namespace {

using Json = nlohmann::json;

std::shared_ptr<const model::Tokenizer> LoadTokenizer() {
  const auto gguf = weights::Checkpoint::Open(test::ModelDir("smollm2-135m-instruct") +
                                              "/SmolLM2-135M-Instruct.Q4_1.gguf");
  if (!gguf) {
    ADD_FAILURE() << gguf.error().message;
    return nullptr;
  }
  return *model::Tokenizer::FromGguf(**gguf);
}

// Carries out what a mind says, without an engine; the model writes what the talk says.
class Player {
 public:
  Player(const Json& talk, std::shared_ptr<const model::Tokenizer> tokenizer)
      : talk_(talk), tokenizer_(std::move(tokenizer)) {
    const auto style = ReadStyle(std::string(PARLEY_SOURCE_DIR) + "/models/nano", *tokenizer_);
    EXPECT_TRUE(style) << style.error().message;
    if (style) style_ = *style;
    config_.effort = talk_["mode"] == "none" ? Effort::kMinimal : Effort::kHigh;
    const auto chat = model::ChatTemplate::For(tokenizer_);
    const PromptPieces pieces = PiecesOf(**chat, talk_["system"].get<std::string>());
    trunk_ = std::make_unique<Trunk>(HistoryConfig{}, 300, pieces, tokenizer_);
    trunk_->Open();
    mind_ = std::make_unique<InterleavedMind>(
        config_, MindParts{tokenizer_, pieces, style_, trunk_.get(), 2048});
  }

  std::vector<TokenId> Play() {
    for (const Json& exchange : talk_["history"]) {
      const auto answer = tokenizer_->Encode(exchange[1].get<std::string>());
      trunk_->Close(mind_->Remembered(exchange[0].get<std::string>()), answer, "",
                    exchange[1].get<std::string>());
    }
    std::string heard;
    for (const Json& block : talk_["blocks"]) Block(block, heard);
    const Json& tail = talk_["tail"];
    Say(tail["words"], heard);
    const auto marks = tail["marks"].get<std::vector<std::string>>();
    Do(mind_->OnPossibleEnd({heard, marks, talk_["mode"] == "after"}, Time{}, Time{}));
    Do(mind_->MaySpeculate(Time{}));
    Do(mind_->OnTurnEnded(Time{}));
    if (talk_["mode"] != "none") {
      Write(Ids(tail["thought"].get<std::string>()));
      if (generating_) Write({style_.marks.answer});
    }
    const BranchId answer = *generating_;
    Write(tokenizer_->Encode(talk_["answer"].get<std::string>()));
    std::vector<TokenId> ids = branches_[answer];
    ids.push_back(*tokenizer_->Find("<|im_end|>"));
    return ids;
  }

 private:
  // A block closes at its length, or at a pause that was none.
  void Block(const Json& block, std::string& heard) {
    Say(block["words"], heard);
    const auto marks = block["marks"].get<std::vector<std::string>>();
    const bool full = block["words"].size() >= static_cast<size_t>(style_.block_words);
    Do(mind_->OnStableWords({heard, marks}, Time{}));
    if (!full) Do(mind_->OnPause(Time{}));
    ASSERT_TRUE(generating_) << "no note after: " << heard;
    Write(Ids(block["note"].get<std::string>()));
    End(engine::EndReason::kStopToken);
    if (!full) Do(mind_->Abandon(Time{}));
  }
  static void Say(const Json& words, std::string& heard) {
    for (const Json& word : words) heard += (heard.empty() ? "" : " ") + word.get<std::string>();
  }

  // A written text; calls and results stand between control characters.
  std::vector<TokenId> Ids(const std::string& text) const {
    const std::map<char, TokenId> marks = {{'\1', style_.marks.tool_call},
                                           {'\2', style_.marks.tool_call_end},
                                           {'\3', style_.marks.tool_result},
                                           {'\4', style_.marks.tool_result_end}};
    std::vector<TokenId> ids;
    std::string piece;
    const auto flush = [&] {
      const auto more = tokenizer_->Encode(piece);
      ids.insert(ids.end(), more.begin(), more.end());
      piece.clear();
    };
    for (const char c : text) {
      if (const auto mark = marks.find(c); mark != marks.end()) {
        flush();
        ids.push_back(mark->second);
      } else {
        piece += c;
      }
    }
    flush();
    return ids;
  }

  // The model's own tokens. A call ends its stream; its result is the tool's, and is not written.
  void Write(const std::vector<TokenId>& ids) {
    for (size_t i = 0; i < ids.size(); ++i) {
      ASSERT_TRUE(generating_);
      if (ids[i] == style_.marks.tool_call_end) {
        End(engine::EndReason::kStopToken);
        ASSERT_TRUE(call_);
        const auto begin =
            std::find(ids.begin() + static_cast<int64_t>(i), ids.end(), style_.marks.tool_result);
        const auto end = std::find(begin, ids.end(), style_.marks.tool_result_end);
        const std::vector<TokenId> result(begin + 1, end);
        Do(mind_->OnToolResult(*std::exchange(call_, std::nullopt),
                               {tokenizer_->Decode(result), false}, Time{}));
        i = static_cast<size_t>(end - ids.begin());
        continue;
      }
      const BranchId branch = *generating_;
      if (branch == kTrunk) {
        trunk_->Took(ids[i]);
      } else {
        branches_[branch].push_back(ids[i]);
      }
      Do(mind_->OnToken(branch, ids[i], Size(branch), Time{}));
    }
  }
  void End(engine::EndReason reason) {
    const BranchId branch = *std::exchange(generating_, std::nullopt);
    Do(mind_->OnEnded(branch, {.reason = reason, .position = Size(branch)}, Time{}));
  }
  engine::Position Size(BranchId branch) {
    return static_cast<engine::Position>(branch == kTrunk ? trunk_->ids().size()
                                                          : branches_[branch].size());
  }

  void Do(std::vector<mind::Action> actions) {
    for (mind::Action& action : actions) {
      if (auto* fork = std::get_if<mind::Fork>(&action)) {
        auto& ids = branches_[fork->branch];
        ids.assign(trunk_->ids().begin(), trunk_->ids().begin() + fork->keep);
        ids.insert(ids.end(), fork->append.begin(), fork->append.end());
      } else if (auto* append = std::get_if<mind::Append>(&action)) {
        for (const TokenId id : append->ids) {
          if (append->branch == kTrunk) {
            trunk_->Took(id);
          } else {
            branches_[append->branch].push_back(id);
          }
        }
      } else if (auto* generate = std::get_if<mind::Generate>(&action)) {
        generating_ = generate->branch;
      } else if (auto* call = std::get_if<mind::CallTool>(&action)) {
        call_ = call->call;
      }
    }
  }

  const Json& talk_;
  std::shared_ptr<const model::Tokenizer> tokenizer_;
  Style style_;
  MindConfig config_;
  std::unique_ptr<Trunk> trunk_;
  std::unique_ptr<InterleavedMind> mind_;
  std::map<BranchId, std::vector<TokenId>> branches_;
  std::optional<BranchId> generating_;
  std::optional<int64_t> call_;
};

TEST(NanoTalks, TheMindWritesWhatTrainingWrote) {
  const auto tokenizer = LoadTokenizer();
  ASSERT_NE(tokenizer, nullptr);
  std::ifstream file(test::GoldenDir() + "/nano_talks.json");
  const Json talks = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(talks.is_array()) << "make it again: python3 training/format.py";
  ASSERT_GE(talks.size(), 20U);
  for (size_t i = 0; i < talks.size(); ++i) {
    SCOPED_TRACE("talk " + std::to_string(i));
    const std::vector<TokenId> ids = Player(talks[i], tokenizer).Play();
    const auto expected = talks[i]["ids"].get<std::vector<TokenId>>();
    EXPECT_EQ(tokenizer->Decode(ids), tokenizer->Decode(expected));
    EXPECT_EQ(ids, expected);
  }
}

}  // namespace
}  // namespace parley::realtime

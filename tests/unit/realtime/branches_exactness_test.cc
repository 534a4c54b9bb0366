// SPDX-License-Identifier: Apache-2.0
// What a talk claims to hold is what its cache holds: after any program of hearing, appending,
// forking, decoding, stopping, rolling back, adopting and closing, the logits of the trunk, and of
// every branch, equal those of one fresh prefill of the ids that are claimed, bit for bit
// (reference backend, f32 cache, a small transformer with random weights).
#include "realtime/branches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "model/one_sequence.h"
#include "support/engine_bed.h"
#include "support/logit_recorder.h"
#include "support/paths.h"
#include "weights/checkpoint.h"
#include "weights/synthetic.h"

namespace parley::realtime {
namespace {

constexpr int32_t kVocabulary = 64;
constexpr engine::Position kLongest = 150;

// Every byte is an id; several bytes share one.
class SmallTokenizer final : public model::Tokenizer {
 public:
  std::vector<TokenId> Encode(std::string_view text, model::SpecialTokens) const override {
    std::vector<TokenId> ids;
    for (const char c : text) ids.push_back(4 + static_cast<unsigned char>(c) % (kVocabulary - 4));
    return ids;
  }
  std::string_view Bytes(TokenId) const override { return "x"; }
  std::optional<TokenId> Find(std::string_view) const override { return std::nullopt; }
  bool IsSpecial(TokenId id) const override { return id < 4; }
  int32_t vocabulary() const override { return kVocabulary; }
};

PromptPieces Pieces() {
  PromptPieces pieces;
  pieces.system = {1, 20, 21, 22};
  pieces.user_open = {2, 30};
  pieces.answer_open = {3, 31};
  pieces.answer_close = {3, 0};
  return pieces;
}

class TalkProgram {
 public:
  TalkProgram(uint32_t seed, kernels::Backend& backend, const model::Decoder& decoder)
      : random_(seed),
        backend_(backend),
        decoder_(decoder),
        recorder_(decoder),
        bed_(BedOptions(), backend) {
    trunk_.emplace(Config(), 16, Pieces(), std::make_shared<SmallTokenizer>());
    branches_.emplace(bed_.engine(), *trunk_, 256);
  }

  void Run() {
    const Status opened = branches_->Open(
        [this](const BranchNews& news) { bed_.executor().Post([this, news] { OnNews(news); }); });
    ASSERT_TRUE(opened) << opened.error().message;
    branches_->Edit(trunk_->Open(), engine::Urgency::kHousekeeping);
    for (int op = 0; op < 30; ++op) Step();
    bed_.Run();
    ASSERT_TRUE(failures_.empty()) << failures_;
    Compare("the trunk");
    while (!live_.empty() && !testing::Test::HasFatalFailure()) {
      branches_->Adopt(live_.back().id);
      live_.pop_back();
      Compare("a branch that was adopted");
    }
    branches_.reset();
    bed_.Run();
    ASSERT_EQ(bed_.stats().pages_used, 0);
    ASSERT_EQ(bed_.stats().sequences, 0);
  }
  engine::EngineStats stats() const { return bed_.stats(); }
  int64_t adopted() const { return adopted_; }
  int64_t closed() const { return closed_; }

 private:
  struct Live {
    BranchId id;
    bool decoding = false;
  };

  test::EngineBed::Options BedOptions() {
    test::EngineBed::Options options;
    options.decoder = &recorder_;
    options.config.step_rows = Pick({1, 3, 16, 64});
    options.config.mixed_rows = Pick({1, 16});
    options.config.background_rows = Pick({1, 4});
    options.config.branches = 16;
    return options;
  }

  static HistoryConfig Config() {
    HistoryConfig config;
    config.max_tokens = 256;
    return config;
  }
  template <class T>
  T Pick(std::initializer_list<T> of) {
    return *(of.begin() + static_cast<int64_t>(random_() % of.size()));
  }
  engine::Position Below(engine::Position n) {
    return static_cast<engine::Position>(random_() % static_cast<uint64_t>(n));
  }
  engine::Urgency AnyUrgency() { return static_cast<engine::Urgency>(Below(6)); }
  std::string Text(engine::Position most) {
    std::string text;
    for (engine::Position n = 1 + Below(most); n > 0; --n)
      text += static_cast<char>(33 + Below(90));
    return text;
  }
  std::vector<TokenId> SomeIds(engine::Position most) {
    std::vector<TokenId> ids;
    for (engine::Position n = 1 + Below(most); n > 0; --n) {
      ids.push_back(static_cast<TokenId>(Below(kVocabulary)));
    }
    return ids;
  }

  void OnNews(const BranchNews& news) {
    const std::optional<BranchId> branch = branches_ ? branches_->Take(news) : std::nullopt;
    if (!branch) return;
    if (const auto* failed = std::get_if<BranchNews::AppendFailed>(&news.what)) {
      failures_ += failed->error.message + "; ";
    }
    if (!std::holds_alternative<engine::Ended>(news.what)) return;
    Decoding(*branch) = false;
  }
  bool& Decoding(BranchId id) {
    for (Live& live : live_) {
      if (live.id == id) return live.decoding;
    }
    return trunk_decoding_;
  }
  BranchId AnyBranch() {
    const auto at = static_cast<size_t>(Below(static_cast<engine::Position>(live_.size()) + 1));
    return at == live_.size() ? kTrunk : live_[at].id;
  }
  void Edit(const TrunkEdit& edit) {
    branches_->Edit(edit, AnyUrgency());
    if (edit.cuts || trunk_decoding_) trunk_decoding_ = false;
  }
  void DropAll() {
    branches_->DropAll();
    live_.clear();
  }

  void Step() {
    switch (Below(12)) {
      case 0:
      case 1:
        text_ = Below(3) == 0 ? Text(20) : text_ + Text(6);
        if (text_.size() > 60) text_.resize(60);
        return Edit(trunk_->Hear(text_));
      case 2:
      case 3:
        return Fork();
      case 4: {
        const BranchId branch = AnyBranch();
        if (Decoding(branch) || trunk_->size() > kLongest) return;
        return branches_->Append({branch, SomeIds(8), AnyUrgency()});
      }
      case 5:
      case 6: {
        const BranchId branch = AnyBranch();
        if (Decoding(branch) || trunk_->size() > kLongest) return;
        engine::GenerateOptions options;
        options.max_tokens = static_cast<int32_t>(1 + Below(16));
        options.urgency = AnyUrgency();
        Decoding(branch) = true;
        return branches_->Generate({branch, options});
      }
      case 7:
        if (!live_.empty() && Below(3) == 0) {
          branches_->Drop(live_.front().id);
          live_.erase(live_.begin());
        } else {
          branches_->Stop(AnyBranch());
        }
        return;
      case 8: {
        const engine::Position room = trunk_->size() - trunk_->begin() + 1;
        return Edit(trunk_->RollBack(trunk_->begin() + Below(room)));
      }
      case 9:
        if (live_.empty()) return;
        ++adopted_;
        trunk_decoding_ = live_.front().decoding;
        branches_->Adopt(live_.front().id);
        live_.erase(live_.begin());
        return;
      case 10:
        return Close();
      default:
        return bed_.RunFor(Duration(Below(40'000)));
    }
  }

  // A branch of the trunk, behind what is closed, or of another branch.
  void Fork() {
    if (live_.size() >= 4) return;
    next_ = next_.Next();
    const engine::Position room = trunk_->size() - trunk_->begin() + 1;
    branches_->Fork({next_, kTrunk, trunk_->begin() + Below(room),
                     Below(4) == 0 ? std::vector<TokenId>() : SomeIds(10), AnyUrgency()});
    live_.push_back({next_});
  }

  // As a talk does: everything but the trunk goes, and the exchange is written anew.
  void Close() {
    ++closed_;
    DropAll();
    const std::vector<TokenId> answer = SomeIds(20);
    if (Below(4) == 0) {
      Edit(trunk_->Unhear());
    } else {
      const auto heard =
          static_cast<size_t>(Below(static_cast<engine::Position>(answer.size()) + 1));
      Edit(trunk_->Close(Text(20), std::span(answer).first(heard), Below(2) == 0 ? Text(6) : "",
                         "heard"));
    }
    text_.clear();
  }

  void Compare(const char* what) {
    ASSERT_FALSE(trunk_->ids().empty());
    auto log = std::make_shared<test::TokenLog>();
    bed_.engine().Generate(branches_->sequence(), {.max_tokens = 1}, log);
    bed_.Run();
    ASSERT_TRUE(log->ended.has_value());
    ASSERT_EQ(log->tokens.size(), 1U);
    const std::vector<float> logits = recorder_.last();
    model::OneSequence fresh(backend_, decoder_, 320, kernels::DType::kF32, 320);
    const kernels::TensorView expected = fresh.Append(trunk_->ids(), {}, false);
    for (size_t id = 0; id < logits.size(); ++id) {
      ASSERT_EQ(logits[id], expected.F32(0)[id])
          << what << ", logit " << id << " after " << trunk_->size() << " positions";
    }
  }

  std::mt19937 random_;
  kernels::Backend& backend_;
  const model::Decoder& decoder_;
  test::LogitRecorder recorder_;
  test::EngineBed bed_;
  std::optional<Trunk> trunk_;
  std::optional<Branches> branches_;
  std::vector<Live> live_;
  bool trunk_decoding_ = false;
  BranchId next_{0};
  std::string text_, failures_;
  int64_t adopted_ = 0, closed_ = 0;
};

class BranchesExactness : public testing::TestWithParam<uint32_t> {};

TEST_P(BranchesExactness, FiveThousandTalksHoldWhatTheyClaim) {
  const auto tiny = weights::SyntheticGeometry::Named("tiny");
  ASSERT_TRUE(tiny) << tiny.error().message;
  weights::SyntheticGeometry geometry = *tiny;
  geometry.hidden = 16;
  geometry.layers = 2;
  geometry.heads = 2;
  geometry.kv_heads = 1;
  geometry.ffn = 16;
  geometry.vocabulary = kVocabulary;
  geometry.max_positions = 512;
  test::TempDir dir;
  ASSERT_TRUE(weights::WriteSynthetic(dir.path() + "/model", {.geometry = geometry}));
  const auto backend = kernels::MakeReferenceBackend();
  const auto checkpoint = weights::Checkpoint::Open(dir.path() + "/model");
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const auto decoder = model::Decoder::Load(*backend, **checkpoint);
  ASSERT_TRUE(decoder) << decoder.error().message;
  int64_t forks = 0, adopted = 0, closed = 0, decoded = 0;
  constexpr uint32_t kPrograms = 5000;
  for (uint32_t seed = GetParam(); seed < GetParam() + kPrograms; ++seed) {
    TalkProgram program(seed, *backend, **decoder);
    program.Run();
    ASSERT_FALSE(testing::Test::HasFatalFailure()) << "program of seed " << seed;
    forks += program.stats().forks;
    decoded += program.stats().decode_rows;
    adopted += program.adopted();
    closed += program.closed();
  }
  // The programs are about something.
  EXPECT_GT(forks, 3 * kPrograms);
  EXPECT_GT(decoded, 5 * kPrograms);
  EXPECT_GT(adopted, kPrograms);
  EXPECT_GT(closed, kPrograms);
}

INSTANTIATE_TEST_SUITE_P(Seeds, BranchesExactness, testing::Values(0U, 5000U));

}  // namespace
}  // namespace parley::realtime

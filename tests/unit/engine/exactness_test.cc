// The engine's promise: whatever was appended, decoded, forked, rolled back and adopted, in whatever chunks and beside
// whomever, a sequence gives the logits of one fresh prefill of its ids, bit for bit (reference backend, f32 cache).
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "engine/embeddings.h"
#include "model/one_sequence.h"
#include "support/engine_bed.h"
#include "support/logit_recorder.h"
#include "support/paths.h"

namespace parley::test {
namespace {

using engine::Position;
using engine::Sequence;
using engine::Urgency;

constexpr Position kLongest = 120;

// A sequence as the engine holds it and as the test believes it to be.
struct Believed {
  Sequence handle;
  std::vector<TokenId> ids;              // -1: an embedding
  std::vector<std::vector<float>> rows;  // of the embeddings, in order
  std::vector<size_t> sampled;           // positions whose id a stream sampled
  std::shared_ptr<TokenLog> stream;      // decoding, or null

  Position length() const { return static_cast<Position>(ids.size()); }
  void Cut(Position to) {
    for (auto id = ids.begin() + to; id != ids.end(); ++id) {
      if (*id < 0) rows.pop_back();
    }
    ids.resize(static_cast<size_t>(to));
    std::erase_if(sampled, [to](size_t at) { return static_cast<Position>(at) >= to; });
  }
};

class Program {
 public:
  Program(uint32_t seed, kernels::Backend& backend, const model::Decoder& decoder)
      : random_(seed),
        backend_(backend),
        recorder_(decoder),
        decoder_(decoder),
        bed_(BedOptions(), backend) {}

  void Run() {
    trunks_.push_back(NewTrunk());
    for (int op = 0; op < 24 && !testing::Test::HasFatalFailure(); ++op) Step();
    for (Believed& s : trunks_) Settle(s);
    for (Believed& s : trunks_) {
      Compare(s);
      if (testing::Test::HasFatalFailure()) return;
    }
    trunks_.clear();
    bed_.Run();
    ASSERT_EQ(bed_.stats().pages_used, 0);
    ASSERT_EQ(bed_.stats().sequences, 0);
    ASSERT_EQ(bed_.stats().streams, 0);
  }
  engine::EngineStats stats() const { return bed_.stats(); }

 private:
  EngineBed::Options BedOptions() {
    EngineBed::Options options;
    options.decoder = &recorder_;
    options.config.step_rows = Pick({1, 2, 5, 16, 33, 64});
    options.config.mixed_rows = Pick({1, 3, 16});
    options.config.background_rows = Pick({1, 4});
    options.config.branches = Pick({1, 2, 16});
    return options;
  }
  template <class T>
  T Pick(std::initializer_list<T> of) {
    return *(of.begin() + static_cast<int64_t>(random_() % of.size()));
  }
  Position Below(Position n) { return static_cast<Position>(random_() % static_cast<uint64_t>(n)); }
  Urgency AnyUrgency() { return static_cast<Urgency>(Below(6)); }

  Believed NewTrunk() {
    Believed trunk;
    trunk.handle = bed_.Open(64);
    AppendTokens(trunk);
    return trunk;
  }

  void Step() {
    Believed& s = trunks_[static_cast<size_t>(Below(static_cast<Position>(trunks_.size())))];
    switch (Below(10)) {
      case 0:
      case 1:
        return AppendTokens(s);
      case 2:
        return AppendEmbeddings(s);
      case 3:
      case 4:
      case 5:
        return Generate(s);
      case 6:
        return Fork(s);
      case 7:
        return Rollback(s);
      case 8:
        return Adopt();
      default:
        bed_.RunFor(Duration(Below(40'000)));
        return Collect();
    }
  }

  // Tokens that were reported since.
  void Collect() {
    for (Believed& s : trunks_) {
      if (!s.stream) continue;
      for (const TokenId id : s.stream->tokens) {
        s.sampled.push_back(s.ids.size());
        s.ids.push_back(id);
      }
      s.stream->tokens.clear();
      if (!s.stream->ended) continue;
      ASSERT_EQ(s.stream->ended->position, s.length());
      s.stream.reset();
    }
  }
  // The call that was just made ends its stream: waits for the news of it, which come before anything else happens.
  void WaitForEnd(Believed& s) {
    while (s.stream && !s.stream->ended) bed_.RunFor(Duration(100));
    Collect();
  }
  void Settle(Believed& s) {
    bed_.Run();
    Collect();
    ASSERT_EQ(s.stream, nullptr);
  }

  void AppendTokens(Believed& s) {
    if (s.length() > kLongest) return;
    std::vector<TokenId> ids;
    for (Position n = 1 + Below(Pick<Position>({1, 4, 20})); n > 0; --n) {
      ids.push_back(static_cast<TokenId>(Below(decoder_.geometry().vocabulary)));
    }
    bed_.engine().Append(s.handle, {.tokens = ids}, AnyUrgency(), {});
    WaitForEnd(s);
    s.ids.insert(s.ids.end(), ids.begin(), ids.end());
  }

  void AppendEmbeddings(Believed& s) {
    if (s.length() > kLongest) return;
    const auto count = static_cast<int32_t>(1 + Below(18));
    const int32_t width = decoder_.geometry().hidden;
    std::normal_distribution<float> normal;
    std::vector<float> values;
    for (int32_t i = 0; i < count * width; ++i) values.push_back(normal(random_));
    kernels::Tensor rows = backend_.Allocate(kernels::DType::kF32, count, width);
    backend_.Upload(values, rows);
    bed_.engine().Append(s.handle, {.embeddings = std::make_shared<const engine::Embeddings>(rows)},
                         AnyUrgency(), {});
    WaitForEnd(s);
    s.ids.insert(s.ids.end(), static_cast<size_t>(count), -1);
    for (int32_t row = 0; row < count; ++row) {
      s.rows.emplace_back(values.begin() + row * width, values.begin() + (row + 1) * width);
    }
  }

  void Generate(Believed& s) {
    if (s.length() == 0 || s.length() > kLongest) return;
    auto log = std::make_shared<TokenLog>();
    bed_.engine().Generate(
        s.handle, {.max_tokens = static_cast<int32_t>(1 + Below(30)), .urgency = AnyUrgency()},
        log);
    WaitForEnd(s);
    s.stream = std::move(log);
    bed_.RunFor(Duration(Below(60'000)));
    Collect();
  }

  void Fork(const Believed& s) {
    if (trunks_.size() >= 6) return;
    const Position at = Below(s.length() + 1);
    Believed branch;
    branch.handle = bed_.engine().Fork(s.handle, at);
    branch.ids = s.ids;
    branch.rows = s.rows;
    branch.sampled = s.sampled;
    branch.Cut(at);
    trunks_.push_back(std::move(branch));
  }

  void Rollback(Believed& s) {
    const Position to = Below(s.length() + 1);
    bed_.engine().Rollback(s.handle, to);
    WaitForEnd(s);
    s.Cut(to);
  }

  void Adopt() {
    if (trunks_.size() < 2) return;
    Believed branch = std::move(trunks_.back());
    trunks_.pop_back();
    trunks_[static_cast<size_t>(Below(static_cast<Position>(trunks_.size())))] = std::move(branch);
  }

  // One more token from the engine, and its logits; the same from one fresh prefill.
  void Compare(Believed& s) {
    if (s.length() == 0) return;
    auto log = std::make_shared<TokenLog>();
    bed_.engine().Generate(s.handle, {.max_tokens = 1}, log);
    bed_.Run();
    ASSERT_TRUE(log->ended.has_value());
    ASSERT_EQ(log->tokens.size(), 1U);
    const std::vector<float> logits = recorder_.last();

    model::OneSequence fresh(backend_, decoder_, 256, kernels::DType::kF32, 256);
    kernels::Tensor rows;
    if (!s.rows.empty()) {
      const auto count = static_cast<int32_t>(s.rows.size());
      rows = backend_.Allocate(kernels::DType::kF32, count, decoder_.geometry().hidden);
      for (int32_t row = 0; row < count; ++row) {
        backend_.Upload(s.rows[static_cast<size_t>(row)], rows.view().Rows(row, 1));
      }
    }
    const kernels::TensorView expected = fresh.Append(s.ids, rows.view());
    const float* last = expected.F32(expected.rows - 1);
    for (size_t id = 0; id < logits.size(); ++id) {
      ASSERT_EQ(logits[id], last[id]) << "logit " << id << " after " << s.length() << " positions";
    }
    for (const size_t at : s.sampled) {
      ASSERT_GT(at, 0U);
      const float* row = expected.F32(static_cast<int32_t>(at) - 1);
      const auto best = std::max_element(row, row + logits.size()) - row;
      ASSERT_EQ(s.ids[at], static_cast<TokenId>(best)) << "sampled at position " << at;
    }
  }

  std::mt19937 random_;
  kernels::Backend& backend_;
  LogitRecorder recorder_;
  const model::Decoder& decoder_;
  EngineBed bed_;
  std::vector<Believed> trunks_;
};

void RunPrograms(uint32_t first, uint32_t count, kernels::Backend& backend,
                 const model::Decoder& decoder) {
  engine::EngineStats sum;
  for (uint32_t seed = first; seed < first + count; ++seed) {
    Program program(seed, backend, decoder);
    program.Run();
    if (testing::Test::HasFatalFailure()) {
      ADD_FAILURE() << "program of seed " << seed;
      return;
    }
    sum.forks += program.stats().forks;
    sum.rollbacks += program.stats().rollbacks;
    sum.pages_copied += program.stats().pages_copied;
    sum.superseded += program.stats().superseded;
  }
  // The programs are about something.
  EXPECT_GT(sum.forks, count);
  EXPECT_GT(sum.rollbacks, count);
  EXPECT_GT(sum.pages_copied, count / 2);
  EXPECT_GT(sum.superseded, count / 2);
}

TEST(Exactness, TwoThousandProgramsOverHashedPages) {
  const auto backend = kernels::MakeReferenceBackend();
  const HashDecoder decoder(*backend);
  RunPrograms(10'000, 2000, *backend, decoder);
}

class LlamaExactness : public testing::TestWithParam<uint32_t> {};

TEST_P(LlamaExactness, FiveHundredProgramsEqualFreshPrefills) {
  const auto backend = kernels::MakeReferenceBackend();
  auto checkpoint = weights::Checkpoint::Open(GoldenDir() + "/llama.gguf");
  ASSERT_TRUE(checkpoint.has_value()) << checkpoint.error().message;
  auto decoder = model::Decoder::Load(*backend, **checkpoint);
  ASSERT_TRUE(decoder.has_value()) << decoder.error().message;
  RunPrograms(GetParam(), 500, *backend, **decoder);
}

INSTANTIATE_TEST_SUITE_P(Seeds, LlamaExactness, testing::Values(0U, 500U, 1000U, 1500U));

}  // namespace
}  // namespace parley::test

// A model that hears sound itself, as a folder of Hugging Face: parley loads its encoder and adaptor with its decoder, and the
// talk is held over rows of embeddings. The weights are made up: what it says is noise, that it is said is the point.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>

#include "support/ask_run.h"
#include "weights/synthetic.h"

namespace parley::test {
namespace {

constexpr int kBytes = 256;

std::string Utf8(int code) {  // below 0x800
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
}

// A token for every byte, spelt as byte-level vocabularies do, then Step-Audio's marks.
nlohmann::json Tokenizer(const std::vector<std::string>& marks) {
  nlohmann::json vocab = nlohmann::json::object();
  int renamed = kBytes;
  for (int byte = 0; byte < kBytes; ++byte) {
    const bool plain =
        (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    vocab[Utf8(plain ? byte : renamed++)] = byte;
  }
  nlohmann::json added = nlohmann::json::array();
  for (const std::string& mark : marks) {
    added.push_back({{"id", kBytes + added.size()}, {"content", mark}, {"special", true}});
  }
  return {{"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", nlohmann::json::array()}}},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
          {"added_tokens", added}};
}

void WriteModel(const std::string& folder, const std::vector<std::string>& marks) {
  weights::SyntheticGeometry geometry = *weights::SyntheticGeometry::Named("tiny");
  geometry.audio_context = 1500;
  geometry.vocabulary = kBytes + 4;
  geometry.max_positions = 8192;
  const Status wrote = weights::WriteSynthetic(folder, {.geometry = geometry});
  ASSERT_TRUE(wrote.has_value()) << wrote.error().message;
  std::ofstream(folder + "/tokenizer.json") << Tokenizer(marks).dump();
}

TEST(AskHears, AModelWithEarsOfItsOwnHoldsATalk) {
  TempDir dir;
  WriteModel(dir.File("model"), {"<|BOT|>", "<|EOT|>", "<audio_start>", "<audio_end>"});
  const AskRun run = Ask(dir, DataDir() + "/speech/conversation/turn_000.flac", "fast",
                         {"--model", dir.File("model"), "--set", "mind.effort=minimal", "--set",
                          "mind.answer_tokens=24"});
  ASSERT_EQ(run.program.exit_status, 0) << run.program.err;
  ASSERT_FALSE(run.summary.is_null());
  EXPECT_GT(run.summary.at("engine").at("encoder_slices"), 0);
  EXPECT_GT(run.summary.at("engine").at("decode_rows"), 0);
}

// Trained weights: Whisper's encoder and the adaptor of models/nano-frames make rows that stand where nano reads words.
TEST(AskHears, TheShippedAdaptorPutsFramesWhereWordsStood) {
  TempDir dir;
  const std::string clip = DataDir() + "/speech/conversation/turn_000.flac";
  const AskRun run =
      Ask(dir, clip, "fast", {"--model", "nano-frames", "--set", "mind.effort=high"});
  ASSERT_EQ(run.program.exit_status, 0) << run.program.err;
  ASSERT_FALSE(run.summary.is_null());
  EXPECT_GT(run.summary.at("engine").at("encoder_slices"), 0);
  EXPECT_FALSE(run.Events("say").empty());
}

TEST(AskHears, ATokenizerWithoutTheMarksIsRefused) {
  TempDir dir;
  WriteModel(dir.File("model"), {"<|BOT|>", "<|EOT|>", "<audio>", "</audio>"});
  const AskRun run = Ask(dir, DataDir() + "/speech/conversation/turn_000.flac", "fast",
                         {"--model", dir.File("model")});
  EXPECT_NE(run.program.exit_status, 0);
  EXPECT_NE(run.program.err.find("<audio_start>"), std::string::npos) << run.program.err;
}

}  // namespace
}  // namespace parley::test

// Whisper base on the default machine's backend: what it hears, that slices and drafts change nothing, and what it
// does with silence and with too much.
// SPDX-License-Identifier: Apache-2.0
#include "model/transcriber.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "audio_io/sound_file.h"
#include "support/paths.h"
#include "support/words.h"

namespace parley::model {
namespace {

std::vector<float> SoundAt(const std::string& path) {
  auto sound = audio::ReadSound(path);
  EXPECT_TRUE(sound.has_value()) << sound.error().message;
  return sound.has_value() ? *std::move(sound) : std::vector<float>{};
}

std::vector<float> Sound(const std::string& clip) {
  return SoundAt(test::DataDir() + "/speech/" + clip);
}

class WhisperBase : public ::testing::Test {
 protected:
  void Load(kernels::Storage storage) {
    const std::string path = test::ModelDir("whisper-base");
    auto loaded = Transcriber::Load(*backend_, path, storage);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    transcriber_ = *std::move(loaded);
    job_ = transcriber_->NewJob();
  }
  Transcript Hear(PcmView sound, const TranscribeOptions& options = {}) {
    const Status reset = job_->Reset(sound, options);
    EXPECT_TRUE(reset.has_value()) << reset.error().message;
    for (slices_ = 1;; ++slices_) {
      const Result<bool> done = job_->Advance();
      EXPECT_TRUE(done.has_value()) << done.error().message;
      if (!done.has_value() || *done) return job_->result();
    }
  }

  std::unique_ptr<kernels::Backend> backend_ = kernels::MakeCpuBackend({.threads = 2});
  std::unique_ptr<Transcriber> transcriber_;
  std::unique_ptr<TranscriptionJob> job_;
  int slices_ = 0;
};

TEST_F(WhisperBase, HearsWhatCTranslate2HearsWhenItComputesTheSame) {
  Load(kernels::Storage::kF32);
  std::ifstream file(test::GoldenDir() + "/whisper_transcripts.txt");
  int compared = 0;
  for (std::string line; std::getline(file, line) && compared < 4;) {
    std::istringstream fields(line);
    std::string clip, numbers, text;
    if (line.starts_with("#")) continue;
    std::getline(fields, clip, '\t');
    std::getline(fields, numbers, '\t');
    std::getline(fields, text);
    std::vector<TokenId> ids;
    std::istringstream list(numbers);
    for (std::string id; std::getline(list, id, ',');) ids.push_back(std::stoi(id));
    const Transcript heard = Hear(Sound(clip), {.pad_ms = 30000, .pad_stride = 1});
    EXPECT_EQ(heard.tokens, ids) << clip << ": \"" << heard.text << "\", expected \"" << text
                                 << '"';
    EXPECT_EQ(heard.text, text);
    ++compared;
  }
  EXPECT_EQ(compared, 4) << "make them with tests/golden/make_whisper_goldens.py";
}

TEST_F(WhisperBase, MishearsAtMostSixWordsInAHundredOfTheConversation) {
  Load(kernels::Storage::kI8Row);
  std::ifstream file(test::DataDir() + "/speech/conversation/manifest.json");
  int errors = 0;
  size_t words = 0;
  for (const auto& clip : nlohmann::json::parse(file)) {
    const Transcript heard = Hear(Sound("conversation/" + clip["file"].get<std::string>()));
    const auto expected = test::Words(clip["text"].get<std::string>());
    const int wrong = test::WordErrors(expected, test::Words(heard.text));
    EXPECT_FALSE(heard.loop_cut) << heard.text;
    EXPECT_LT(heard.no_speech, 0.5F) << heard.text;
    if (wrong > 0) std::printf("%d: %s\n", wrong, heard.text.c_str());
    errors += wrong;
    words += expected.size();
  }
  EXPECT_GT(words, 100U);
  const double rate = 100.0 * errors / static_cast<double>(words);
  std::printf("word error rate %.1f %% of %zu words\n", rate, words);
  EXPECT_LE(rate, 6.0);
}

// Left alone it ends behind the first of these sentences: "Antoine tells the truth."
TEST_F(WhisperBase, DoesNotEndBehindTheFirstOfSeveralSentences) {
  Load(kernels::Storage::kI8Row);
  const std::string text = Hear(Sound("synthetic/several_sentences.ogg")).text;
  EXPECT_TRUE(text.ends_with("tell the truth?") || text.ends_with("tell the truth.")) << text;
  EXPECT_GE(std::ranges::count(text, ' '), 25) << text;
}

// Nor behind one that somebody else said: "I have three carrots and two onions and a cabbage and four potatoes" was lost.
TEST_F(WhisperBase, DoesNotEndWhereAnotherVoiceGoesOn) {
  Load(kernels::Storage::kI8Row);
  std::vector<float> sound = Sound("conversation/turn_006.flac");
  const std::vector<float> question = SoundAt(test::SourceDir() + "/docs/question.flac");
  sound.insert(sound.end(), 3200, 0.0F);  // 200 ms
  sound.insert(sound.end(), question.begin(), question.end());
  const std::string text = Hear(sound).text;
  EXPECT_TRUE(text.find("three carrots and two onions") != std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("How many vegetables do I have?")) << text;
}

// A sound that is cut off ends in doubt as well. What could have come next ("to go to the airport") was not said.
TEST_F(WhisperBase, DoesNotInventTheRestOfASentence) {
  Load(kernels::Storage::kI8Row);
  const std::vector<float> decide = Sound("conversation/turn_000.flac");
  EXPECT_EQ(Hear(PcmView(decide).first(decide.size() * 40 / 100)).text,
            "I'm trying to decide whether to");
  const std::vector<float> after = Sound("conversation/turn_026.flac");
  const std::string text = Hear(PcmView(after).first(after.size() * 55 / 100)).text;
  EXPECT_TRUE(text.starts_with("Could you also confirm if there")) << text;
  EXPECT_EQ(text.find("problem"), std::string::npos) << text;
}

TEST_F(WhisperBase, ADraftChangesTheCostAndNothingElse) {
  Load(kernels::Storage::kI8Row);
  const std::vector<float> sound = Sound("conversation/turn_006.flac");
  const std::vector<float> other = Sound("conversation/turn_002.flac");
  const PcmView whole(sound);
  const Transcript alone = Hear(whole);
  const int slices_alone = slices_;
  // The same sound growing, so that what was said of the first part is the draft of the rest.
  Hear(other);
  Hear(whole.first(whole.size() / 2));
  Hear(whole.first(whole.size() * 9 / 10));
  const Transcript grown = Hear(whole);
  EXPECT_EQ(grown.tokens, alone.tokens) << grown.text << " / " << alone.text;
  EXPECT_EQ(grown.text, alone.text);
  EXPECT_LT(slices_, slices_alone);
  ASSERT_EQ(grown.log_probs.size(), alone.log_probs.size());
  for (size_t i = 0; i < grown.log_probs.size(); ++i) {
    EXPECT_NEAR(grown.log_probs[i], alone.log_probs[i], 1e-3);
  }
}

TEST_F(WhisperBase, AForcedPrefixIsWhatItSays) {
  Load(kernels::Storage::kI8Row);
  const std::vector<float> sound = Sound("conversation/turn_002.flac");
  const Transcript free = Hear(sound);
  ASSERT_GT(free.tokens.size(), 3U);
  TranscribeOptions options;
  options.forced_prefix = transcriber_->tokenizer().Encode(" Tell me how many conference tracks");
  job_ = transcriber_->NewJob();
  const Transcript forced = Hear(sound, options);
  EXPECT_EQ(forced.text, "Tell me how many conference tracks are there?");
  EXPECT_TRUE(std::equal(options.forced_prefix.begin(), options.forced_prefix.end(),
                         forced.tokens.begin()));
  EXPECT_EQ(forced.log_probs.size(), forced.tokens.size());
  EXPECT_LT(forced.log_probs[0], free.log_probs[0]) << "it would not have said \"Tell\"";
  // What it would have said anyway, forced, has the log probabilities it has when it is free.
  options.forced_prefix.assign(free.tokens.begin(), free.tokens.begin() + 3);
  job_ = transcriber_->NewJob();
  const Transcript same = Hear(sound, options);
  EXPECT_EQ(same.tokens, free.tokens);
  for (size_t i = 0; i < same.log_probs.size(); ++i) {
    EXPECT_NEAR(same.log_probs[i], free.log_probs[i], 1e-3);
  }
}

TEST_F(WhisperBase, SaysNothingOfSilenceAndRefusesWhatItCannotTake) {
  Load(kernels::Storage::kI8Row);
  EXPECT_EQ(Hear({}).text, "");
  const std::vector<float> silence(2 * kSampleRateHz);
  const Transcript heard = Hear(silence);
  EXPECT_EQ(heard.text, "") << heard.no_speech;
  EXPECT_GT(heard.no_speech, 0.6F);

  const std::vector<float> sound(static_cast<size_t>(transcriber_->window_ms()) * 16 + 1);
  const Status longer = job_->Reset(sound, {});
  ASSERT_FALSE(longer.has_value());
  EXPECT_NE(longer.error().message.find("27000 ms"), std::string::npos) << longer.error().message;
  const Status language = job_->Reset(PcmView(sound).first(16000), {.language = "klingon"});
  ASSERT_FALSE(language.has_value());
  EXPECT_NE(language.error().message.find("klingon"), std::string::npos);
}

TEST(Transcriber, SaysWhatIsMissingInADirectoryThatIsNoModel) {
  const auto backend = kernels::MakeReferenceBackend();
  const auto transcriber = Transcriber::Load(*backend, test::GoldenDir() + "/llama");
  ASSERT_FALSE(transcriber.has_value());
  EXPECT_NE(transcriber.error().message.find("no audio encoder"), std::string::npos)
      << transcriber.error().message;
}

}  // namespace
}  // namespace parley::model

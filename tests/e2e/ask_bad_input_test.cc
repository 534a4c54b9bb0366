// What people hand to a program by mistake: each gets a clear message and the right exit status.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <span>

#include "audio_io/resampler.h"
#include "support/ask_run.h"

namespace parley::test {
namespace {

// Fails with this status, says all of these words, and says them in the trace too.
void ExpectRefused(const AskRun& run, int status, const std::vector<std::string>& words) {
  EXPECT_EQ(run.program.exit_status, status) << run.program.err;
  for (const std::string& word : words) {
    EXPECT_NE(run.program.err.find(word), std::string::npos)
        << "\"" << word << "\" is not in: " << run.program.err;
  }
}

TEST(AskBadInput, NamesAFileThatIsNotThere) {
  TempDir dir;
  const AskRun run = Ask(dir, dir.File("nothing.wav"), "fast");
  ExpectRefused(run, 1, {"nothing.wav"});
  ASSERT_FALSE(run.lines.empty());
  EXPECT_EQ(run.lines.back().at("event"), "error");
  EXPECT_TRUE(run.lines.back().contains("code"));
}

TEST(AskBadInput, RefusesAFileThatIsNoSound) {
  TempDir dir;
  std::ofstream(dir.File("letter.wav")) << "Dear Sir or Madam, this is not a sound.";
  ExpectRefused(Ask(dir, dir.File("letter.wav"), "fast"), 1, {"letter.wav"});
}

TEST(AskBadInput, RefusesASoundWithoutSamples) {
  TempDir dir;
  WriteClip(dir.File("empty.wav"), {});
  ExpectRefused(Ask(dir, dir.File("empty.wav"), "fast"), 1, {"empty.wav"});
}

TEST(AskBadInput, InventsNothingForSilence) {
  TempDir dir;
  WriteClip(dir.File("silence.wav"), std::vector<float>(kSampleRateHz * 5));
  const AskRun run = Ask(dir, dir.File("silence.wav"), "fast");
  ASSERT_EQ(run.program.exit_status, 0) << run.program.err;
  EXPECT_EQ(run.summary.at("transcript"), "");
  EXPECT_EQ(run.summary.at("answer"), "");
  EXPECT_EQ(run.summary.at("reason"), "no_speech");
}

TEST(AskBadInput, InventsNothingForNoise) {
  TempDir dir;
  for (const char* name : {"noise2", "noise3"}) {
    SCOPED_TRACE(name);
    const AskRun run = Ask(dir, DataDir() + "/speech/noise/" + name + ".flac", "fast");
    ASSERT_EQ(run.program.exit_status, 0) << run.program.err;
    EXPECT_EQ(run.summary.at("answer"), "");
    EXPECT_EQ(run.summary.at("reason"), "no_speech");
  }
}

// Hours of silence take no more memory than seconds. One hour here; `./check --full` takes eight.
TEST(AskBadInput, HoursOfSilenceStayInBoundedMemory) {
  TempDir dir;
  const int hours = std::getenv("PARLEY_FULL") != nullptr ? 8 : 1;
  const std::string path = dir.File("hours.wav");
  {
    auto writer = audio::WavWriter::Create(path, 8000);
    ASSERT_TRUE(writer.has_value());
    const std::vector<float> minute(8000 * 60);
    for (int i = 0; i < hours * 60; ++i) ASSERT_TRUE(writer->Write(minute).has_value());
    ASSERT_TRUE(writer->Close().has_value());
  }
  const AskRun run = Ask(dir, path, "fast", {"--log-level", "info"});
  ASSERT_EQ(run.program.exit_status, 0) << run.program.err;
  EXPECT_EQ(run.summary.at("reason"), "no_speech");
  EXPECT_LT(run.summary.at("peak_memory_mb").get<double>(), kMostMemoryMb);
}

// Left and right the same, 24 bit, by hand: what our own writer does not write.
void WriteStudioWav(const std::string& path, std::span<const float> samples, uint32_t rate_hz) {
  std::ofstream file(path, std::ios::binary);
  auto put = [&](uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) file.put(static_cast<char>(value >> (8 * i)));
  };
  const auto data = static_cast<uint32_t>(samples.size() * 6);
  file << "RIFF";
  put(36 + data, 4);
  file << "WAVEfmt ";
  put(16, 4), put(1, 2), put(2, 2), put(rate_hz, 4), put(rate_hz * 6, 4), put(6, 2), put(24, 2);
  file << "data";
  put(data, 4);
  for (const float x : samples) {
    const auto value =
        static_cast<uint32_t>(static_cast<int32_t>(std::clamp(x, -1.0F, 1.0F) * 8388607.0F));
    put(value, 3), put(value, 3);
  }
}

TEST(AskBadInput, HearsStereoOf48KilohertzAnd24Bits) {
  TempDir dir;
  const std::string clip = DataDir() + "/speech/conversation/turn_014.flac";
  const AskRun mono = Ask(dir, clip, "fast");
  audio::Resampler up(kSampleRateHz, 48000);
  const std::vector<float> samples = Samples(clip);
  const auto pushed = up.Push(samples);
  std::vector<float> studio(pushed.begin(), pushed.end());
  const auto rest = up.Flush();
  studio.insert(studio.end(), rest.begin(), rest.end());
  WriteStudioWav(dir.File("studio.wav"), studio, 48000);
  const AskRun other = Ask(dir, dir.File("studio.wav"), "fast");
  ASSERT_EQ(other.program.exit_status, 0) << other.program.err;
  EXPECT_EQ(other.summary.at("transcript"), mono.summary.at("transcript"));
}

TEST(AskBadInput, NamesTheNearestKeyForAnUnknownOne) {
  TempDir dir;
  const AskRun run = Ask(dir, DataDir() + "/speech/conversation/turn_002.flac", "fast",
                         {"--set", "turn.pateince_ms=500"});
  ExpectRefused(run, 2, {"pateince_ms", "patience_ms"});
}

TEST(AskBadInput, SaysTheRangeOfAValue) {
  TempDir dir;
  const AskRun run = Ask(dir, DataDir() + "/speech/conversation/turn_002.flac", "fast",
                         {"--set", "turn.patience_ms=-5"});
  ExpectRefused(run, 2, {"patience_ms", "-5"});
}

TEST(AskBadInput, SaysHowToFetchMissingModels) {
  TempDir dir;
  const AskRun run = Ask(dir, DataDir() + "/speech/conversation/turn_002.flac", "fast",
                         {"--set", "models.dir=" + dir.path()});
  ExpectRefused(run, 1, {"parley models fetch"});
}

TEST(AskBadInput, NamesATruncatedModelFile) {
  TempDir dir;
  // Links to the models that are whole, and a copy of the one that is not.
  const auto models = std::filesystem::path(ModelDir("whisper-base")).parent_path();
  for (const auto& entry : std::filesystem::directory_iterator(models)) {
    if (entry.path().filename() == "smollm2-135m-instruct") continue;
    std::filesystem::create_symlink(entry.path(),
                                    std::filesystem::path(dir.path()) / entry.path().filename());
  }
  std::filesystem::create_directory(dir.File("smollm2-135m-instruct"));
  const std::string gguf = dir.File("smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf");
  std::filesystem::copy_file(ModelDir("smollm2-135m-instruct") + "/SmolLM2-135M-Instruct.Q4_1.gguf",
                             gguf);
  std::filesystem::resize_file(gguf, 30000000);
  const AskRun run = Ask(dir, DataDir() + "/speech/conversation/turn_002.flac", "fast",
                         {"--set", "models.dir=" + dir.path()});
  ExpectRefused(run, 1, {"SmolLM2-135M-Instruct.Q4_1.gguf"});
}

TEST(AskBadInput, NamesAModelFileWithAWrongHash) {
  TempDir dir;
  const std::string name = "silero-vad";
  std::filesystem::copy(ModelDir(name), dir.File(name), std::filesystem::copy_options::recursive);
  const std::vector<std::string> verify = {"models", "verify", name, "--set",
                                           "models.dir=" + dir.path()};
  EXPECT_EQ(RunParley(verify).exit_status, 0);
  const std::string file = dir.File(name) + "/silero_vad_openvino_16k.onnx";
  std::fstream onnx(file, std::ios::in | std::ios::out | std::ios::binary);
  onnx.seekg(1000);
  const int byte = onnx.get();
  onnx.seekp(1000);
  onnx.put(static_cast<char>(byte ^ 1));
  onnx.close();
  const ProgramRun run = RunParley(verify);
  EXPECT_EQ(run.exit_status, 1);
  EXPECT_NE((run.out + run.err).find("silero_vad_openvino_16k.onnx"), std::string::npos)
      << run.out << run.err;
  EXPECT_NE(run.err.find("parley models fetch"), std::string::npos) << run.err;
}

TEST(AskBadInput, SaysWhenTheTraceCannotBeWritten) {
  const ProgramRun run = RunParley({"ask", DataDir() + "/speech/conversation/turn_002.flac",
                                    "--pace", "fast", "--json", "/dev/full"});
  EXPECT_EQ(run.exit_status, 1);
  EXPECT_NE(run.err.find("/dev/full"), std::string::npos) << run.err;
}

TEST(AskBadInput, SaysWhenTheAnswerCannotBeWritten) {
  const ProgramRun run = RunParley({"ask", DataDir() + "/speech/conversation/turn_002.flac",
                                    "--pace", "fast", "--out", "/dev/full"});
  EXPECT_EQ(run.exit_status, 1);
  EXPECT_NE(run.err.find("/dev/full"), std::string::npos) << run.err;
}

TEST(AskBadInput, WrongUsageIsStatusTwo) {
  EXPECT_EQ(RunParley({}).exit_status, 2);
  EXPECT_EQ(RunParley({"ask"}).exit_status, 2);
  EXPECT_EQ(RunParley({"ask", "x.wav", "--pace", "slow"}).exit_status, 2);
  EXPECT_EQ(RunParley({"--help"}).exit_status, 0);
  EXPECT_EQ(RunParley({"--version"}).exit_status, 0);
}

}  // namespace
}  // namespace parley::test

// The remote voice against a server on this machine, over real sockets: what it asks for, what it passes on, and what
// it says when the server refuses, is silent, breaks off or sends something else.
// SPDX-License-Identifier: Apache-2.0
#include "tts/remote_voice.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "unit/fetch/local_server.h"

namespace parley::tts {
namespace {

constexpr char kPath[] = "/v1/audio/speech";

std::string Samples(size_t count) {  // 0, 1, 2, … as 16 bits
  std::string bytes;
  for (size_t i = 0; i < count; ++i) {
    bytes += static_cast<char>(i & 0xff);
    bytes += static_cast<char>(i >> 8 & 0x7f);
  }
  return bytes;
}

class RemoteVoiceTest : public testing::Test {
 protected:
  void SetUp() override {
    config_.kind = VoiceKind::kRemote;
    config_.url = server_.Url(kPath);
    config_.timeout_s = 1;
  }
  Status Speak(const std::string& text, size_t stop_after = SIZE_MAX) {
    auto voice = RemoteVoice::Open(config_);
    if (!voice) return voice.error();
    chunks_.clear();
    return (*voice)->Speak(CallerText(text), {}, [&](SpeechChunk chunk) {
      chunks_.push_back(std::move(chunk));
      return chunks_.size() < stop_after;
    });
  }
  std::string Message(const Status& status) {
    return status ? std::string() : status.error().message;
  }

  test::LocalServer server_;
  VoiceConfig config_;
  std::vector<SpeechChunk> chunks_;
};

TEST_F(RemoteVoiceTest, PassesTheSamplesOnWithEveryWordOnce) {
  server_.Serve(kPath, {.body = Samples(30000), .content_type = "audio/pcm"});
  const std::string text = "It costs $5, \"really\".";
  ASSERT_TRUE(Speak(text).has_value());
  int64_t at = 0;
  std::vector<WordSpan> words;
  for (const SpeechChunk& chunk : chunks_) {
    EXPECT_EQ(chunk.first_sample, at);
    EXPECT_TRUE(chunk.words_estimated);
    EXPECT_EQ(chunk.last, &chunk == &chunks_.back());
    for (size_t i = 0; i < chunk.samples.size(); ++i) {
      ASSERT_EQ(chunk.samples[i],
                static_cast<float>((at + static_cast<int64_t>(i)) & 0x7fff) / 32768);
    }
    for (const WordSpan& word : chunk.words) {
      EXPECT_GE(word.first_sample, words.empty() ? 0 : words.back().first_sample);
      EXPECT_LE(word.first_sample, at + static_cast<int64_t>(chunk.samples.size()));
      words.push_back(word);
    }
    at += static_cast<int64_t>(chunk.samples.size());
  }
  EXPECT_EQ(at, 30000);
  EXPECT_GT(chunks_.size(), 5U);  // in pieces, not as a whole
  ASSERT_EQ(words.size(), 5U);    // it costs five dollars really
  EXPECT_EQ(text.substr(words[2].char_begin, words[2].char_end - words[2].char_begin), "$5");

  const auto requests = server_.requests(kPath);
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].headers.at("content-type"), "application/json");
  EXPECT_EQ(requests[0].headers.count("authorization"), 0U);
  EXPECT_EQ(requests[0].body,
            R"({"model":"tts-1","voice":"alloy","input":"It costs $5, \"really\".",)"
            R"("response_format":"pcm","speed":1})");
}

TEST_F(RemoteVoiceTest, SendsTheKeyOfTheEnvironmentAndNeverShowsIt) {
  config_.key_env = "PARLEY_TEST_VOICE_KEY";
  unsetenv("PARLEY_TEST_VOICE_KEY");
  EXPECT_NE(Message(Speak("a")).find("PARLEY_TEST_VOICE_KEY, which is not set"), std::string::npos);
  setenv("PARLEY_TEST_VOICE_KEY", "secret", 1);
  server_.Serve(kPath, {.body = Samples(100), .token = "secret"});
  EXPECT_TRUE(Speak("a").has_value());
  server_.Serve(kPath, {.body = Samples(100), .token = "another"});
  const Status refused = Speak("a");
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(Message(refused).find("answers 401: no token"), std::string::npos) << Message(refused);
  EXPECT_EQ(Message(refused).find("secret"), std::string::npos);
}

TEST_F(RemoteVoiceTest, StopsWhenTheListenerHasEnough) {
  server_.Serve(kPath, {.body = Samples(200000)});
  const Status stopped = Speak("one two three", 2);
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, Code::kCancelled);
  EXPECT_EQ(chunks_.size(), 2U);
}

TEST_F(RemoteVoiceTest, SaysWhenNobodyIsThere) {
  {
    const test::LocalServer gone;
    config_.url = gone.Url(kPath);
  }
  const Status refused = Speak("a");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kPeer);
  EXPECT_NE(Message(refused).find(config_.url), std::string::npos);
  EXPECT_NE(Message(refused).find("voice.url says where it is"), std::string::npos);
  config_.url = "127.0.0.1:8880";
  EXPECT_NE(Message(Speak("a")).find("needs a whole address"), std::string::npos);
}

TEST_F(RemoteVoiceTest, GivesUpAServerThatFallsSilent) {
  server_.Serve(kPath, {.body = Samples(9000), .cut_after = {9600}, .never_ends = true});
  const Status slow = Speak("a");
  ASSERT_FALSE(slow.has_value());
  EXPECT_EQ(slow.error().code, Code::kTimeout);
  EXPECT_NE(Message(slow).find("failed after 0.2 s of sound"), std::string::npos) << Message(slow);
  EXPECT_NE(Message(slow).find("silent for 1 s"), std::string::npos) << Message(slow);
}

TEST_F(RemoteVoiceTest, SaysWhenTheSoundBreaksOff) {
  server_.Serve(kPath, {.body = Samples(9000), .cut_after = {9601}});
  const Status broken = Speak("a");
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(broken.error().code, Code::kPeer);
  server_.Serve(kPath, {.body = Samples(9000) + "x"});
  EXPECT_NE(Message(Speak("a")).find("in the middle of a sample"), std::string::npos);
  server_.Serve(kPath, {.body = ""});
  EXPECT_NE(Message(Speak("a")).find("without any sound"), std::string::npos);
}

TEST_F(RemoteVoiceTest, RefusesWhatIsNoRawSound) {
  server_.Serve(kPath, {.body = "RIFF" + Samples(100), .content_type = "audio/wav"});
  const Status wav = Speak("a");
  ASSERT_FALSE(wav.has_value());
  EXPECT_EQ(wav.error().code, Code::kUnsupported);
  EXPECT_TRUE(chunks_.empty());
  server_.Serve(kPath, {.body = "overloaded", .status = 503});
  EXPECT_NE(Message(Speak("a")).find("answers 503: overloaded"), std::string::npos);
  server_.Serve(kPath, {.location = server_.Url("/elsewhere")});
  EXPECT_NE(Message(Speak("a")).find("answers 302"), std::string::npos);
}

}  // namespace
}  // namespace parley::tts

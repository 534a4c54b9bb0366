// SPDX-License-Identifier: Apache-2.0
// The history after an interruption holds what was heard: 200 interruptions of answers that the
// real voice speaks, cut at random, on our own playback clock and on reports of a client. What was
// claimed goes into a file, with the voice's word times and every send; check_heard.py works out
// from these, and from nothing of ours, which character each answer must have been cut at. By ear:
// recordings that end at the cut are transcribed, and the script says how many words off they are.
//   PARLEY_EAR=N   recordings to transcribe (24)
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <random>

#include "app/answer_recorder.h"
#include "audio_io/sound_file.h"
#include "common/json.h"
#include "support/paths.h"
#include "support/talk.h"
#include "tts/voice.h"

namespace parley::test {
namespace {

using namespace parley::realtime;  // NOLINT: the events by their own names

constexpr int kInterruptions = 200;

const std::vector<std::string> kAnswers = {
    "The museum is open every day except Monday. You can buy a ticket at the door, or save some "
    "time and order it on the page of the museum before you come.",
    "Yes, there is a train at nine in the morning. It stops in every small town along the river, "
    "so bring something good to read.",
    "Elephants are the largest animals that walk on land. They live in families, and the oldest "
    "female leads the way to food and water.",
    // What is written and what is spoken differ: numbers, money, times, abbreviations.
    "Dr. Smith will see you on June 5th at 3:30 p.m. The visit costs $48.75, which is 15% less "
    "than in 2023.",
    "It is about 1,200 km from here, i.e. 12 hours by car. Take No. 7 to St. Mary's, then walk!"};
constexpr size_t kPlainAnswers = 3;  // whose words are written as they are spoken

// Speaks every clause once; afterwards it is remembered.
class RememberingVoice final : public tts::Synthesizer {
 public:
  explicit RememberingVoice(tts::Synthesizer& voice) : voice_(voice) {}
  int sample_rate_hz() const override { return voice_.sample_rate_hz(); }
  Status Speak(const AnswerText& text, const tts::SpeakOptions& options,
               const tts::ChunkSink& sink) override {
    const std::string key(text.view());
    auto& chunks = clauses_[key];
    if (chunks.empty()) {
      PARLEY_TRY_STATUS(voice_.Speak(text, options, [&](tts::SpeechChunk chunk) {
        chunks.push_back(std::move(chunk));
        return true;
      }));
    }
    for (const tts::SpeechChunk& chunk : chunks) {
      if (!sink(chunk)) return Fail(Code::kCancelled, "stopped");
    }
    return {};
  }
  Status Speak(const CallerText&, const tts::SpeakOptions&, const tts::ChunkSink&) override {
    return Fail(Code::kUnsupported, "no caller here");
  }

  // The word times, as the voice gave them, and how much silence it began with beyond 5 ms: an answer drops it.
  void Write(std::ostream& out) const {
    for (const auto& [text, chunks] : clauses_) {
      int64_t samples = 0, lead = 0;
      if (!chunks.empty()) {
        const std::vector<float>& first = chunks.front().samples;
        while (lead < std::ssize(first) && std::abs(first[static_cast<size_t>(lead)]) < 0.001F) {
          ++lead;
        }
        lead = std::max<int64_t>(0, lead - voice_.sample_rate_hz() * 5 / 1000);
      }
      std::string words;
      for (const tts::SpeechChunk& chunk : chunks) {
        samples += static_cast<int64_t>(chunk.samples.size());
        for (const tts::WordSpan& word : chunk.words) {
          words += (words.empty() ? "[" : ",[") + std::to_string(word.first_sample) + "," +
                   std::to_string(word.char_begin) + "," + std::to_string(word.char_end) + "]";
        }
      }
      out << JsonLine()
                 .Add("clause", text)
                 .Add("samples", samples)
                 .Add("lead", lead)
                 .AddRaw("words", "[" + words + "]")
                 .Take()
          << "\n";
    }
  }

 private:
  tts::Synthesizer& voice_;
  std::map<std::string, std::vector<tts::SpeechChunk>> clauses_;
};

std::string Pair(int64_t a, int64_t b) {
  return "[" + std::to_string(a) + "," + std::to_string(b) + "]";
}

class HeardTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = tts::OpenVoice(ModelDir("piper-en-us-joe"), {});
    ASSERT_TRUE(opened) << opened.error().message;
    voice_ = *std::move(opened);
    remembering_ = std::make_unique<RememberingVoice>(*voice_);
  }

  std::unique_ptr<Talk> NewTalk(const std::string& answer) {
    TalkOptions options;
    options.voice = remembering_.get();
    options.config.speak.noise = 0;
    options.config.mind.answer_tokens = 400;
    auto talk = std::make_unique<Talk>(std::move(options));
    talk->Reply(answer);
    talk->At(100, [&talk = *talk] { talk.session().PushText("go on"); });
    return talk;
  }

  // The first sound and the end of the whole answer.
  std::pair<Time, Time> Uncut(const std::string& answer) {
    const auto talk = NewTalk(answer);
    talk->RunUntil(30000);
    std::pair<Time, Time> span;
    for (const Event& event : talk->events()) {
      if (std::holds_alternative<FirstAudio>(event.what)) span.first = event.at;
      if (std::holds_alternative<TurnDone>(event.what)) span.second = event.at;
    }
    return span;
  }

  // One line: what we claim, and what somebody else needs to check it.
  std::string Claim(Talk& talk, const std::string& answer, int64_t reported,
                    const std::string& recording) {
    std::string sends, heard, done;
    int64_t at_us = -1;
    auto recorder = app::AnswerRecorder::Create(recording, remembering_->sample_rate_hz());
    EXPECT_TRUE(recorder);
    for (const Event& event : talk.events()) {
      const int64_t us = event.at.time_since_epoch().count();
      if (const auto* audio = std::get_if<AudioOut>(&event.what)) {
        EXPECT_LT(at_us, 0) << "sound was sent behind an interruption";
        sends += (sends.empty() ? "" : ",") + Pair(us, static_cast<int64_t>(audio->samples.size()));
        EXPECT_TRUE(recorder->Add(event.at, *audio));
      } else if (const auto* barge_in = std::get_if<BargedIn>(&event.what)) {
        heard = barge_in->heard_text;
        at_us = us;
        EXPECT_TRUE(recorder->Cut(event.at));
      } else if (const auto* turn = std::get_if<TurnDone>(&event.what)) {
        done = turn->trace.answer;
      }
    }
    EXPECT_TRUE(recorder->Close());
    EXPECT_GE(at_us, 0) << "it was not interrupted";
    const auto& kept = talk.conversation().trunk().exchanges();
    return JsonLine()
        .Add("answer", answer)
        .Add("at_us", at_us)
        .AddRaw("sends", "[" + sends + "]")
        .Add("reported", reported)
        .Add("heard", heard)
        .Add("done", done)
        .Add("kept", kept.empty() ? std::string() : kept.back().answer)
        .Add("held", talk.tokenizer().Decode(talk.conversation().trunk().ids()))
        .Take();
  }

  std::string Transcribe(const std::string& recording) {
    if (transcriber_ == nullptr) {
      auto loaded = model::Transcriber::Load(*backend_, ModelDir("whisper-base"));
      EXPECT_TRUE(loaded) << loaded.error().message;
      transcriber_ = *std::move(loaded);
      job_ = transcriber_->NewJob();
    }
    const auto sound = audio::ReadSound(recording);
    EXPECT_TRUE(sound) << sound.error().message;
    EXPECT_TRUE(job_->Reset(*sound, {}));
    for (;;) {
      const Result<bool> done = job_->Advance();
      EXPECT_TRUE(done) << done.error().message;
      if (!done || *done) return job_->result().text;
    }
  }

  std::unique_ptr<tts::Synthesizer> voice_;
  std::unique_ptr<RememberingVoice> remembering_;
  std::unique_ptr<kernels::Backend> backend_ = kernels::MakeCpuBackend({.threads = 2});
  std::unique_ptr<model::Transcriber> transcriber_;
  std::unique_ptr<model::TranscriptionJob> job_;
};

TEST_F(HeardTest, TwoHundredInterruptionsAreCutWhereTheVoiceWas) {
  TempDir dir;
  const std::string claims = dir.File("claims.jsonl");
  std::ofstream out(claims);
  std::vector<std::pair<Time, Time>> spans;
  for (const std::string& answer : kAnswers) spans.push_back(Uncut(answer));
  out << JsonLine().Add("rate", remembering_->sample_rate_hz()).Take() << "\n";
  remembering_->Write(out);

  const char* wanted = std::getenv("PARLEY_EAR");
  int ears = wanted != nullptr ? std::atoi(wanted) : 24;
  std::mt19937 random(2026);
  for (int i = 0; i < kInterruptions; ++i) {
    const size_t which = random() % kAnswers.size();
    const std::string& answer = kAnswers[which];
    const auto [first, end] = spans[which];
    ASSERT_GT(end, first);
    const auto length_ms = static_cast<int64_t>(Ms(end - first));
    const auto cut_ms = static_cast<int64_t>(Ms(first)) + 20 +
                        static_cast<int64_t>(random() % static_cast<uint64_t>(length_ms - 60));
    const auto talk = NewTalk(answer);
    // Every third client reports what it plays: late, and in its own rhythm.
    int64_t reported = -1;
    if (i % 3 == 0) {
      const int64_t lag_ms = 40 + static_cast<int64_t>(random() % 500);
      const int64_t step_ms = 30 + static_cast<int64_t>(random() % 200);
      for (int64_t ms = static_cast<int64_t>(Ms(first)); ms < cut_ms; ms += step_ms) {
        const int64_t played = std::max<int64_t>(0, ms - static_cast<int64_t>(Ms(first)) - lag_ms) *
                               remembering_->sample_rate_hz() / 1000;
        talk->At(ms, [&talk = *talk, played] { talk.session().Played(played); });
        reported = played;
      }
    }
    talk->At(cut_ms, [&talk = *talk] { talk.session().Interrupt(); });
    talk->RunUntil(cut_ms + 100);
    const bool listen = reported < 0 && which < kPlainAnswers && ears > 0;
    const std::string recording = listen ? dir.File("heard.wav") : "";
    std::string claim = Claim(*talk, answer, reported, recording);
    if (listen) {
      --ears;
      claim.back() = ',';
      claim += JsonLine().Add("transcript", Transcribe(recording)).Take().substr(1);
    }
    out << claim << "\n";
    ASSERT_FALSE(HasFailure()) << "interruption " << i;
  }
  out.close();
  const std::string check =
      "python3 '" + SourceDir() + "/tests/interruption/check_heard.py' '" + claims + "'";
  EXPECT_EQ(std::system(check.c_str()), 0) << "what it says stands above";
}

}  // namespace
}  // namespace parley::test

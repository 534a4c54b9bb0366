// SPDX-License-Identifier: Apache-2.0
#include "bench/engine_bench.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "bench/bench_rig.h"
#include "bench/busy_core.h"
#include "bench/peer.h"
#include "common/json.h"

namespace parley::bench {
namespace {

using engine::Urgency;

constexpr int32_t kPrompt = 64;
constexpr int32_t kDecoded = 128;

// One bench of one rig: what is shared by the cases below.
class EngineBench {
 public:
  EngineBench(const EngineBenchOptions& options, const Peer* peer, int threads, BenchRig& rig,
              const std::function<void(const BenchFigure&)>& report)
      : options_(options), peer_(peer), threads_(threads), rig_(rig), report_(report) {}

  Status Run() {
    PARLEY_TRY_STATUS(CheckBranchesAgree());
    PARLEY_TRY_STATUS(Against("decode", "tokens/s", [this] { return Decode(); }));
    PARLEY_TRY_STATUS(Against("prefill_128", "tokens/s", [this] { return Prefill(128); }));
    PARLEY_TRY_STATUS(Against("prefill_512", "tokens/s", [this] { return Prefill(512); }));
    PARLEY_TRY_STATUS(Against("branches_4", "x one step", [this] { return FourBranches(); }));
    if (Wanted("fork")) ForkAndRollback();
    if (Wanted("mixed")) Mixed();
    if (threads_ > 1 && Wanted("stolen")) StolenCore();
    if (!options_.transcriber.empty()) return Transcription();
    return {};
  }

 private:
  bool Wanted(const std::string& name) const { return name.starts_with(options_.only); }

  void Report(std::string name, double value, std::string unit, std::string note = {}) {
    BenchFigure figure;
    figure.name = std::move(name);
    figure.threads = threads_;
    figure.value = value;
    figure.unit = std::move(unit);
    figure.note = std::move(note);
    report_(figure);
  }

  // Ours and the peer's in turns; higher is better, but for "x one step" and times.
  template <class Measure>
  Status Against(const std::string& name, const std::string& unit, Measure&& measure) {
    if (!Wanted(name)) return {};
    const bool less_is_better = unit != "tokens/s";
    measure();  // warm
    std::vector<double> ours, theirs, ratios;
    for (int round = 0; round < options_.rounds; ++round) {
      ours.push_back(measure());
      if (peer_ == nullptr) continue;
      PARLEY_TRY(const double peer, peer_->Measure(name, threads_));
      theirs.push_back(peer);
      ratios.push_back(less_is_better ? peer / ours.back() : ours.back() / peer);
    }
    BenchFigure figure;
    figure.name = name;
    figure.threads = threads_;
    figure.value = Percentile(ours, 0.5);
    figure.unit = unit;
    if (peer_ != nullptr) {
      figure.peer = Percentile(theirs, 0.5);
      figure.ratio = Percentile(ratios, 0.5);
    }
    report_(figure);
    return {};
  }

  int64_t Prompted(int32_t tokens) {
    const int64_t sequence = rig_.Open();
    rig_.Append(sequence, rig_.Prompt(tokens), Urgency::kFirstWords);
    rig_.RunToIdle();
    return sequence;
  }

  // Four branches together must say what one says alone.
  Status CheckBranchesAgree() {
    const int64_t trunk = Prompted(kPrompt);
    std::vector<int64_t> branches;
    std::vector<std::shared_ptr<TokenCounter>> said;
    for (int i = 0; i < 5; ++i) {
      branches.push_back(rig_.Fork(trunk, kPrompt));
      said.push_back(rig_.Generate(branches.back(), 24, Urgency::kSpeaking));
      if (i == 0) rig_.RunToIdle();
    }
    rig_.RunToIdle();
    for (const int64_t branch : branches) rig_.Close(branch);
    rig_.Close(trunk);
    for (const auto& other : said) {
      if (other->tokens != said[0]->tokens) {
        return Fail(Code::kDevice,
                    "branches of one step say something else than one alone: "
                    "nothing is timed before that is mended");
      }
    }
    return {};
  }

  double Decode() {
    const int64_t sequence = Prompted(kPrompt);
    const auto sink = rig_.Generate(sequence, kDecoded + 1, Urgency::kFirstWords);
    rig_.Step();  // the first token ends the prompt
    double us = 0;
    for (const TimedStep& step : rig_.RunToIdle()) us += step.us;
    rig_.Close(sequence);
    return kDecoded / us * 1e6;
  }

  double Prefill(int32_t tokens) {
    const int64_t sequence = rig_.Open();
    rig_.Append(sequence, rig_.Prompt(tokens + 1), Urgency::kFirstWords);  // the last row waits
    double us = 0;
    for (const TimedStep& step : rig_.RunToIdle()) us += step.us;
    rig_.Close(sequence);
    return tokens / us * 1e6;
  }

  double StepOf(int branches) {
    const int64_t trunk = Prompted(kPrompt);
    std::vector<int64_t> forks;
    for (int i = 0; i < branches; ++i) {
      forks.push_back(rig_.Fork(trunk, kPrompt));
      rig_.Generate(forks.back(), 40, Urgency::kSpeaking);
    }
    std::vector<double> us;
    for (const TimedStep& step : rig_.RunToIdle()) {
      if (step.report.decode_rows == branches && step.report.pages_copied == 0)
        us.push_back(step.us);
    }
    for (const int64_t fork : forks) rig_.Close(fork);
    rig_.Close(trunk);
    return Percentile(us, 0.5);
  }

  double FourBranches() {
    const double one = StepOf(1);
    return StepOf(4) / one;
  }

  // Between the steps of a running stream: what a fork of it and a rollback of the fork take.
  void ForkAndRollback() {
    const int64_t trunk = Prompted(512);
    const auto sink = rig_.Generate(trunk, 200, Urgency::kSpeaking);
    std::vector<double> fork_us, rollback_us;
    const auto timed = [](std::vector<double>& into, auto&& work) {
      const auto begin = std::chrono::steady_clock::now();
      auto result = work();
      into.push_back(
          std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
              .count());
      return result;
    };
    while (!rig_.idle()) {
      rig_.Step();
      const auto at = static_cast<engine::Position>(512 + sink->tokens.size());
      const int64_t fork = timed(fork_us, [&] { return rig_.Fork(trunk, at); });
      timed(rollback_us, [&] {
        rig_.Rollback(fork, at / 2);
        return 0;
      });
      rig_.Close(fork);
    }
    rig_.Close(trunk);
    for (const auto& [name, us] :
         {std::pair("fork", fork_us), std::pair("rollback", rollback_us)}) {
      Report(std::string(name) + "_p50", Percentile(us, 0.5), "us", "of 512 to 712 positions");
      Report(std::string(name) + "_p99", Percentile(us, 0.99), "us", "of 512 to 712 positions");
    }
    Report("page_copy", rig_.PageCopyUs(), "us", "what the first row after a fork adds");
  }

  // A talk speaks while another's 256 tokens are appended: the time between its tokens.
  void Mixed() {
    const int64_t speaking = Prompted(kPrompt);
    const int64_t listening = rig_.Open();
    rig_.Generate(speaking, 100, Urgency::kSpeaking);
    for (int i = 0; i < 20; ++i) rig_.Step();
    rig_.Append(listening, rig_.Prompt(257), Urgency::kThinkingListening);
    std::vector<double> alone, mixed;
    for (const TimedStep& step : rig_.RunToIdle()) {
      if (step.report.decode_rows > 0)
        (step.report.prefill_rows > 0 ? mixed : alone).push_back(step.us);
    }
    rig_.Close(speaking);
    rig_.Close(listening);
    Report("mixed_step_alone_p50", Percentile(alone, 0.5) / 1000, "ms");
    Report("mixed_step_p50", Percentile(mixed, 0.5) / 1000, "ms", "16 appended rows beside it");
    Report("mixed_step_p99", Percentile(mixed, 0.99) / 1000, "ms", "16 appended rows beside it");
  }

  void StolenCore() {
    std::vector<double> ratios;
    for (int round = 0; round < options_.rounds; ++round) {
      const double quiet = Decode();
      const BusyCore busy;
      ratios.push_back(Decode() / quiet);
    }
    Report("stolen_core", Percentile(ratios, 0.5), "x quiet decode",
           "a thread of the same priority spins on one core");
  }

  // Slices of a transcription beside a talk that speaks, and what encoder and decoder take alone.
  Status Transcription() {
    if (!Wanted("transcription") && !Wanted("whisper")) return {};
    std::vector<float> sound = options_.sound;
    if (sound.empty()) {
      uint32_t state = 1;
      for (int i = 0; i < 10 * kSampleRateHz; ++i) {
        state = state * 1664525U + 1013904223U;
        sound.push_back(static_cast<float>(state >> 8) / 8388608.0F - 1.0F);
      }
    }
    sound.resize(std::min<size_t>(sound.size(), 10 * kSampleRateHz));
    double encoder_us = 0, decoder_us = 0, decoder_rows = 0;
    const auto whisper = [&]() -> std::pair<double, double> {
      encoder_us = decoder_us = decoder_rows = 0;
      rig_.Transcribe(std::vector<float>(10), {}, Urgency::kFirstWords,
                      {});  // forget the last sound
      rig_.RunToIdle();
      std::vector<float> padded = sound;
      padded.resize(10 * kSampleRateHz);
      rig_.Transcribe(std::move(padded), {.pad_ms = 0}, Urgency::kFirstWords, {});
      for (const TimedStep& step : rig_.RunToIdle()) {
        const engine::StepReport& r = step.report;
        if (r.encoder_rows == 500) encoder_us += step.us;
        if (r.transcriber_rows == 1) {
          decoder_us += step.us;
          ++decoder_rows;
        }
      }
      return {encoder_us / 1000, decoder_rows > 0 ? decoder_rows / decoder_us * 1e6 : 0};
    };
    PARLEY_TRY_STATUS(Against("whisper_encoder_10s", "ms", [&] { return whisper().first; }));
    PARLEY_TRY_STATUS(Against("whisper_decoder", "tokens/s", [&] { return whisper().second; }));
    if (!Wanted("transcription")) return {};
    const int64_t talk = Prompted(kPrompt);
    rig_.Generate(talk, 200, Urgency::kSpeaking);
    rig_.Transcribe(sound, {}, Urgency::kThinkingListening, {});
    std::vector<double> slices, gaps;
    double since_token = 0;
    for (const TimedStep& step : rig_.RunToIdle()) {
      since_token += step.us;
      if (step.report.transcription_slices > 0) slices.push_back(step.us / 1000);
      if (step.report.decode_rows > 0) {
        gaps.push_back(since_token / 1000);
        since_token = 0;
      }
    }
    rig_.Close(talk);
    Report("transcription_slice_p50", Percentile(slices, 0.5), "ms");
    Report("transcription_slice_max", Percentile(slices, 1.0), "ms");
    Report("transcription_token_gap_p50", Percentile(gaps, 0.5), "ms", "of an answer that plays");
    Report("transcription_token_gap_max", Percentile(gaps, 1.0), "ms", "of an answer that plays");
    return {};
  }

  const EngineBenchOptions& options_;
  const Peer* peer_;
  int threads_;
  BenchRig& rig_;
  const std::function<void(const BenchFigure&)>& report_;
};

}  // namespace

Status RunEngineBench(const EngineBenchOptions& options,
                      const std::function<void(const BenchFigure&)>& report) {
  const Peer peer(options);
  for (const int threads : options.threads) {
    PARLEY_TRY(const std::unique_ptr<BenchRig> rig, BenchRig::Make(options, threads));
    EngineBench bench(options, options.peers.empty() ? nullptr : &peer, threads, *rig, report);
    PARLEY_TRY_STATUS(bench.Run());
  }
  return {};
}

std::string TableRow(const BenchFigure& f) {
  char line[200];
  std::snprintf(line, sizeof(line), "%-28s %d thr %10.2f %-14s", f.name.c_str(), f.threads, f.value,
                f.unit.c_str());
  std::string row = line;
  if (f.ratio >= 0) {
    std::snprintf(line, sizeof(line), " peer %10.2f, ratio %5.2f", f.peer, f.ratio);
    row += line;
  }
  return f.note.empty() ? row : row + "  " + f.note;
}

std::string JsonRow(const BenchFigure& f) {
  JsonLine line;
  line.Add("bench", "engine").Add("case", f.name).Add("threads", f.threads);
  line.Add("value", f.value).Add("unit", f.unit);
  if (f.ratio >= 0) line.Add("peer", f.peer).Add("ratio", f.ratio);
  if (!f.note.empty()) line.Add("note", f.note);
  return std::move(line).Take();
}

}  // namespace parley::bench

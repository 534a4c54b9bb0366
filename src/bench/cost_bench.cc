// SPDX-License-Identifier: Apache-2.0
#include "bench/cost_bench.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "bench/bench_rig.h"

namespace parley::bench {
namespace {

using engine::Urgency;

constexpr int kRounds = 5;
constexpr int32_t kPrompt = 64;
constexpr int32_t kDecoded = 40;
constexpr int32_t kLongContext = 900;
constexpr int32_t kStepRows = 64;  // of one step of prefill
constexpr int kShortSeconds = 3, kLongSeconds = 10;
constexpr int32_t kRowsPerSecond = 50;  // of the encoder

int32_t Whole(double us) { return std::max(0, static_cast<int32_t>(std::lround(us))); }

class CostBench {
 public:
  explicit CostBench(BenchRig& rig) : rig_(rig) {}

  engine::CostTable Run(bool transcribes) {
    const double one = MedianOf([&] { return DecodeSteps(1, kPrompt); });
    const double four = MedianOf([&] { return DecodeSteps(4, kPrompt); });
    const double far = MedianOf([&] { return DecodeSteps(1, kLongContext); });
    const double filled = MedianOf([&] { return PrefillSteps(); });
    const double branch = std::max(0.0, (four - one) / 3);
    const double step = one - branch;
    const double row = (filled - step) / kStepRows;

    engine::CostTable costs;
    costs.step_us = Whole(step);
    costs.prefill_row_us = Whole(row);
    costs.decode_row_us = Whole(std::min(branch, row));  // the same work, and then the head
    costs.logit_row_us = Whole(branch - std::min(branch, row));
    costs.context_us_per_1000 = Whole((far - one) * 1000 / (kLongContext - kPrompt));
    costs.page_copy_us = Whole(rig_.PageCopyUs());
    if (transcribes) Transcription(costs);
    return costs;
  }

 private:
  // The median of all the times of several rounds.
  static double MedianOf(const std::function<std::vector<double>()>& measure) {
    measure();  // warm
    std::vector<double> all;
    for (int round = 0; round < kRounds; ++round) {
      const std::vector<double> times = measure();
      all.insert(all.end(), times.begin(), times.end());
    }
    return Percentile(all, 0.5);
  }

  std::vector<double> DecodeSteps(int branches, int32_t context) {
    const int64_t trunk = rig_.Open();
    rig_.Append(trunk, rig_.Prompt(context), Urgency::kFirstWords);
    rig_.RunToIdle();
    std::vector<int64_t> forks;
    for (int i = 0; i < branches; ++i) {
      forks.push_back(rig_.Fork(trunk, context));
      rig_.Generate(forks.back(), kDecoded, Urgency::kSpeaking);
    }
    std::vector<double> us;
    for (const TimedStep& step : rig_.RunToIdle()) {
      const engine::StepReport& r = step.report;
      if (r.decode_rows == branches && r.pages_copied == 0) us.push_back(step.us);
    }
    for (const int64_t fork : forks) rig_.Close(fork);
    rig_.Close(trunk);
    return us;
  }

  std::vector<double> PrefillSteps() {
    const int64_t sequence = rig_.Open();
    rig_.Append(sequence, rig_.Prompt(2 * kStepRows + 1), Urgency::kFirstWords);
    std::vector<double> us;
    for (const TimedStep& step : rig_.RunToIdle()) {
      if (step.report.prefill_rows == kStepRows) us.push_back(step.us);
    }
    rig_.Close(sequence);
    return us;
  }

  // The slices of one transcription that are of this kind.
  std::vector<double> Slices(int seconds,
                             const std::function<bool(const engine::StepReport&)>& of) {
    rig_.Transcribe(std::vector<float>(10), {}, Urgency::kFirstWords, {});  // forget the last sound
    rig_.RunToIdle();
    std::vector<float> sound;
    uint32_t state = 1;
    for (int i = 0; i < seconds * kSampleRateHz; ++i) {
      state = state * 1664525U + 1013904223U;
      sound.push_back(static_cast<float>(state >> 8) / 8388608.0F - 1.0F);
    }
    rig_.Transcribe(std::move(sound), {.pad_ms = 0}, Urgency::kFirstWords, {});
    std::vector<double> us;
    for (const TimedStep& step : rig_.RunToIdle()) {
      if (of(step.report)) us.push_back(step.us);
    }
    return us;
  }

  void Transcription(engine::CostTable& costs) {
    const auto encoder = [&](int seconds) {
      return MedianOf([&] {
        return Slices(seconds, [&](const engine::StepReport& r) {
          return r.encoder_rows == seconds * kRowsPerSecond;
        });
      });
    };
    const double few = encoder(kShortSeconds), many = encoder(kLongSeconds);
    const double row = (many - few) / ((kLongSeconds - kShortSeconds) * kRowsPerSecond);
    const double slice = std::max(0.0, few - row * kShortSeconds * kRowsPerSecond);
    const double word = MedianOf([&] {
      return Slices(kLongSeconds,
                    [](const engine::StepReport& r) { return r.transcriber_rows == 1; });
    });
    costs.encoder_row_us = Whole(row);
    costs.audio_slice_us = Whole(slice);
    costs.transcriber_row_us = Whole(word - slice);
  }

  BenchRig& rig_;
};

}  // namespace

Result<engine::CostTable> MeasureCosts(const EngineBenchOptions& options) {
  PARLEY_TRY(const std::unique_ptr<BenchRig> rig,
             BenchRig::Make(options, options.threads.empty() ? 0 : options.threads.front()));
  return CostBench(*rig).Run(!options.transcriber.empty());
}

}  // namespace parley::bench

// SPDX-License-Identifier: Apache-2.0
#include "bench/measure.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ostream>

#include "kernels/cpu/arena.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/thread_pool.h"

namespace parley::bench {
namespace {

using Clock = std::chrono::steady_clock;

double MicrosecondsOf(const std::function<void()>& fn) {
  const auto start = Clock::now();
  fn();
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

std::string Short(double v) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", v);
  return text;
}

}  // namespace

Spread Measure(const std::function<void()>& fn, std::chrono::milliseconds enough) {
  fn();
  fn();
  std::vector<double> samples;
  const auto start = Clock::now();
  while (samples.size() < 9 || Clock::now() - start < enough) samples.push_back(MicrosecondsOf(fn));
  std::sort(samples.begin(), samples.end());
  const auto at = [&](size_t percent) { return samples[(samples.size() - 1) * percent / 100]; };
  return {.median_us = at(50), .p10_us = at(10), .p90_us = at(90)};
}

Report& Report::Text(const std::string& key, const std::string& value) {
  fields_.push_back({key, value, true});
  return *this;
}

Report& Report::Number(const std::string& key, double value) {
  fields_.push_back({key, Short(value), false});
  return *this;
}

Report& Report::Times(const Spread& spread) {
  return Number("median_us", spread.median_us)
      .Number("p10_us", spread.p10_us)
      .Number("p90_us", spread.p90_us);
}

void Report::Print(std::ostream& out, bool json) const {
  if (json) {  // names and values are ours: none needs escaping
    out << "{\"case\":\"" << name_ << '"';
    for (const Field& f : fields_) {
      out << ",\"" << f.key << "\":" << (f.text ? "\"" + f.value + "\"" : f.value);
    }
    out << "}\n";
  } else {
    out << name_;
    for (const Field& f : fields_) out << "  " << f.key << ' ' << f.value;
    out << '\n';
  }
  out.flush();
}

double MeasureReadGbPerSecond(int threads) {
  constexpr size_t kBytes = size_t{256} << 20;
  constexpr int32_t kSlices = 256;
  const auto memory = kernels::cpu::Arena(true).Allocate(kBytes);
  if (memory == nullptr) return 0.0;
  std::fill_n(memory.get(), kBytes, uint8_t{1});
  kernels::cpu::ThreadPool pool(threads);
  const kernels::cpu::KernelTable& table = kernels::cpu::ChooseKernels(kernels::CpuIsa::kBest);
  constexpr size_t kPiece = kBytes / kSlices;
  std::atomic<float> seen = 0.0F;  // else the reading could be left out
  const Spread spread = Measure([&] {
    pool.Run(kSlices, [&](int32_t slice, int) {
      seen = table.read_peak(memory.get() + static_cast<size_t>(slice) * kPiece, kPiece);
    });
  });
  return kBytes / spread.median_us * 1e-3;
}

}  // namespace parley::bench

// How a time becomes a figure: warm up, repeat until it is steady, report median, p10 and p90.
// Thread:   one thread measures.
// Memory:   the samples of one case.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

namespace parley::bench {

struct Spread {
  double median_us = 0.0;
  double p10_us = 0.0;
  double p90_us = 0.0;
};

// Runs fn twice for nothing, then for at least `enough` and at least nine times.
Spread Measure(const std::function<void()>& fn,
               std::chrono::milliseconds enough = std::chrono::milliseconds(300));

// One case: names and numbers, printed as an aligned line or as one JSON object a line.
class Report {
 public:
  explicit Report(std::string name) : name_(std::move(name)) {}
  Report& Text(const std::string& key, const std::string& value);
  Report& Number(const std::string& key, double value);
  Report& Times(const Spread& spread);
  void Print(std::ostream& out, bool json) const;

 private:
  struct Field {
    std::string key;
    std::string value;
    bool text;
  };
  std::string name_;
  std::vector<Field> fields_;
};

// What the machine can do at most, on `threads` threads: a read of memory far larger than the caches.
double MeasureReadGbPerSecond(int threads);

}  // namespace parley::bench

// What the server counts, and its text for Prometheus (format 0.0.4).
// Thread:   any.
// Memory:   fixed, but for labels, of which there are few.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace parley::server {

class Counter {
 public:
  void Add(int64_t more = 1) { value_ += more; }
  int64_t value() const { return value_; }

 private:
  std::atomic<int64_t> value_{0};
};

class Histogram {  // of seconds
 public:
  static constexpr std::array kBounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3,
                                         0.5,   0.8,  1.2,   2.0,  3.0, 5.0};
  void Observe(double seconds);
  void Write(std::string& out, std::string_view name, std::string_view help) const;

 private:
  mutable std::mutex mutex_;
  std::array<int64_t, kBounds.size() + 1> counts_{};  // {mutex_}
  double sum_ = 0;                                    // {mutex_}
};

// Counters of one name that differ in the value of one label; there are few values.
class LabelledCounter {
 public:
  void Add(std::string_view label);
  void Write(std::string& out, std::string_view name, std::string_view help,
             std::string_view label_name) const;
  // Without the head, which counters of one name share.
  void WriteLines(std::string& out, std::string_view name, std::string_view label_name) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int64_t, std::less<>> values_;  // {mutex_}
};

struct Metrics {
  Counter turns, barge_ins, thought_tokens, answer_tokens, late_events, underruns;
  Counter audio_in_ms, audio_out_ms, cut_audio_ms;
  LabelledCounter sessions_ended, sessions_refused, errors, requests;
  LabelledCounter messages_in, messages_out;  // by the type of the event
  // Of a turn, from the end of the user's speech on.
  Histogram endpoint, transcript, first_token, first_clause, first_audio;
  Histogram barge_in_stop;  // from the beginning of the user's voice to the last sound sent
  Histogram session_duration;
};

struct Gauges {  // read when somebody asks
  int64_t sessions = 0, most_sessions = 0;
  bool draining = false;
  int64_t kv_pages_used = 0, kv_pages_total = 0, engine_steps = 0, decode_rows = 0;
  double decode_seconds = 0, hear_seconds = 0, speak_seconds = 0;
  double spoken_seconds = 0;  // of sound that the voice has made
  int64_t replicas = 0, replicas_lost = 0;
  int64_t queued_bytes = 0, slow_readers = 0;
  int64_t resident_bytes = 0;
  double cpu_seconds = 0;
  std::string version;
};

std::string PrometheusText(const Metrics& metrics, const Gauges& gauges);

}  // namespace parley::server

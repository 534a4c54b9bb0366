// SPDX-License-Identifier: Apache-2.0
#include "server/metrics.h"

#include "common/json.h"

namespace parley::server {
namespace {

void Head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  out.append(name).append(" ").append(type).append("\n");
}

void Line(std::string& out, std::string_view name, double value) {
  out.append(name).append(" ");
  AppendJsonNumber(out, value);
  out += '\n';
}

void Number(std::string& out, std::string_view name, std::string_view type, std::string_view help,
            double value) {
  Head(out, name, type, help);
  Line(out, name, value);
}

double Seconds(const Counter& ms) { return static_cast<double>(ms.value()) / 1000.0; }

}  // namespace

void Histogram::Observe(double seconds) {
  const std::lock_guard lock(mutex_);
  size_t i = 0;
  while (i < kBounds.size() && seconds > kBounds[i]) ++i;
  ++counts_[i];
  sum_ += seconds;
}

void Histogram::Write(std::string& out, std::string_view name, std::string_view help) const {
  const std::lock_guard lock(mutex_);
  Head(out, name, "histogram", help);
  int64_t below = 0;
  for (size_t i = 0; i <= kBounds.size(); ++i) {
    below += counts_[i];
    out.append(name).append("_bucket{le=\"");
    if (i < kBounds.size()) {
      AppendJsonNumber(out, kBounds[i]);
    } else {
      out += "+Inf";
    }
    out.append("\"} ").append(std::to_string(below)).append("\n");
  }
  Line(out, std::string(name) + "_sum", sum_);
  Line(out, std::string(name) + "_count", static_cast<double>(below));
}

void LabelledCounter::Add(std::string_view label) {
  const std::lock_guard lock(mutex_);
  auto value = values_.find(label);
  if (value == values_.end()) value = values_.emplace(label, 0).first;
  ++value->second;
}

void LabelledCounter::Write(std::string& out, std::string_view name, std::string_view help,
                            std::string_view label_name) const {
  Head(out, name, "counter", help);
  WriteLines(out, name, label_name);
}

void LabelledCounter::WriteLines(std::string& out, std::string_view name,
                                 std::string_view label_name) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [label, value] : values_) {
    out.append(name).append("{").append(label_name).append("=");
    AppendJsonString(out, label);
    out.append("} ").append(std::to_string(value)).append("\n");
  }
}

std::string PrometheusText(const Metrics& m, const Gauges& g) {
  std::string out;
  const auto gauge = [&](std::string_view name, std::string_view help, auto value) {
    Number(out, name, "gauge", help, static_cast<double>(value));
  };
  const auto counter = [&](std::string_view name, std::string_view help, auto value) {
    Number(out, name, "counter", help, static_cast<double>(value));
  };
  Head(out, "parley_build_info", "gauge", "which program this is");
  out.append("parley_build_info{version=");
  AppendJsonString(out, g.version);
  out += "} 1\n";
  gauge("parley_sessions_active", "conversations that are open", g.sessions);
  gauge("parley_sessions_limit", "conversations that may be open", g.most_sessions);
  gauge("parley_draining", "1: no new conversation is taken", g.draining ? 1 : 0);
  m.sessions_ended.Write(out, "parley_sessions_total", "conversations that ended, by how",
                         "transport=\"ws\",result");
  m.sessions_refused.Write(out, "parley_session_rejected_total", "upgrades that were refused",
                           "reason");
  m.session_duration.Write(out, "parley_session_duration_seconds", "how long a conversation was");
  counter("parley_turns_total", "turns that were answered", m.turns.value());
  m.endpoint.Write(out, "parley_endpoint_delay_seconds", "end of speech to the end of the turn");
  m.transcript.Write(out, "parley_transcript_seconds", "end of speech to the final transcript");
  m.first_token.Write(out, "parley_first_token_seconds", "end of speech to the first token");
  m.first_clause.Write(out, "parley_first_clause_seconds", "end of speech to the first clause");
  m.first_audio.Write(out, "parley_turn_first_audio_seconds",
                      "end of speech to the first sound sent");
  counter("parley_barge_in_total", "answers that were interrupted", m.barge_ins.value());
  m.barge_in_stop.Write(out, "parley_barge_in_stop_seconds",
                        "the user's voice over an answer to its last sound sent");
  counter("parley_truncated_audio_seconds_total", "sound that was sent and not heard",
          Seconds(m.cut_audio_ms));
  counter("parley_audio_in_seconds_total", "sound from clients", Seconds(m.audio_in_ms));
  counter("parley_audio_out_seconds_total", "sound to clients", Seconds(m.audio_out_ms));
  counter("parley_thought_tokens_total", "tokens of thought", m.thought_tokens.value());
  counter("parley_answer_tokens_total", "tokens of answers", m.answer_tokens.value());
  counter("parley_late_events_total", "tokens, clauses and chunks that came too late",
          m.late_events.value());
  counter("parley_output_underrun_total",
          "times at which an answer went on after all that was sent had been played",
          m.underruns.value());
  Head(out, "parley_realtime_factor", "gauge",
       "seconds of work for a second of sound: hear, of clients; speak, of the voice");
  const auto factor = [&](std::string_view stage, double work, double sound) {
    Line(out, "parley_realtime_factor{stage=\"" + std::string(stage) + "\"}",
         sound > 0 ? work / sound : 0.0);
  };
  factor("hear", g.hear_seconds, Seconds(m.audio_in_ms));
  factor("speak", g.speak_seconds, g.spoken_seconds);
  const double total = static_cast<double>(g.kv_pages_total);
  gauge("parley_kv_cache_used_ratio", "pages of the cache that are in use",
        total > 0 ? static_cast<double>(g.kv_pages_used) / total : 0.0);
  gauge("parley_replicas", "replicas of the pool", g.replicas);
  gauge("parley_replicas_lost", "of these, whose device was given up", g.replicas_lost);
  const auto summary = [&](std::string_view name, std::string_view help, auto sum) {
    Head(out, name, "summary", help);
    Line(out, std::string(name) + "_sum", static_cast<double>(sum));
    Line(out, std::string(name) + "_count", static_cast<double>(g.engine_steps));
  };
  summary("parley_batch_size", "tokens decoded in a step, of all branches", g.decode_rows);
  summary("parley_batch_step_seconds", "time spent decoding in a step", g.decode_seconds);
  gauge("parley_ws_send_queue_bytes", "waiting for clients to read", g.queued_bytes);
  Head(out, "parley_ws_messages_total", "counter", "events from and to clients, by type");
  m.messages_in.WriteLines(out, "parley_ws_messages_total", "direction=\"in\",type");
  m.messages_out.WriteLines(out, "parley_ws_messages_total", "direction=\"out\",type");
  counter("parley_ws_slow_readers_total", "clients cut off because they read too slowly",
          g.slow_readers);
  m.errors.Write(out, "parley_errors_total", "errors told to clients", "code");
  m.requests.Write(out, "parley_http_requests_total", "HTTP requests, by path", "path");
  counter("process_cpu_seconds_total", "processor time", g.cpu_seconds);
  gauge("process_resident_memory_bytes", "resident memory", g.resident_bytes);
  return out;
}

}  // namespace parley::server

// The one logger. A line is an event and its facts: `turn_end conv=3 epoch=7 silence_ms=512`.
// Info is for turns and lifecycles, debug for steps; kernels never log, nothing logs per token.
// Thread:   Log may be called from any thread; it never waits for the disk.
// Memory:   a bounded queue between callers and the one writing thread.
// Overload: the oldest waiting lines are overwritten, and counted in LogSession::overrun().
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "common/result.h"

namespace parley {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };

// One `key=value`. Text with spaces, quotes or control characters is written as a JSON string, so
// that every line can be split at its spaces again.
struct LogField {
  template <std::integral I>
  requires(!std::same_as<I, bool>) LogField(std::string_view k, I v)
      : key(k), value(static_cast<int64_t>(v)) {}
  LogField(std::string_view k, double v) : key(k), value(v) {}
  template <std::same_as<bool> B>
  LogField(std::string_view k, B v) : key(k), value(v) {}
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}

  std::string_view key;
  std::variant<int64_t, double, bool, std::string_view> value;  // borrowed until Log returns
};

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  std::string file;  // empty: standard error
  size_t queue_lines = 4096;
};

// From construction to destruction lines go where the options say; the destructor writes out what
// waits. `main` holds one; a second one while the first lives is a checked bug. Without a session
// warnings and errors go to standard error at once, and the rest nowhere.
class LogSession {
 public:
  static Result<std::unique_ptr<LogSession>> Open(const LogOptions& options);
  ~LogSession();
  LogSession(const LogSession&) = delete;
  LogSession& operator=(const LogSession&) = delete;
  int64_t overrun() const;  // lines that were overwritten before they were written

 private:
  LogSession() = default;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

bool LogEnabled(LogLevel level);
void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

inline void LogDebug(std::string_view event, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kDebug, event, fields);
}
inline void LogInfo(std::string_view event, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kInfo, event, fields);
}
inline void LogWarn(std::string_view event, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kWarn, event, fields);
}
inline void LogError(std::string_view event, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kError, event, fields);
}

// `event key=value …` as Log writes it, without time and level.
std::string FormatLogLine(std::string_view event, std::initializer_list<LogField> fields);

}  // namespace parley

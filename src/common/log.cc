// SPDX-License-Identifier: Apache-2.0
#include "common/log.h"

#include <signal.h>
#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <type_traits>

#include "common/check.h"
#include "common/json.h"

namespace parley {
namespace {

constexpr LogLevel kLevelWithoutSession = LogLevel::kWarn;

// The one place where the process keeps its logger: everything that logs would otherwise carry it
// through every signature.
struct Current {
  std::atomic<LogLevel> level{kLevelWithoutSession};
  std::mutex mutex;
  std::shared_ptr<spdlog::logger> logger;  // {mutex}
};

Current& TheCurrent() {
  static Current current;
  return current;
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

bool IsPlain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7F && c != '"' && c != '\\' && c != '=';
  });
}

void AppendValue(std::string& line, const LogField& field) {
  std::visit(
      [&line](const auto& value) {
        using V = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<V, bool>) {
          line += value ? "true" : "false";
        } else if constexpr (std::is_same_v<V, int64_t>) {
          line += std::to_string(value);
        } else if constexpr (std::is_same_v<V, double>) {
          AppendJsonNumber(line, value);
        } else if (IsPlain(value)) {
          line += value;
        } else {
          AppendJsonString(line, value);
        }
      },
      field.value);
}

}  // namespace

namespace {

// The writer's thread is the first of the program: a signal that the others leave to one of them must
// not end the program through it. A thread begins with the mask of whoever starts it.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

struct LogSession::Impl {
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};

Result<std::unique_ptr<LogSession>> LogSession::Open(const LogOptions& options) {
  Current& current = TheCurrent();
  auto impl = std::make_unique<Impl>();
  try {
    spdlog::sink_ptr sink;
    if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
    }
    const SignalsBlocked blocked;
    impl->pool = std::make_shared<spdlog::details::thread_pool>(options.queue_lines, 1);
    impl->logger = std::make_shared<spdlog::async_logger>(
        "parley", std::move(sink), impl->pool, spdlog::async_overflow_policy::overrun_oldest);
  } catch (const spdlog::spdlog_ex& e) {
    return Fail(Code::kIo, "cannot open the log file " + options.file + ": " + e.what());
  }
  impl->logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%L%$ %v");
  impl->logger->set_level(ToSpdlog(options.level));
  impl->logger->flush_on(spdlog::level::info);
  {
    std::lock_guard lock(current.mutex);
    PARLEY_CHECK(current.logger == nullptr, "there is one log session already");
    current.logger = impl->logger;
    current.level = options.level;
  }
  auto session = std::unique_ptr<LogSession>(new LogSession);
  session->impl_ = std::move(impl);
  return session;
}

LogSession::~LogSession() {
  Current& current = TheCurrent();
  {
    std::lock_guard lock(current.mutex);
    current.logger.reset();
    current.level = kLevelWithoutSession;
  }
  // Joins the writer after the last line. An explicit flush would be one more message in the queue,
  // and overwrite a line when it is full.
  impl_->logger.reset();
  impl_->pool.reset();
}

int64_t LogSession::overrun() const { return static_cast<int64_t>(impl_->pool->overrun_counter()); }

bool LogEnabled(LogLevel level) {
  return level != LogLevel::kOff && level >= TheCurrent().level.load(std::memory_order_relaxed);
}

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  const std::string line = FormatLogLine(event, fields);
  std::shared_ptr<spdlog::logger> logger;
  {
    std::lock_guard lock(TheCurrent().mutex);
    logger = TheCurrent().logger;
  }
  if (logger) {
    logger->log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
  } else if (level >= kLevelWithoutSession) {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
}

std::string FormatLogLine(std::string_view event, std::initializer_list<LogField> fields) {
  std::string line(event);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    AppendValue(line, field);
  }
  return line;
}

}  // namespace parley

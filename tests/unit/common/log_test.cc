// SPDX-License-Identifier: Apache-2.0
#include "common/log.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "support/paths.h"

namespace parley {
namespace {

std::vector<std::string> Lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

TEST(Log, LineIsEventAndFactsAndCanBeSplitAtSpaces) {
  EXPECT_EQ(FormatLogLine("turn_end", {{"conv", 3}, {"epoch", int64_t{7}}, {"p", 0.25}}),
            "turn_end conv=3 epoch=7 p=0.25");
  EXPECT_EQ(FormatLogLine("x", {{"ok", true}, {"name", "plain"}, {"text", "two words\n"}}),
            "x ok=true name=plain text=\"two words\\n\"");
  EXPECT_EQ(FormatLogLine("x", {{"empty", ""}, {"tricky", "a=b"}}), "x empty=\"\" tricky=\"a=b\"");
}

TEST(Log, WritesWhatTheLevelAllowsAndAllOfItBeforeTheSessionEnds) {
  test::TempDir dir;
  const auto file = dir.File("log.txt");
  {
    auto session = LogSession::Open({.level = LogLevel::kInfo, .file = file});
    ASSERT_TRUE(session) << session.error().message;
    EXPECT_FALSE(LogEnabled(LogLevel::kDebug));
    LogDebug("hidden");
    for (int i = 0; i < 500; ++i) LogInfo("shown", {{"i", i}});
    LogError("broken", {{"why", "no disk"}});
  }
  const std::vector<std::string> lines = Lines(file);
  ASSERT_EQ(lines.size(), 501U);
  EXPECT_TRUE(lines[0].ends_with(" I shown i=0")) << lines[0];
  EXPECT_TRUE(lines[499].ends_with(" I shown i=499")) << lines[499];
  EXPECT_TRUE(lines[500].ends_with(" E broken why=\"no disk\"")) << lines[500];
}

TEST(Log, OverwritesTheOldestLinesAndCountsThemWhenTheWriterIsBehind) {
  test::TempDir dir;
  const auto file = dir.File("log.txt");
  constexpr int kLines = 20000;
  int64_t overrun = 0;
  {
    auto session = LogSession::Open({.level = LogLevel::kInfo, .file = file, .queue_lines = 4});
    ASSERT_TRUE(session);
    std::vector<std::jthread> writers;
    for (int w = 0; w < 2; ++w) {
      writers.emplace_back([] {
        for (int i = 0; i < kLines; ++i) LogInfo("flood", {{"i", i}});
      });
    }
    writers.clear();
    overrun = (*session)->overrun();
  }
  const auto written = static_cast<int64_t>(Lines(file).size());
  EXPECT_GT(overrun, 0);
  EXPECT_LT(written, 2 * kLines);
  EXPECT_EQ(written + overrun, 2 * kLines);  // what is missing was counted
}

// Whoever blocks a signal to wait for it does so after the log is open: its thread must not take it.
TEST(Log, ItsThreadTakesNoSignals) {
  test::TempDir dir;
  auto session = LogSession::Open({.level = LogLevel::kInfo, .file = dir.File("log.txt")});
  ASSERT_TRUE(session) << session.error().message;
  int others = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (task.path().filename() == std::to_string(getpid())) continue;
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (!line.starts_with("SigBlk:")) continue;
      ++others;
      const uint64_t blocked = std::stoull(line.substr(7), nullptr, 16);
      for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        EXPECT_NE(blocked >> (signal - 1) & 1, 0U) << signal;
      }
    }
  }
  EXPECT_GE(others, 1);
  sigset_t mine;
  pthread_sigmask(SIG_SETMASK, nullptr, &mine);
  EXPECT_EQ(sigismember(&mine, SIGTERM), 0);
}

TEST(Log, SaysWhichFileCannotBeOpened) {
  auto session = LogSession::Open({.file = "/proc/no/such/log.txt"});
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Code::kIo);
  EXPECT_NE(session.error().message.find("/proc/no/such/log.txt"), std::string::npos);
}

TEST(Log, WithoutASessionOnlyWarningsAndErrorsAreShown) {
  testing::internal::CaptureStderr();
  LogInfo("quiet");
  LogWarn("loud", {{"n", 1}});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "loud n=1\n");
}

TEST(LogDeathTest, ASecondSessionIsABug) {
  EXPECT_DEATH(
      {
        auto first = LogSession::Open({});
        auto second = LogSession::Open({});
      },
      "one log session");
}

}  // namespace
}  // namespace parley

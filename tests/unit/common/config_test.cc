// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "common/config_fields.h"
#include "common/config_value.h"
#include "common/config_yaml.h"
#include "support/generated_file.h"
#include "support/paths.h"

namespace parley {
namespace {

enum class Pace { kFast, kRealtime };

struct PauseConfig {
  int min_ms = 500;
  double ratio = 0.25;
  template <class V>
  void VisitFields(V&& v) {
    v("min_ms", min_ms, Range{100, 3000}, "silence that is a pause [ms]");
    v("ratio", ratio, Range{0, 1}, "share of it");
  }
};

struct TurnConfig {
  float threshold = 0.5F;
  bool eager = true;
  Pace pace = Pace::kFast;
  PauseConfig pause;
  template <class V>
  void VisitFields(V&& v) {
    v("threshold", threshold, Range{0.1, 0.9}, "above it a frame is speech");
    v("eager", eager, "answer early");
    v("pace", pace, EnumNames<Pace>{{Pace::kFast, "fast"}, {Pace::kRealtime, "realtime"}},
      "how fast sound is fed");
    v("pause", pause, "what a pause is");
  }
};

struct TreeConfig {
  std::string name = "a \"quoted\" name\twith: colon";
  int64_t bytes = 1LL << 40;
  TurnConfig turn;
  template <class V>
  void VisitFields(V&& v) {
    v("name", name, "what it is called");
    v("bytes", bytes, Range{0, 1e15}, "how large");
    v("turn", turn, "who is speaking");
  }
};

Result<TreeConfig> Read(std::string_view yaml) {
  TreeConfig config;
  if (Status read = ReadYaml(yaml, "site.yaml", ListFields(config)); !read) return read.error();
  return config;
}

std::string ErrorOf(std::string_view yaml) {
  auto config = Read(yaml);
  return config ? "no error" : config.error().message;
}

std::string SetError(std::string_view assignment) {
  TreeConfig config;
  Status set = ApplyOverride(assignment, ListFields(config));
  return set ? "no error" : set.error().message;
}

TEST(Config, ReadsEveryKindOfField) {
  auto config = Read(
      "name: plain\n"
      "bytes: 123456789012345\n"
      "turn:\n"
      "  threshold: 0.75\n"
      "  eager: false\n"
      "  pace: realtime\n"
      "  pause: {min_ms: 700, ratio: 1e-3}\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->name, "plain");
  EXPECT_EQ(config->bytes, 123456789012345);
  EXPECT_EQ(config->turn.threshold, 0.75F);
  EXPECT_FALSE(config->turn.eager);
  EXPECT_EQ(config->turn.pace, Pace::kRealtime);
  EXPECT_EQ(config->turn.pause.min_ms, 700);
  EXPECT_EQ(config->turn.pause.ratio, 1e-3);
}

TEST(Config, WhatIsNotGivenKeepsItsDefault) {
  for (std::string_view nothing : {"", "# only a comment\n", "turn:\n", "---\n...\n"}) {
    auto config = Read(nothing);
    ASSERT_TRUE(config) << nothing << config.error().message;
    EXPECT_EQ(config->turn.pause.min_ms, 500);
  }
}

TEST(Config, UnknownKeyNamesTheNearestKnownOne) {
  EXPECT_EQ(ErrorOf("turn:\n  pause:\n    min_mss: 3\n"),
            "site.yaml:3: unknown key \"turn.pause.min_mss\"; the nearest known one is "
            "\"turn.pause.min_ms\"");
  EXPECT_EQ(ErrorOf("tern:\n  eager: true\n"),
            "site.yaml:1: unknown key \"tern\"; the nearest known one is \"turn\"");
  EXPECT_EQ(SetError("turn.treshold=1"),
            "--set: unknown key \"turn.treshold\"; the nearest known one is \"turn.threshold\"");
}

TEST(Config, OutOfRangeSaysValueAndRange) {
  EXPECT_EQ(ErrorOf("turn:\n  pause:\n    min_ms: 99\n"),
            "site.yaml:3: turn.pause.min_ms is \"99\", but must be from 100 to 3000 (silence that "
            "is a pause [ms])");
  EXPECT_EQ(SetError("turn.pause.ratio=1.5"),
            "--set: turn.pause.ratio is \"1.5\", but must be from 0 to 1 (share of it)");
}

TEST(Config, BoundsBelongToTheRange) {
  TreeConfig config;
  const auto fields = ListFields(config);
  for (const char* inside : {"turn.pause.min_ms=100", "turn.pause.min_ms=3000",
                             "turn.threshold=0.1", "turn.threshold=0.9"}) {
    Status set = ApplyOverride(inside, fields);
    EXPECT_TRUE(set) << set.error().message;
  }
  for (const char* outside : {"turn.pause.min_ms=3001", "turn.threshold=0.0999", "bytes=-1"}) {
    EXPECT_FALSE(ApplyOverride(outside, fields)) << outside;
  }
}

TEST(Config, RefusesWhatIsNotAValueOfTheType) {
  for (const char* bad :
       {"turn.pause.min_ms=5.5", "turn.pause.min_ms=500ms",
        "turn.pause.min_ms=", "turn.pause.min_ms=99999999999999999999", "turn.pause.ratio=nan",
        "turn.pause.ratio=inf", "turn.pause.ratio=1e999", "turn.pause.ratio=.5x", "turn.eager=yes",
        "turn.eager=1", "turn.pace=Fast", "turn.pause=3", "turn.pause.min_ms", "=3", ""}) {
    EXPECT_NE(SetError(bad), "no error") << bad;
  }
  EXPECT_EQ(SetError("turn.pace=slow"),
            "--set: turn.pace is \"slow\", but must be one of fast | realtime (how fast sound is "
            "fed)");
}

TEST(Config, RefusesKeysGivenTwiceAndWrongShapes) {
  EXPECT_EQ(ErrorOf("name: a\nname: b\n"), "site.yaml:2: name is given twice");
  EXPECT_EQ(ErrorOf("name: [a, b]\n"), "site.yaml:1: name must be one value, not a list or map");
  EXPECT_EQ(ErrorOf("name:\n"), "site.yaml:1: name has no value");
  EXPECT_EQ(ErrorOf("turn: 3\n"), "site.yaml:1: turn must be keys with values");
  EXPECT_NE(ErrorOf("- a\n- b\n"), "no error");
  EXPECT_NE(ErrorOf("[a]: b\n"), "no error");
  EXPECT_NE(ErrorOf("name: a\nturn: {eager: true\n").find("site.yaml:3:"), std::string::npos);
  EXPECT_NE(ErrorOf(std::string(2000, '[')), "no error");
  EXPECT_NE(ErrorOf(std::string((1 << 20) + 1, '#')), "no error");
}

TEST(Config, TextIsTakenAsItIs) {
  TreeConfig config;
  const auto fields = ListFields(config);
  ASSERT_TRUE(ApplyOverride("name=a=b: # [c]", fields));
  EXPECT_EQ(config.name, "a=b: # [c]");
  ASSERT_TRUE(ApplyOverride("name=", fields));
  EXPECT_EQ(config.name, "");
}

TEST(Config, DumpShowsEveryFieldWithHelpAndRange) {
  TurnConfig config;
  EXPECT_EQ(DumpYaml(ListFields(config), "Turns.\nTwo lines."),
            "# Turns.\n"
            "# Two lines.\n"
            "# above it a frame is speech; 0.1 to 0.9\n"
            "threshold: 0.5\n"
            "# answer early; true | false\n"
            "eager: true\n"
            "# how fast sound is fed; fast | realtime\n"
            "pace: fast\n"
            "\n"
            "# what a pause is\n"
            "pause:\n"
            "  # silence that is a pause [ms]; 100 to 3000\n"
            "  min_ms: 500\n"
            "  # share of it; 0 to 1\n"
            "  ratio: 0.25\n");
}

TEST(Config, DumpReadsBackAsTheSameConfig) {
  TreeConfig config;
  config.name = "Grüße \"x\" \\ \n\x01 # no comment";
  config.turn.threshold = 0.3F;
  config.turn.pace = Pace::kRealtime;
  config.turn.pause.ratio = 1.0 / 3.0;
  const std::string dump = DumpYaml(ListFields(config), "");
  auto again = Read(dump);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->name, config.name);
  EXPECT_EQ(again->turn.pause.ratio, config.turn.pause.ratio);
  EXPECT_EQ(DumpYaml(ListFields(*again), ""), dump);
}

TEST(Config, LaterFilesAndThenOverridesWin) {
  test::TempDir dir;
  const std::string first = dir.File("first.yaml");
  const std::string second = dir.File("second.yaml");
  std::ofstream(first) << "name: first\nbytes: 1\nturn: {threshold: 0.2}\n";
  std::ofstream(second) << "name: second\nbytes: 2\n";
  auto config = LoadConfig(TreeConfig{}, {first, second}, {"name=third"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->name, "third");
  EXPECT_EQ(config->bytes, 2);
  EXPECT_EQ(config->turn.threshold, 0.2F);

  auto missing = LoadConfig(TreeConfig{}, {dir.File("none.yaml")}, {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
}

// The helper that keeps configs/default.yaml honest can fail, and says where and what to do.
TEST(GeneratedFile, NamesTheFirstLineThatDiffersAndTheCommand) {
  const std::string path = "tests/fuzz/corpus/config/good.yaml";
  std::ifstream file(test::SourceDir() + "/" + path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  test::ExpectFileIs(path, text, "cmd");
  static std::string changed;  // the macro's lambda sees no locals
  changed = text;
  changed[text.find("bytes")] = 'B';
  EXPECT_NONFATAL_FAILURE(test::ExpectFileIs("tests/fuzz/corpus/config/good.yaml", changed, "cmd"),
                          "good.yaml:3: is not what the program writes; write it anew: cmd");
}

}  // namespace
}  // namespace parley

// SPDX-License-Identifier: Apache-2.0
// Every *.txt of this folder is a test: the scenario is played twice, its expectations are checked
// once, what holds in every talk too, and both runs must have been the same. With PARLEY_SHOW set it
// prints what happened.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "scenarios/scenario.h"

namespace parley::test {
namespace {

std::vector<std::string> Scenarios() {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(PARLEY_SOURCE_DIR) + "/tests/scenarios")) {
    if (entry.path().extension() == ".txt" && entry.path().stem() != "CMakeLists")
      names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// `style both`: the same talk, with a model of each style.
std::vector<std::string> StylesOf(const std::vector<ScenarioLine>& lines) {
  for (const ScenarioLine& line : lines) {
    if (line.words[0] == "style" && line.words.at(1) == "both") return {"interleaved", "drafted"};
  }
  return {""};
}

std::vector<ScenarioLine> InStyle(std::vector<ScenarioLine> lines, const std::string& style) {
  for (ScenarioLine& line : lines) {
    if (line.words[0] == "style" && !style.empty()) line.words[1] = style;
  }
  return lines;
}

void Play(const std::vector<ScenarioLine>& lines) {
  const auto talk = PlayScenario(lines);
  ASSERT_NE(talk, nullptr);
  CheckScenario(lines, *talk);
  if (talk->open()) {
    CheckInvariants(*talk);
    const auto again = PlayScenario(lines);
    EXPECT_EQ(DescribeEvents(*talk), DescribeEvents(*again)) << "two runs differ";
  }
  if (testing::Test::HasFailure() || std::getenv("PARLEY_SHOW") != nullptr)
    GTEST_LOG_(INFO) << "what happened:\n" << DescribeEvents(*talk);
}

class Scenario : public testing::TestWithParam<std::string> {};

TEST_P(Scenario, Plays) {
  const auto lines =
      ReadScenario(std::string(PARLEY_SOURCE_DIR) + "/tests/scenarios/" + GetParam() + ".txt");
  for (const std::string& style : StylesOf(lines)) {
    SCOPED_TRACE(style);
    Play(InStyle(lines, style));
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Scenario, testing::ValuesIn(Scenarios()),
                         [](const auto& scenario) { return scenario.param; });

}  // namespace
}  // namespace parley::test

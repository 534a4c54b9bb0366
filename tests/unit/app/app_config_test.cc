// SPDX-License-Identifier: Apache-2.0
#include "app/app_config.h"

#include <gtest/gtest.h>

#include "common/config_yaml.h"
#include "support/generated_file.h"

namespace parley::app {
namespace {

TEST(AppConfig, DefaultYamlIsWhatTheProgramWrites) {
  AppConfig config;
  test::ExpectFileIs("configs/default.yaml", DumpYaml(ListFields(config), kConfigHeading),
                     "build/parley config > configs/default.yaml");
}

TEST(AppConfig, DefaultYamlReadsBackAsTheDefaults) {
  auto config = LoadConfig(AppConfig{}, {test::SourceDir() + "/configs/default.yaml"}, {});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  AppConfig defaults;
  EXPECT_EQ(DumpYaml(ListFields(*config), ""), DumpYaml(ListFields(defaults), ""));
}

TEST(AppConfig, NamesTheNearestOfAnUnknownKey) {
  const auto config = LoadConfig(AppConfig{}, {}, {"speak.first_clause_word=3"});
  ASSERT_FALSE(config.has_value());
  EXPECT_NE(config.error().message.find("first_clause_words"), std::string::npos)
      << config.error().message;
}

}  // namespace
}  // namespace parley::app

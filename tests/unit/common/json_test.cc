// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

namespace parley {
namespace {

std::string Quoted(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

std::string Printed(double value) {
  std::string out;
  AppendJsonNumber(out, value);
  return out;
}

TEST(Json, EscapesWhatMustBeEscaped) {
  EXPECT_EQ(Quoted("a\"b\\c\n\t\r\x01"), R"("a\"b\\c\n\t\r\u0001")");
  EXPECT_EQ(Quoted("Grüße 你好 😀"), "\"Grüße 你好 😀\"");
}

TEST(Json, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(Quoted("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
  EXPECT_EQ(Quoted("\xC0\xAF"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");          // overlong
  EXPECT_EQ(Quoted("\xE2\x82"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");          // cut short
  EXPECT_EQ(Quoted("\xED\xA0\x80").find("\xED"), std::string::npos);      // a surrogate
  EXPECT_EQ(Quoted("\xF4\x90\x80\x80").find("\xF4"), std::string::npos);  // beyond U+10FFFF
}

TEST(Json, AnyBytesGiveALineThatAnotherReaderAccepts) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 12, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    const std::string line = JsonLine().Add("text", bytes).Take();
    ASSERT_TRUE(nlohmann::json::accept(line)) << "round " << round << ": " << line;
  }
}

TEST(Json, NumbersReadBackAsTheSame) {
  for (double value : {0.1, 1e-300, 123456.789, -0.0, 1e22}) {
    EXPECT_EQ(nlohmann::json::parse(Printed(value)).get<double>(), value);
  }
  EXPECT_EQ(Printed(std::nan("")), "null");
  EXPECT_EQ(Printed(std::numeric_limits<double>::infinity()), "null");
}

TEST(JsonLine, WritesEveryKindInOrder) {
  const std::string line = JsonLine()
                               .Add("t_ms", 12.5)
                               .Add("event", "heard")
                               .Add("n", int64_t{-3})
                               .Add("big", std::numeric_limits<uint64_t>::max())
                               .Add("yes", true)
                               .AddNull("none")
                               .AddRaw("inner", JsonLine().Add("a", 1).Take())
                               .Take();
  EXPECT_EQ(line, R"({"t_ms":12.5,"event":"heard","n":-3,"big":18446744073709551615,)"
                  R"("yes":true,"none":null,"inner":{"a":1}})");
  EXPECT_EQ(JsonLine().Take(), "{}");
}

}  // namespace
}  // namespace parley

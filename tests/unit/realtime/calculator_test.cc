// SPDX-License-Identifier: Apache-2.0
#include "realtime/tools/calculator.h"

#include <gtest/gtest.h>

#include <random>

namespace parley::realtime {
namespace {

TEST(Calculator, KnowsArithmetic) {
  const struct {
    const char *expression, *value;
  } cases[] = {{"1+2*3", "7"},
               {"(1+2)*3", "9"},
               {"0.1 + 0.2", "0.3"},
               {"-2^2", "-4"},
               {"2^-1", "0.5"},
               {"2^3^2", "512"},
               {"--3", "3"},
               {"7 / 2", "3.5"},
               {"1,000 divided by 8", "125"},
               {"12 × 12", "144"},
               {"3 x 4", "12"},
               {"10 − 4 ÷ 2", "8"},
               {"15% of 80", "12"},
               {"80 * 15%", "12"},
               {"7 % 3", "1"},
               {"7 mod 3", "1"},
               {"50 percent of 10", "5"},
               {"5!", "120"},
               {"3 squared plus 4 squared", "25"},
               {"sqrt(2)^2", "2"},
               {"square root of 16", "4"},
               {"√81", "9"},
               {"max(1,200,3)", "200"},
               {"min(4, 2, 8) times 3", "6"},
               {"round(2.5)", "3"},
               {"2*pi", "6.28318530718"},
               {"1e3 + 1", "1001"},
               {"2^40", "1099511627776"},
               {"2^100", "1.26765060023e+30"},
               {"0 * -1", "0"},
               {"1/3", "0.333333333333"}};
  for (const auto& c : cases) {
    const auto value = Calculate(c.expression);
    ASSERT_TRUE(value) << c.expression << ": " << value.error().message;
    EXPECT_EQ(FormatNumber(*value), c.value) << c.expression;
  }
}

TEST(Calculator, SaysWhatIsWrong) {
  const struct {
    std::string expression, what;
  } cases[] = {{"", "something is missing"},
               {"1 +", "something is missing"},
               {"1 / 0", "division by zero"},
               {"5 mod 0", "division by zero"},
               {"(1", "closing bracket"},
               {"1)", "')' cannot stand"},
               {"two", "'two' is unknown"},
               {"sqrt(-1)", "no value"},
               {"1.2.3", "not a number"},
               {"2.5!", "factorial"},
               {"9^9^9^9", "too large"},
               {"system(1)", "unknown"},
               {std::string(400, '('), "too many brackets"},
               {std::string(400, '^') + "2", "cannot stand"},
               {std::string(600, '1'), "512 bytes"}};
  for (const auto& c : cases) {
    const auto value = Calculate(c.expression);
    ASSERT_FALSE(value) << c.expression;
    EXPECT_NE(value.error().message.find(c.what), std::string::npos)
        << c.expression << " gave: " << value.error().message;
  }
}

TEST(Calculator, TakesAnything) {
  std::mt19937 random(3);
  const std::string bytes = "0123456789.,+-*/^%!()abcdefx \xc3\x97\xe2";
  for (int round = 0; round < 20000; ++round) {
    std::string expression;
    for (size_t i = random() % 40; i > 0; --i) expression += bytes[random() % bytes.size()];
    (void)Calculate(expression).has_value();
  }
}

}  // namespace
}  // namespace parley::realtime

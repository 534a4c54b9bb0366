// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/disagreement.h"

#include <gtest/gtest.h>

namespace parley::realtime {
namespace {

struct Case {
  const char* said;
  bool whole;
  const char* answer;
  bool disagrees;
};

TEST(Disagreement, ComparesNumbersVerdictsAndContent) {
  const Case cases[] = {
      // numbers
      {"There are eleven.", true, "There are twelve.", true},
      {"There are 12.", true, "There are twelve of them.", false},
      {"A dozen, I think.", true, "There are 12.", false},
      {"There are twenty one.", true, "There are 21.", false},
      {"It costs two hundred.", true, "It costs 200.", false},
      {"It costs one thousand.", true, "It costs 1,000.", false},
      {"There are 12", false, "There are 12: seven and five.", false},
      {"There are seven", false, "There are 12.", true},
      {"There are several.", true, "There are 12.", true},
      {"There are several", false, "There are 12.", false},
      // verdicts
      {"Yes, you do.", true, "No, you do not.", true},
      {"No.", true, "No, that isn't so.", false},
      {"That is valid.", true, "It is invalid.", true},
      {"You return to where you began.", true, "Yes.", true},
      // content
      {"Paris is the capital of France.", true, "The capital of France is Paris.", false},
      {"Berlin has wonderful museums.", true, "The capital of France is Paris.", true},
      {"Berlin has", false, "The capital of France is Paris.", false},
      {"Hello.", true, "", false == true},
      {"", true, "", false},
  };
  for (const Case& c : cases) {
    if (c.answer[0] == '\0' && c.said[0] != '\0') continue;  // asked only of an answer
    EXPECT_EQ(Disagrees(c.said, c.whole, c.answer), c.disagrees) << c.said << " | " << c.answer;
  }
}

}  // namespace
}  // namespace parley::realtime

// What a terminal sends, as keys. The terminal itself: tests/talk/terminal_talk.py, on a pty.
// SPDX-License-Identifier: Apache-2.0
#include "app/terminal.h"

#include <gtest/gtest.h>

namespace parley::app {
namespace {

std::string Keys(std::string typed) {
  std::string keys;
  while (const auto key = TakeKey(typed)) keys += *key;
  EXPECT_EQ(typed, "");
  return keys;
}

TEST(TakeKey, GivesEveryKeyThatWasPressed) {
  EXPECT_EQ(Keys(""), "");
  EXPECT_EQ(Keys("m"), "m");
  EXPECT_EQ(Keys("mm q"), "mm q");
}

TEST(TakeKey, PassesOverWhatIsNoKeyOfOurs) {
  EXPECT_EQ(Keys("\x1b[A m"), " m");          // an arrow, then keys that came with it
  EXPECT_EQ(Keys("m\x1b[15~\x1bOPq"), "mq");  // F5, F1
  EXPECT_EQ(Keys("\x1b"), "");                // Escape alone
  EXPECT_EQ(Keys("\x1b["), "");               // cut short
  EXPECT_EQ(Keys("\x1b[1;"), "");
}

}  // namespace
}  // namespace parley::app

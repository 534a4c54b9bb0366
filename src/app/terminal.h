// A terminal in raw mode: keys as they are pressed, lines that stay above a panel that is drawn again.
// The mode is restored on every way out: destruction, exit, and the signals that end a program.
// Thread:   one thread; one Terminal at a time.
// Memory:   the panel on the screen.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"

namespace parley::app {

class Terminal {
 public:
  static bool Usable();      // standard input and output are both one
  static void RestoreNow();  // safe in a handler of signals
  static Result<std::unique_ptr<Terminal>> Open();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  std::optional<char> Key();  // the next that was pressed; nothing: none is waiting
  int width() const;
  // `lines` scroll up for good; `panel` stands below them until the next time.
  void Draw(const std::vector<std::string>& lines, const std::vector<std::string>& panel);

 private:
  Terminal() = default;
  size_t panel_lines_ = 0;
  std::string last_, typed_;
};

// Takes the next key out of what a terminal has sent; arrows and the like, several bytes behind an
// escape, are passed over.
std::optional<char> TakeKey(std::string& typed);

}  // namespace parley::app

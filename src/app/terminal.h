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

  std::optional<char>
  Key();  // that is waiting; nothing: none. Sequences of other keys are passed over
  int width() const;
  // `lines` scroll up for good; `panel` stands below them until the next time.
  void Draw(const std::vector<std::string>& lines, const std::vector<std::string>& panel);

 private:
  Terminal() = default;
  size_t panel_lines_ = 0;
  std::string last_;
};

}  // namespace parley::app

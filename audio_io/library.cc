// SPDX-License-Identifier: Apache-2.0
#include "audio_io/library.h"

#include <fcntl.h>
#include <unistd.h>

namespace parley::audio {

QuietStderr::QuietStderr() : saved_(dup(STDERR_FILENO)) {
  const int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nothing < 0) return;
  dup2(nothing, STDERR_FILENO);
  close(nothing);
}

QuietStderr::~QuietStderr() {
  if (saved_ < 0) return;
  dup2(saved_, STDERR_FILENO);
  close(saved_);
}

void Library::Lose(std::shared_ptr<void> held) {
  const std::lock_guard lock(mutex_);
  lost_.push_back(std::move(held));
}

bool Library::busy() const {
  const std::lock_guard lock(mutex_);
  return !inside_.empty();
}

size_t Library::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_.size();
}

Error Library::DoesNotAnswer(const std::string& what) {
  return Fail(Code::kTimeout, "the sound library does not come back from " + what +
                                  "; does the sound server still answer?");
}

Status Library::Enter(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (!inside_.empty()) return DoesNotAnswer(inside_);
  if (lost_.size() >= kMostLost) {
    return Fail(Code::kExhausted, "the sound library keeps " + std::to_string(lost_.size()) +
                                      " streams that it does not close; start parley again");
  }
  inside_ = what;
  return {};
}

void Library::Leave() {
  const std::lock_guard lock(mutex_);
  inside_.clear();
}

}  // namespace parley::audio

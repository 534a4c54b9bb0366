// SPDX-License-Identifier: Apache-2.0
#include "app/speech_ruler.h"

#include <vector>

namespace parley::app {

void SpeechRuler::Push(PcmView sound) {
  waiting_.insert(waiting_.end(), sound.begin(), sound.end());
  if (waiting_.size() <= kDelaySamples) return;
  const auto ready = waiting_.begin() + static_cast<ptrdiff_t>(waiting_.size() - kDelaySamples);
  const std::vector<float> block(waiting_.begin(), ready);
  waiting_.erase(waiting_.begin(), ready);
  search_.Push(block);
  searched_ += static_cast<int64_t>(block.size());
}

std::optional<double> SpeechRuler::Find() const {
  const auto bounds = search_.Find();
  if (!bounds) return std::nullopt;
  return 1000.0 * static_cast<double>(before_ + bounds->last_sample + 1) / kSampleRateHz;
}

std::optional<double> SpeechRuler::NextTurn() {
  const std::optional<double> end_ms = Find();
  before_ += searched_;
  searched_ = 0;
  search_ = {};
  return end_ms;
}

std::optional<double> SpeechRuler::Finish() {
  const std::vector<float> rest(waiting_.begin(), waiting_.end());
  waiting_.clear();
  search_.Push(rest);
  searched_ += static_cast<int64_t>(rest.size());
  return NextTurn();
}

}  // namespace parley::app

// The words of a talk as a model that takes notes reads them, block by block: what a word is, when
// pending words become a block, and how much of the final transcript the blocks already hold.
// Training hears through the same functions (`parley_hear`).
// Thread:   plain functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parley::realtime {

// Lower case and no punctuation, except apostrophes inside words, and . , : / inside numbers, $ £ €
// before and % behind them. Dashes and slashes part words; + - × ÷ = & between words are spelled.
std::vector<std::string> NormalisedWords(std::string_view text);

// Of the stable words that are in no block yet those that may end one: a count or an article waits for
// what it belongs to ("three", "three cars").
size_t WordsToNote(std::span<const std::string> pending);

enum class BlockStep { kWait, kClose, kCutNoteAndClose };

// `pending`: WordsToNote. A block takes all of them. `paused`: a possible
// end of the turn; nothing is added to a word that stands alone there.
constexpr BlockStep NextBlockStep(int pending, int block_words, bool paused, bool note_running) {
  if (note_running) {
    return pending >= 2 * block_words ? BlockStep::kCutNoteAndClose : BlockStep::kWait;
  }
  return pending >= block_words || (paused && pending >= 2) ? BlockStep::kClose : BlockStep::kWait;
}

// The first of the blocks that reads otherwise in `all`, the words as they are heard now: a transcriber
// corrects what it made of the first words when it has heard more. `sizes`: words of each block, whose
// words stand one behind the other in `noted`. None: nothing was corrected ("4" and "four" are one
// word), or not all of it has been heard again.
std::optional<size_t> FirstCorrected(std::span<const size_t> sizes,
                                     const std::vector<std::string>& noted,
                                     const std::vector<std::string>& all);

// How many leading words of `final_words` the noted ones stand for: the prefix of least edit
// distance to them, the longest of those. The rest was heard after the last block.
size_t WordsNoted(const std::vector<std::string>& noted,
                  const std::vector<std::string>& final_words);

}  // namespace parley::realtime

// Finds where a transcript starts to repeat itself: short sounds make Whisper say a phrase again and again.
// Thread:   pure functions.
// Memory:   a list of the words.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace parley::model {

// The length in bytes of what stands before the first repetition: of any phrase that is said four times in a row, or of
// one of three words or more that follows itself at once beyond `fair_words`, more than anybody says in that time.
// ("Take two steps left. Take two steps left." is what people say.) Nothing when the text does not loop. Words are
// compared without case and punctuation.
std::optional<size_t> FindLoop(std::string_view text, size_t fair_words);

// Words that have a letter or a figure.
size_t CountWords(std::string_view text);

// Does `more` begin with the phrase of three words or more that `text` ends with?
bool SaysAgain(std::string_view text, std::string_view more);

}  // namespace parley::model

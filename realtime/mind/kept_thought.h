// What is kept of a thought when its exchange is interrupted (realtime.md of the design, A4 and 2.9):
// its end, which holds where it had got to, as whole lines if they fit and whole words if not.
// Thread:   plain function.
// Memory:   its result, at most `most` ids.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/tokenizer.h"

namespace parley::realtime {

// `before` and `behind` stand around it and count; nothing when there is no room for a word.
std::vector<TokenId> KeptThought(std::string_view thought, int32_t most, std::string_view before,
                                 std::string_view behind, const model::Tokenizer& tokenizer);

}  // namespace parley::realtime

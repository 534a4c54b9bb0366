// Words of hypotheses: how far two settle each other, and whether there are any.
// Thread:   plain functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "engine/engine.h"

namespace parley::realtime {

std::vector<std::string_view> SplitWords(std::string_view text);  // at white space

// Words at the beginning of `now` that `before` has settled, compared without case and ASCII
// punctuation ("day," agrees with "Day") and small numbers in figures ("6" agrees with "six"): as far
// as both agree, and past one or two words that each writes in its own way if three that agree follow.
// A strange name is never written twice alike; waiting for it would hold up all that comes behind.
// Numbers are waited for.
size_t SettledWords(const std::vector<std::string_view>& before,
                    const std::vector<std::string_view>& now);

std::string JoinWords(const std::vector<std::string_view>& words, size_t count);

// Did anyone say a word? A transcriber that is given noise writes nothing, marks such as
// "[BLANK_AUDIO]" and "(wind)", or one of a few phrases it has read too often; `voiced` is how much
// of the sound the voice detector took for a voice.
bool HoldsWords(const model::Transcript& transcript, Duration voiced);

}  // namespace parley::realtime

// Words of hypotheses: how far two agree, and whether there are any.
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

// Words that begin both, compared without case and ASCII punctuation: "day," agrees with "Day".
size_t AgreedWords(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b);

std::string JoinWords(const std::vector<std::string_view>& words, size_t count);

// Did anyone say a word? A transcriber that is given noise writes nothing, marks such as
// "[BLANK_AUDIO]" and "(wind)", or one of a few phrases it has read too often; `voiced` is how much
// of the sound the voice detector took for a voice.
bool HoldsWords(const model::Transcript& transcript, Duration voiced);

}  // namespace parley::realtime

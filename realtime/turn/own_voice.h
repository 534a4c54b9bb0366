// A microphone may hear the loudspeaker: are the words that were heard over an answer those that were
// just played?
// Thread:   pure function.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace parley::realtime {

// `said`: the answer's words that sounded while `heard` was, and a little before. Most of what was
// heard must stand there in its order; one short word is too little to tell.
bool IsOwnVoice(std::string_view heard, std::string_view said);

}  // namespace parley::realtime

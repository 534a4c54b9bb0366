// Hears the sound files of a list, one line of JSON for each: {"id": "…", "wav": "…", "text": "…",
// "before": [{"wav": "…", "text": "…"}]} in, of which only "wav" must be there; what was heard out, in
// the order of the list. A file that cannot be heard gets {"id": …, "error": …}.
// Thread:   one thread at a time.
// Memory:   one file's sound.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/hear.h"

namespace parley::bench {

struct HearSound {
  std::string wav;
  std::string text;  // what is said, for marks without a transcriber
};
struct HearItem {
  std::string id;
  HearSound sound;
  std::vector<HearSound> before;  // heard earlier in the same talk
};

Result<std::vector<HearItem>> ReadHearList(const std::string& path);

// The line for one item, without its line end.
std::string HearFile(Hearer& hearer, const HearItem& item, bool evidence);

// The line for one item whose words are known: marks of the whole sound, with their evidence, after
// each sound of `before` as a block of its own.
std::string MarkFile(const HearItem& item);

}  // namespace parley::bench

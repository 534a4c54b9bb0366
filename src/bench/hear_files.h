// Hears the sound files of a list, one line of JSON for each: {"id": "…", "wav": "…"} in, what was
// heard out, in the order of the list. A file that cannot be heard gets {"id": …, "error": …}.
// Thread:   one thread at a time.
// Memory:   one file's sound.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/hear.h"

namespace parley::bench {

struct HearItem {
  std::string id;
  std::string wav;
};

Result<std::vector<HearItem>> ReadHearList(const std::string& path);

// The line for one item, without its line end.
std::string HearFile(Hearer& hearer, const HearItem& item);

}  // namespace parley::bench

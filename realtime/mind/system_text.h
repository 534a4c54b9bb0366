// What a model is told before a talk: the operator's words, or those it was trained with, and the
// tools on offer.
// Thread:   plain function.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "realtime/mind/mind_config.h"
#include "realtime/mind/style.h"
#include "realtime/tools/tool.h"

namespace parley::realtime {

std::string SystemText(const MindConfig& config, const Style& style,
                       const std::vector<ToolSpec>& tools);

}  // namespace parley::realtime

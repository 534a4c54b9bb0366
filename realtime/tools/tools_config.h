// Which tools a model is offered, and how long they may take.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/config_fields.h"

namespace parley::realtime {

struct ToolsConfig {
  std::string offer;
  int32_t timeout_ms = 5000;
  int32_t longest_result = 1000;

  template <class V>
  void VisitFields(V&& v) {
    v("offer", offer,
      "tools of this machine that the model may call, with commas between them: time, timer, "
      "calculator; empty: none");
    v("timeout_ms", timeout_ms, Range{10, 600000}, "a tool that takes longer has failed [ms]");
    v("longest_result", longest_result, Range{16, 1 << 20},
      "of a tool's result the model reads so many bytes");
  }
};

}  // namespace parley::realtime

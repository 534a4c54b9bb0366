// Everything an operator may change about a talk, section by section.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "realtime/history/trunk.h"
#include "realtime/listen/listen_config.h"
#include "realtime/mind/mind_config.h"
#include "realtime/speak/speak_config.h"
#include "realtime/tools/tools_config.h"
#include "realtime/turn/turn_config.h"

namespace parley::realtime {

struct ConversationConfig {
  TurnConfig turn;
  ListenConfig listen;
  MindConfig mind;
  ToolsConfig tools;
  SpeakConfig speak;
  HistoryConfig conversation;

  template <class V>
  void VisitFields(V&& v) {
    v("turn", turn, "who is speaking, and whose turn it is");
    v("listen", listen, "sound to words");
    v("mind", mind, "words to an answer");
    v("tools", tools, "what the model may call");
    v("speak", speak, "an answer to sound");
    v("conversation", conversation, "what a talk remembers");
  }
};

}  // namespace parley::realtime

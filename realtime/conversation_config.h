// Everything an operator may change about a talk, section by section.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "realtime/history/trunk.h"
#include "realtime/listen/listen_config.h"
#include "realtime/mind/mind_config.h"
#include "realtime/speak/speak_config.h"
#include "realtime/turn/turn_config.h"

namespace parley::realtime {

struct ConversationConfig {
  TurnConfig turn;
  ListenConfig listen;
  MindConfig mind;
  SpeakConfig speak;
  HistoryConfig conversation;

  template <class V>
  void VisitFields(V&& v) {
    v("turn", turn, "who is speaking, and whose turn it is");
    v("listen", listen, "sound to words");
    v("mind", mind, "words to an answer");
    v("speak", speak, "an answer to sound");
    v("conversation", conversation, "what a talk remembers");
  }
};

}  // namespace parley::realtime

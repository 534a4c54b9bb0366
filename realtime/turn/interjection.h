// What a voice over an answer means: go on ("mhm", "okay, right"), stop ("wait"), or something to
// listen to. A rule over words, their number and the length of the voice; it hears no tone.
// Thread:   const after construction.
// Memory:   the phrases of the config.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "realtime/turn/turn_config.h"

namespace parley::realtime {

enum class Says {
  kUnknown,      // nobody has transcribed it yet
  kNothing,      // it holds no words
  kOwnVoice,     // the answer itself, which a microphone has heard
  kBackchannel,  // nothing but phrases that ask the speaker to go on; the last may be half said
  kStop,         // a word that interrupts by itself
  kWords
};

struct Interjection {
  Says says = Says::kUnknown;
  int words = 0;
};

// What is known of a voice over an answer.
struct VoiceOver {
  Duration voice{};   // how much of it there is
  Duration waited{};  // since there was barge_in_ms of it; not positive before
  Interjection said;
  bool at_boundary = false;  // it began just behind the answer's beginning, or just before its end
};

class InterjectionRules {
 public:
  explicit InterjectionRules(const TurnConfig& config);

  Interjection Read(std::string_view transcript) const;
  // No word is in it, or none but fillers.
  bool Wordless(std::string_view transcript) const;
  // Does it stop the answer now?
  bool Interrupts(const VoiceOver& voice) const;

 private:
  using Phrase = std::vector<std::string>;  // words in lower case, without punctuation
  // How many words from `at` on are one of the phrases; 0: none.
  static size_t Match(const std::vector<Phrase>& phrases, const Phrase& words, size_t at);
  // Could what stands from `at` on become one of the phrases, when more of it is heard?
  static bool Begins(const std::vector<Phrase>& phrases, const Phrase& words, size_t at);

  TurnConfig config_;
  std::vector<Phrase> backchannels_, fillers_, stops_;
};

}  // namespace parley::realtime

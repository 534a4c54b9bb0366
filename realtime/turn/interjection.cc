// SPDX-License-Identifier: Apache-2.0
#include "realtime/turn/interjection.h"

#include <algorithm>

namespace parley::realtime {
namespace {

// A longer row of phrases is no backchannel any more.
constexpr int kMostPhrases = 3;

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\'' || (c & 0x80) != 0;
}

// "Uh-huh, I see." is |uh|huh|i|see|.
std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  bool open = false;
  for (const char raw : text) {
    const char c = raw >= 'A' && raw <= 'Z' ? static_cast<char>(raw - 'A' + 'a') : raw;
    if (!IsWordByte(c)) {
      open = false;
      continue;
    }
    if (!open) words.emplace_back();
    words.back() += c;
    open = true;
  }
  return words;
}

std::vector<std::vector<std::string>> Phrases(std::string_view list) {
  std::vector<std::vector<std::string>> phrases;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    auto words = Words(list.substr(0, comma));
    if (!words.empty()) phrases.push_back(std::move(words));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return phrases;
}

}  // namespace

InterjectionRules::InterjectionRules(const TurnConfig& config)
    : config_(config),
      backchannels_(Phrases(config.backchannels)),
      fillers_(Phrases(config.fillers)),
      stops_(Phrases(config.stop_words)) {}

size_t InterjectionRules::Match(const std::vector<Phrase>& phrases, const Phrase& words,
                                size_t at) {
  size_t longest = 0;
  for (const Phrase& phrase : phrases) {
    if (phrase.size() <= longest || phrase.size() > words.size() - at) continue;
    if (std::equal(phrase.begin(), phrase.end(), words.begin() + static_cast<ptrdiff_t>(at))) {
      longest = phrase.size();
    }
  }
  return longest;
}

bool InterjectionRules::Begins(const std::vector<Phrase>& phrases, const Phrase& words, size_t at) {
  const size_t rest = words.size() - at;
  return std::any_of(phrases.begin(), phrases.end(), [&](const Phrase& phrase) {
    if (phrase.size() < rest) return false;
    for (size_t i = 0; i + 1 < rest; ++i) {
      if (phrase[i] != words[at + i]) return false;
    }
    // One letter of a first word could become anything.
    const std::string& last = words.back();
    return phrase[rest - 1] == last ||
           (phrase[rest - 1].starts_with(last) && (rest > 1 || last.size() > 1));
  });
}

Interjection InterjectionRules::Read(std::string_view transcript) const {
  const std::vector<std::string> words = Words(transcript);
  Interjection said{Says::kNothing, static_cast<int>(words.size())};
  if (words.empty()) return said;
  for (size_t at = 0; at < words.size(); ++at) {
    if (Match(stops_, words, at) > 0) {
      said.says = Says::kStop;
      return said;
    }
  }
  size_t at = 0;
  int phrases = 0;
  while (at < words.size()) {
    const size_t matched = Match(backchannels_, words, at);
    if (matched == 0) break;
    at += matched;
    ++phrases;
  }
  if (at < words.size() && Begins(backchannels_, words, at)) {
    at = words.size();
    ++phrases;
  }
  const bool all = at == words.size() && phrases <= kMostPhrases;
  said.says = all ? Says::kBackchannel : Says::kWords;
  return said;
}

bool InterjectionRules::Wordless(std::string_view transcript) const {
  const std::vector<std::string> words = Words(transcript);
  size_t at = 0;
  while (at < words.size()) {
    const size_t matched = Match(fillers_, words, at);
    if (matched == 0) return false;
    at += matched;
  }
  return true;
}

bool InterjectionRules::Interrupts(const VoiceOver& voice) const {
  const bool long_enough = voice.voice >= milliseconds(config_.barge_in_ms);
  const bool too_long = voice.voice >= milliseconds(config_.backchannel_ms);
  switch (voice.said.says) {
    case Says::kStop:
      return true;
    case Says::kWords:
      return voice.said.words >= config_.barge_in_words || long_enough;
    case Says::kBackchannel:
      return too_long || (long_enough && voice.at_boundary);
    case Says::kNothing:  // a cough, or a transcriber that needs more to hear a word
      return too_long;
    case Says::kOwnVoice:
      return false;
    case Says::kUnknown:
      return long_enough && (voice.at_boundary || voice.waited >= milliseconds(config_.verdict_ms));
  }
  return false;
}

}  // namespace parley::realtime

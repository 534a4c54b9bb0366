// SPDX-License-Identifier: Apache-2.0
#include "tts/arpabet.h"

#include <algorithm>
#include <vector>

namespace parley::tts {
namespace {

struct Sound {
  std::string_view arpabet;
  std::string_view ipa;
  bool vowel = false;
};

constexpr Sound kSounds[] = {
    {"aa", "ɑː", true}, {"ae", "æ", true},  {"ah", "ʌ", true},  {"ao", "ɔː", true},
    {"aw", "aʊ", true}, {"ax", "ə", true},  {"ay", "aɪ", true}, {"eh", "ɛ", true},
    {"er", "ɜː", true}, {"ey", "eɪ", true}, {"ih", "ɪ", true},  {"iy", "iː", true},
    {"ow", "oʊ", true}, {"oy", "ɔɪ", true}, {"uh", "ʊ", true},  {"uw", "uː", true},
    {"b", "b"},         {"ch", "tʃ"},       {"d", "d"},         {"dh", "ð"},
    {"f", "f"},         {"g", "ɡ"},         {"hh", "h"},        {"jh", "dʒ"},
    {"k", "k"},         {"l", "l"},         {"m", "m"},         {"n", "n"},
    {"ng", "ŋ"},        {"p", "p"},         {"r", "ɹ"},         {"s", "s"},
    {"sh", "ʃ"},        {"t", "t"},         {"th", "θ"},        {"v", "v"},
    {"w", "w"},         {"y", "j"},         {"z", "z"},         {"zh", "ʒ"},
};

struct Phone {
  std::string_view name;  // without its digit
  const Sound* sound = nullptr;
  bool stressed = false;
};

std::vector<Phone> Parse(std::span<const std::string> phones) {
  std::vector<Phone> parsed;
  for (const std::string& phone : phones) {
    const size_t digit = phone.find_first_of("012");
    const std::string_view name = std::string_view(phone).substr(0, digit);
    const auto* sound = std::find_if(std::begin(kSounds), std::end(kSounds),
                                     [&](const Sound& s) { return s.arpabet == name; });
    if (sound == std::end(kSounds)) continue;
    const bool stressed = digit != std::string::npos && phone[digit] != '0';
    parsed.push_back({sound->arpabet, sound, stressed});
  }
  return parsed;
}

bool IsVowel(const std::vector<Phone>& phones, size_t i) {
  return i < phones.size() && phones[i].sound->vowel;
}

// The dictionary marks every strong syllable alike. The main one is the last before an ending that
// draws the stress ("-ation", "-ic", "-ity"), else the first.
size_t MainStress(const std::vector<Phone>& phones) {
  std::vector<size_t> strong;
  for (size_t i = 0; i < phones.size(); ++i) {
    if (phones[i].stressed) strong.push_back(i);
  }
  if (strong.empty()) return phones.size();
  const auto ends = [&](std::initializer_list<std::string_view> tail) {
    if (tail.size() > phones.size()) return false;
    size_t i = phones.size() - tail.size();
    for (const std::string_view name : tail) {
      if (phones[i++].name != name) return false;
    }
    return true;
  };
  const bool drawn = ends({"sh", "ax", "n"}) || ends({"zh", "ax", "n"}) || ends({"ih", "k"}) ||
                     ends({"ax", "t", "iy"}) || ends({"ih", "t", "iy"}) ||
                     ends({"ax", "jh", "iy"}) || ends({"ih", "k", "ax", "l"}) ||
                     ends({"sh", "ax", "l"}) || ends({"iy", "ax", "n"}) || ends({"ih", "k", "s"}) ||
                     ends({"ax", "s", "ih", "s"}) || ends({"ah", "l", "ax", "jh", "iy"}) ||
                     ends({"eh", "n", "t", "ax", "l"}) || ends({"m", "eh", "n", "t", "ax", "l"});
  return drawn ? strong.back() : strong.front();
}

std::string_view VowelIpa(const std::vector<Phone>& phones, size_t i) {
  const Phone& phone = phones[i];
  const bool last = i + 1 == phones.size();
  if (phone.name == "er") {
    if (!phone.stressed) return IsVowel(phones, i + 1) ? "ɚɹ" : "ɚ";
    return IsVowel(phones, i + 1) ? "ɜːɹ" : "ɜː";
  }
  if (phone.stressed) return phone.sound->ipa;
  if (phone.name == "iy" && (last || IsVowel(phones, i + 1))) return "i";
  if (phone.name == "ah") return "ə";
  if (phone.name == "ax" && i == 0) return "ɐ";
  return phone.sound->ipa;
}

}  // namespace

std::string IpaOfArpabet(std::span<const std::string> phones) {
  const std::vector<Phone> parsed = Parse(phones);
  const size_t main = MainStress(parsed);
  std::string ipa;
  for (size_t i = 0; i < parsed.size(); ++i) {
    if (!parsed[i].sound->vowel) {
      ipa += parsed[i].sound->ipa;
      continue;
    }
    if (parsed[i].stressed) ipa += i == main ? "ˈ" : "ˌ";
    ipa += VowelIpa(parsed, i);
  }
  return ipa;
}

}  // namespace parley::tts

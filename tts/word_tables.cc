// SPDX-License-Identifier: Apache-2.0
#include "tts/word_tables.h"

#include <algorithm>
#include <iterator>

namespace parley::tts {
namespace {

using When = Abbreviation::When;

constexpr Abbreviation kAbbreviations[] = {
    {"dr", "doctor"},
    {"mr", "mister", When::kAlways},
    {"mrs", "missus", When::kAlways},
    {"ms", "miz", When::kBeforeName},
    {"prof", "professor"},
    {"st", "saint", When::kBeforeName},
    {"st", "street"},
    {"ave", "avenue"},
    {"blvd", "boulevard"},
    {"rd", "road"},
    {"ln", "lane"},
    {"hwy", "highway"},
    {"apt", "apartment", When::kBeforeDigit},
    {"mt", "mount", When::kBeforeName},
    {"ft", "fort", When::kBeforeName},
    {"jr", "junior"},
    {"sr", "senior"},
    {"gen", "general", When::kBeforeName},
    {"col", "colonel", When::kBeforeName},
    {"capt", "captain"},
    {"lt", "lieutenant", When::kBeforeName},
    {"sgt", "sergeant"},
    {"gov", "governor", When::kBeforeName},
    {"sen", "senator", When::kBeforeName},
    {"rep", "representative", When::kBeforeName},
    {"rev", "reverend", When::kBeforeName},
    {"hon", "honorable", When::kBeforeName},
    {"vs", "versus", When::kAlways},
    {"etc", "et cetera", When::kAlways},
    {"approx", "approximately"},
    {"appt", "appointment"},
    {"dept", "department"},
    {"est", "established", When::kBeforeDigit},
    {"inc", "incorporated"},
    {"ltd", "limited"},
    {"corp", "corporation"},
    {"co", "company"},
    {"bros", "brothers"},
    {"assoc", "association"},
    {"univ", "university"},
    {"govt", "government"},
    {"no", "number", When::kBeforeDigit},
    {"nos", "numbers", When::kBeforeDigit},
    {"vol", "volume", When::kBeforeDigit},
    {"ch", "chapter", When::kBeforeDigit},
    {"fig", "figure", When::kBeforeDigit},
    {"sec", "section", When::kBeforeDigit},
    {"pp", "pages", When::kBeforeDigit},
    {"p", "page", When::kBeforeDigit},
    {"ca", "circa", When::kBeforeDigit},
    {"ed", "edition"},
    {"eds", "editors"},
    {"misc", "miscellaneous"},
    {"max", "maximum"},
    {"min", "minimum"},
    {"avg", "average"},
    {"incl", "including"},
    {"ext", "extension", When::kBeforeDigit},
    {"tel", "telephone"},
    {"temp", "temperature"},
    {"mon", "monday"},
    {"tue", "tuesday"},
    {"tues", "tuesday"},
    {"wed", "wednesday"},
    {"thu", "thursday"},
    {"thurs", "thursday"},
    {"fri", "friday"},
    {"sat", "saturday", When::kBeforeName},
    {"jan", "january"},
    {"feb", "february"},
    {"apr", "april"},
    {"aug", "august"},
    {"sept", "september"},
    {"oct", "october"},
    {"nov", "november"},
    {"dec", "december"},
};

struct Special {
  std::string_view capitals, spoken;
};
constexpr Special kSpecial[] = {
    {"OK", "okay"},         {"JPEG", "jay peg"}, {"MPEG", "em peg"},     {"ASCII", "askee"},
    {"GUI", "gooey"},       {"SCSI", "scuzzy"},  {"IEEE", "i triple e"}, {"PHD", "p h d"},
    {"COVID", "covid"},     {"WIFI", "wi fi"},   {"AAA", "triple a"},    {"NCAA", "n c double a"},
    {"LGBTQ", "l g b t q"},
};

constexpr std::string_view kSaidAsWords[] = {
    "AIDS",  "BASIC", "CAD",   "DOS",   "FEMA",   "FIFA",   "GAAP", "GIF",
    "HIPAA", "JSON",  "LAN",   "LASER", "LED",    "NAFTA",  "NASA", "NATO",
    "NOAA",  "OPEC",  "OSHA",  "PIN",   "RADAR",  "RAID",   "RAM",  "ROM",
    "SAT",   "SIM",   "SONAR", "SWAT",  "UNESCO", "UNICEF", "YAML", "ZIP"};
constexpr std::string_view kSpelled[] = {
    "AKA", "API", "ASAP", "ATM", "BIOS", "CEO",  "CIA",  "CIO", "CPU", "DIY", "DOA", "ECG", "EEG",
    "ETA", "FAQ", "GPU",  "HIV", "HOA",  "IBM",  "IDE",  "IOU", "IPA", "IPO", "IRA", "ISO", "IUD",
    "LOL", "NBA", "NPU",  "OEM", "PTO",  "QA",   "RIP",  "ROI", "SOS", "SUV", "TPU", "UAE", "UFO",
    "UPS", "URI", "URL",  "USA", "USB",  "USAF", "USPS", "UTC", "VIP", "YMCA"};
constexpr std::string_view kCommonShort[] = {
    "all", "am",  "an",  "and", "any", "are", "as",  "at",  "bad", "be",  "but", "buy", "by",
    "can", "day", "did", "do",  "for", "get", "go",  "had", "has", "he",  "her", "hey", "him",
    "his", "hot", "how", "if",  "in",  "is",  "it",  "its", "let", "man", "may", "me",  "my",
    "new", "no",  "not", "now", "of",  "off", "oh",  "old", "on",  "one", "or",  "our", "out",
    "put", "run", "say", "see", "she", "so",  "the", "to",  "too", "top", "try", "two", "up",
    "us",  "use", "was", "way", "we",  "who", "why", "win", "yes", "yet", "you"};
constexpr std::string_view kDomainEndings[] = {
    "ai",  "app", "au", "biz",    "ca",  "ch",   "cloud", "co", "com", "de",
    "dev", "edu", "eu", "fr",     "gov", "in",   "info",  "io", "jp",  "me",
    "mil", "net", "nz", "online", "org", "shop", "tv",    "uk", "us",  "xyz"};
constexpr std::string_view kBeforeRoman[] = {
    "act",   "book",    "bowl",  "chapter", "class", "episode", "grade",  "level", "part",
    "phase", "section", "stage", "step",    "title", "type",    "volume", "war"};
constexpr std::string_view kRoman[] = {"",    "I",    "II",  "III",  "IV",    "V",   "VI",
                                       "VII", "VIII", "IX",  "X",    "XI",    "XII", "XIII",
                                       "XIV", "XV",   "XVI", "XVII", "XVIII", "XIX", "XX"};

template <size_t N>
bool Contains(const std::string_view (&table)[N], std::string_view word) {
  return std::find(std::begin(table), std::end(table), word) != std::end(table);
}

}  // namespace

const Abbreviation* FindAbbreviation(std::string_view lower) {
  for (const Abbreviation& a : kAbbreviations) {
    if (a.lower == lower) return &a;
  }
  return nullptr;
}

std::string_view SpecialReading(std::string_view capitals) {
  for (const Special& s : kSpecial) {
    if (s.capitals == capitals) return s.spoken;
  }
  return {};
}

bool IsAcronymSaidAsWord(std::string_view capitals) { return Contains(kSaidAsWords, capitals); }
bool IsAcronymSpelled(std::string_view capitals) { return Contains(kSpelled, capitals); }
bool IsCommonShortWord(std::string_view lower) { return Contains(kCommonShort, lower); }
bool IsDomainEnding(std::string_view lower) { return Contains(kDomainEndings, lower); }
bool TakesRomanNumber(std::string_view lower) { return Contains(kBeforeRoman, lower); }

int RomanNumeral(std::string_view capitals) {
  for (size_t n = 2; n < std::size(kRoman); ++n) {
    if (kRoman[n] == capitals) return static_cast<int>(n);
  }
  return 0;
}

}  // namespace parley::tts

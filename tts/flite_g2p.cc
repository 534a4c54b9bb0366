// SPDX-License-Identifier: Apache-2.0
#include "tts/flite_g2p.h"

#include <flite/flite.h>

#include <mutex>

#include "common/check.h"
#include "tts/arpabet.h"

extern "C" {  // flite ships these without a header
void usenglish_init(cst_voice* voice);
cst_lexicon* cmu_lex_init(void);
}

namespace parley::tts {
namespace {

// flite's dictionary and tagger. It lives as long as the process: flite keeps pointers into it.
class Flite {
 public:
  static Flite& Shared() {
    static Flite* const flite = new Flite;
    return *flite;
  }

  // The phones of each word; `tagged` are all words of the sentence, for the parts of speech.
  std::vector<std::vector<std::string>> Lookup(std::span<const SpokenWord> sentence,
                                               const std::vector<bool>& wanted) {
    const std::lock_guard lock(mutex_);
    const std::unique_ptr<cst_utterance, void (*)(cst_utterance*)> utterance(new_utterance(),
                                                                             delete_utterance);
    utt_init(utterance.get(), voice_);
    cst_relation* relation = utt_relation_create(utterance.get(), "Word");
    for (const SpokenWord& word : sentence) {
      cst_item* item = relation_append(relation, nullptr);
      item_set_string(item, "name", word.text.c_str());
    }
    default_pos_tagger(utterance.get());
    std::vector<std::vector<std::string>> phones(sentence.size());
    size_t i = 0;
    for (cst_item* item = relation_head(relation); item != nullptr; item = item_next(item), ++i) {
      if (!wanted[i]) continue;
      const char* part_of_speech = item_feat_string(item, "pos");
      cst_val* list = lex_lookup(lexicon_, sentence[i].text.c_str(), part_of_speech, nullptr);
      for (const cst_val* p = list; p != nullptr; p = val_cdr(p)) {
        phones[i].emplace_back(val_string(val_car(p)));
      }
      delete_val(list);
    }
    return phones;
  }

 private:
  Flite() {
    flite_init();
    voice_ = new_voice();
    usenglish_init(voice_);
    lexicon_ = cmu_lex_init();
    PARLEY_CHECK(lexicon_ != nullptr, "flite is linked without its dictionary");
  }

  std::mutex mutex_;
  cst_voice* voice_ = nullptr;      // {mutex_}
  cst_lexicon* lexicon_ = nullptr;  // {mutex_}
};

bool BeginsWithVowel(std::string_view ipa) {
  if (ipa.starts_with("ˈ") || ipa.starts_with("ˌ")) ipa.remove_prefix(std::string_view("ˈ").size());
  for (const std::string_view vowel :
       {"a", "æ", "ɑ", "ɔ", "ə", "ɐ", "ɛ", "e", "ɜ", "ɚ", "ɪ", "i", "o", "ʊ", "u", "ʌ"}) {
    if (ipa.starts_with(vowel)) return true;
  }
  return false;
}

}  // namespace

FliteG2p::FliteG2p() { Flite::Shared(); }
FliteG2p::~FliteG2p() = default;

Result<std::vector<std::string>> FliteG2p::Phonemize(std::span<const SpokenWord> words) {
  std::vector<std::string> sounds(words.size());
  std::vector<bool> wanted(words.size(), false);
  bool any = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const SpokenWord& word = words[i];
    if (word.as == SpokenAs::kLetter) {
      sounds[i] = lexicon_.LetterName(word.text[0]);
      if (word.text.size() > 1) sounds[i] += PluralEnding(sounds[i]);  // "b's"
    } else if (auto known = lexicon_.Find(word.text)) {
      sounds[i] = *std::move(known);
    } else {
      wanted[i] = any = true;
    }
  }
  if (any) {
    const std::vector<std::vector<std::string>> phones = Flite::Shared().Lookup(words, wanted);
    for (size_t i = 0; i < words.size(); ++i) {
      if (wanted[i]) sounds[i] = IpaOfArpabet(phones[i]);
    }
  }
  // "the" and "to" before a vowel; a small word alone at the end keeps its stress.
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i].as == SpokenAs::kLetter || words[i].pause != 0) continue;
    if (!BeginsWithVowel(sounds[i + 1])) continue;
    if (words[i].text == "the") sounds[i] = "ðɪ";
    if (words[i].text == "to") sounds[i] = "tʊ";
  }
  return sounds;
}

}  // namespace parley::tts

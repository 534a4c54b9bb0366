// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/kept_thought.h"

#include <string>

namespace parley::realtime {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

// What stands behind the first of these characters; nothing when there is none.
std::string_view Behind(std::string_view text, std::string_view marks) {
  const size_t at = text.find_first_of(marks);
  return at == std::string_view::npos ? std::string_view() : Trimmed(text.substr(at + 1));
}

}  // namespace

std::vector<TokenId> KeptThought(std::string_view thought, int32_t most, std::string_view before,
                                 std::string_view behind, const model::Tokenizer& tokenizer) {
  // A token holds at least one byte and few hold more than this: what is longer is not tried.
  constexpr size_t kLongestToken = 16;
  std::string_view rest = Trimmed(thought);
  const size_t longest = static_cast<size_t>(most) * kLongestToken;
  if (rest.size() > longest) rest = Behind(rest.substr(rest.size() - longest), kBlank);
  // Whole lines first; of the last line that alone is too long, whole words.
  for (const std::string_view marks : {std::string_view("\n"), kBlank}) {
    for (std::string_view text = rest; !text.empty(); text = Behind(text, marks)) {
      std::string whole(before);
      whole += text;
      whole += behind;
      std::vector<TokenId> ids = tokenizer.Encode(whole);
      if (ids.size() <= static_cast<size_t>(most)) return ids;
    }
  }
  return {};
}

}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
#include "common/spoken_text.h"

#include <algorithm>

namespace parley {

AnswerText AnswerText::Slice(size_t begin, size_t end) const {
  end = std::min(end, text_.size());
  begin = std::min(begin, end);
  return AnswerText(text_.substr(begin, end - begin));
}

}  // namespace parley

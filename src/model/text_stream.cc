// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer.h"
#include "model/unicode.h"

namespace parley::model {

std::string TextStream::Push(TokenId id) {
  pending_ += tokenizer_->Bytes(id);
  const size_t complete = pending_.size() - IncompleteTail(pending_);
  std::string text = ReplaceInvalid(std::string_view(pending_).substr(0, complete));
  pending_.erase(0, complete);
  return text;
}

std::string TextStream::Flush() {
  std::string text = ReplaceInvalid(pending_);
  pending_.clear();
  return text;
}

}  // namespace parley::model

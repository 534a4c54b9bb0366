// Any bytes as text, in the small vocabulary of the goldens: what is encoded decodes to the same text (invalid bytes
// replaced, composed), as text no special token comes out, and a stream says the same as a whole.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/check.h"
#include "model/tokenizer.h"
#include "model/unicode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace parley::model;
  static const auto tokenizer =
      *Tokenizer::FromJson(PARLEY_SOURCE_DIR "/tests/golden/tokenizer_qwen2_shape.json");
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string text = ReplaceInvalid(bytes);
  PARLEY_CHECK(IsUtf8(text), "replaced text is not UTF-8");
  const auto ids = tokenizer->Encode(bytes);
  for (const auto id : ids) PARLEY_CHECK(!tokenizer->IsSpecial(id), "a special token made of text");
  PARLEY_CHECK(tokenizer->Decode(ids) == Nfc(text), "text that did not come back");
  TextStream stream(tokenizer);
  std::string streamed;
  for (const auto id : ids) streamed += stream.Push(id);
  PARLEY_CHECK(streamed + stream.Flush() == Nfc(text), "a stream that differs");
  // Parsed, every id is of the vocabulary; what is plain between special tokens stays.
  for (const auto id : tokenizer->Encode(bytes, SpecialTokens::kParse)) {
    PARLEY_CHECK(id >= 0 && id < tokenizer->vocabulary(), "an id outside of the vocabulary");
  }
  return 0;
}

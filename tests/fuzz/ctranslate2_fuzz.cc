// Any bytes as a CTranslate2 model.bin.
// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/checkpoint_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return parley::fuzz::OpenAsCheckpoint(data, size);
}

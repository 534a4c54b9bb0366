// The key-value section of a GGUF file.
// Thread:   any.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"
#include "weights/byte_reader.h"
#include "weights/checkpoint_table.h"

namespace parley::weights {

// A length-prefixed string; `what` names it in errors.
Result<std::string> ReadGgufString(ByteReader& in, std::string_view what);

// Reads `count` entries of every type that GGUF has into the table. Booleans become 0 and 1, arrays of arrays are
// keyed by index ("key.0").
Status ReadGgufMetadata(ByteReader& in, uint64_t count, CheckpointTable& table);

}  // namespace parley::weights

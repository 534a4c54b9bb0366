// config.json as dotted keys: {"text_config": {"hidden_size": 5120}} is Number("text_config.hidden_size"). Booleans are
// the numbers 0 and 1; null is absent; an array is Texts or Numbers when its values are all of one kind, else its
// values are keyed by their index ("alignment_heads.0").
// Thread:   any.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/result.h"
#include "weights/checkpoint_table.h"

namespace parley::weights {

// Adds what stands in the JSON file at `path`. A missing file is kNotFound.
Status AddJsonMetadata(const std::string& path, CheckpointTable& table);
// The same when the file may be absent.
Status AddJsonMetadataIfThere(const std::string& path, CheckpointTable& table);

}  // namespace parley::weights

// The readers behind Checkpoint::Open, one for each container.
// Thread:   any.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "weights/checkpoint.h"
#include "weights/mapped_file.h"

namespace parley::weights {

// GGUF, versions 2 and 3, one file.
Result<std::unique_ptr<Checkpoint>> ReadGguf(const std::shared_ptr<const MappedFile>& file);

// One or several safetensors files as one checkpoint; `config_path` (config.json) may be absent.
Result<std::unique_ptr<Checkpoint>> ReadSafetensors(
    const std::vector<std::shared_ptr<const MappedFile>>& shards, const std::string& config_path);
// The shards that model.safetensors.index.json names; each tensor must stand in the shard that the index says.
Result<std::unique_ptr<Checkpoint>> ReadSafetensorsIndex(const std::string& index_path,
                                                         const std::string& config_path);

// CTranslate2 model.bin, binary version 6, with config.json beside it.
Result<std::unique_ptr<Checkpoint>> ReadCtranslate2(const std::shared_ptr<const MappedFile>& file,
                                                    const std::string& config_path);

}  // namespace parley::weights

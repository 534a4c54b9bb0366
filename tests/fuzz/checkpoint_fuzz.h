// Any bytes as a checkpoint file: an Error, or a checkpoint of which every byte can be read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/check.h"
#include "weights/checkpoint.h"
#include "weights/dequantize.h"
#include "weights/weight_format.h"

namespace parley::fuzz {

inline int OpenAsCheckpoint(const uint8_t* data, size_t size) {
  static const int fd =
      memfd_create("fuzz", MFD_CLOEXEC);  // one file in memory, filled anew for each input
  static const std::string path = "/proc/self/fd/" + std::to_string(fd);
  PARLEY_CHECK(fd >= 0 && ftruncate(fd, 0) == 0, "no file in memory");
  PARLEY_CHECK(pwrite(fd, data, size, 0) == static_cast<ssize_t>(size), "cannot write it");
  const auto opened = weights::Checkpoint::Open(path);
  if (!opened.has_value()) {
    PARLEY_CHECK(!opened.error().message.empty(), "an error that says nothing");
    return 0;
  }
  for (const weights::TensorInfo& tensor : (*opened)->tensors()) {
    PARLEY_CHECK((*opened)->Find(tensor.name) == &tensor, "a tensor that is not found by its name");
    PARLEY_CHECK(weights::ByteCount(tensor.format, tensor.shape) == tensor.bytes,
                 "a size that is not its shape's");
    const auto values =
        weights::Dequantized(tensor);  // reads every byte: the sanitizer sees what is outside
    PARLEY_CHECK(values.has_value() || tensor.format == kernels::WeightFormat::kI8Row,
                 "values that cannot be read");
  }
  return 0;
}

}  // namespace parley::fuzz

// Scratch that grows to the largest size asked for and then stays: an operation allocates only the first time it
// meets a size.
// Thread:   one owner.
// Memory:   64-byte aligned, not initialised; growing loses the content.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

#include "common/check.h"

namespace parley::kernels::cpu {

template <class T>
class Buffer {
 public:
  T* Get(size_t n) {
    if (n > size_) {
      const size_t bytes = (n * sizeof(T) + 63) / 64 * 64;
      data_.reset(static_cast<T*>(std::aligned_alloc(64, bytes)));
      PARLEY_CHECK(data_ != nullptr, "no memory for scratch");
      size_ = n;
    }
    return data_.get();
  }

 private:
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  std::unique_ptr<T[], Free> data_;
  size_t size_ = 0;
};

}  // namespace parley::kernels::cpu

// What the ranks of one tensor-parallel model say to each other, in one process, a thread a rank.
// Thread:   each rank calls from its own thread; a call waits for the others, for a bounded time.
// Memory:   what the calls are given, and a copy of each rank's part on the host.
// Overload: a rank that does not come in time is an error for all of them, for good: Failed() says which call missed whom.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "common/result.h"
#include "kernels/tensor.h"

namespace parley::kernels {

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int32_t ranks() const = 0;
  // part becomes the sum of all ranks' parts, added in the order of the ranks: the same bits on every rank.
  virtual void Sum(int32_t rank, const TensorView& part) = 0;
  // Rank 0's `all` becomes the parts side by side.
  virtual void Gather(int32_t rank, const TensorView& part, const TensorView& all) = 0;
  virtual Status Failed() const = 0;
};

// For backends whose memory is the host's: f32 rows.
std::shared_ptr<Communicator> MakeHostCommunicator(
    int32_t ranks, std::chrono::milliseconds patience = std::chrono::seconds(10));

}  // namespace parley::kernels

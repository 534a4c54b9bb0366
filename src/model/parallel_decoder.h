// A decoder with what it runs on: one backend, or several as the ranks of a tensor-parallel model. An engine knows nothing of ranks:
// of several, operations on values are rank 0's, the cache has a pool on every rank, and a step runs on all of them at once.
// Thread:   the caller's is rank 0's; every other rank has a thread of its own.
// Memory:   a rank holds its share of the weights and of the cache.
// Overload: a rank that fails, or does not come, fails the step for all (Poll).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "common/result.h"
#include "model/decoder.h"

namespace parley::model {

class ParallelModel {
 public:
  // `ranks` have joined one communicator, in order. All of them load at the same time.
  static Result<std::unique_ptr<ParallelModel>> Load(
      std::vector<std::unique_ptr<kernels::Backend>> ranks, const weights::Checkpoint& checkpoint,
      kernels::Storage storage = kernels::Storage::kAsIs);
  // One backend, or Cuda backends that are not joined yet, for steps of `max_rows` rows and `max_logit_rows` of logits.
  static Result<std::unique_ptr<ParallelModel>> LoadOnDevices(
      std::vector<std::unique_ptr<kernels::Backend>> ranks, int32_t max_rows,
      int32_t max_logit_rows, const weights::Checkpoint& checkpoint, kernels::Storage storage);
  virtual ~ParallelModel() = default;
  virtual kernels::Backend& backend() = 0;
  virtual const Decoder& decoder() const = 0;
};

}  // namespace parley::model

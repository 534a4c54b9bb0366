// What `parley doctor` says of GPUs: which there are, who reaches whose memory, and what fits: model × weights × GPUs →
// memory of each, and talks at once. The table is computed from the models' geometry and needs no GPU.
// Thread:   plain functions.
// Memory:   none.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/health.h"
#include "common/result.h"
#include "kernels/cuda_devices.h"

namespace parley::app {

std::vector<HealthRow> GpuHealth(const Result<std::vector<kernels::CudaDevice>>& devices);

// For GPUs with so much free memory each, and talks of `positions`.
std::string WhatFits(int64_t gpu_bytes, int64_t positions);

}  // namespace parley::app

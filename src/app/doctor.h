// `parley doctor`: devices, models, memory: what works, and how to mend what does not.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/app_config.h"
#include "common/result.h"

namespace parley::app {

struct DoctorOptions {
  double gpu_gib =
      0;  // what fits is computed for GPUs with so much memory; 0: those of this machine, else an H200's
};

// Prints its rows; fails when one of them does.
Status RunDoctor(const DoctorOptions& options, const AppConfig& config);

}  // namespace parley::app

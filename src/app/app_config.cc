// SPDX-License-Identifier: Apache-2.0
#include "app/app_config.h"

#include "fetch/manifest.h"

namespace parley::app {

kernels::WeightFormat ModelsConfig::MergedFormat() const {
  switch (merged) {
    case MergedWeights::k4Bit:
      return kernels::WeightFormat::kQ4_1;
    case MergedWeights::k8Bit:
      return kernels::WeightFormat::kQ8_0;
    case MergedWeights::kF32:
      break;
  }
  return kernels::WeightFormat::kF32;
}

std::string ModelsConfig::Dir() const { return dir.empty() ? fetch::DefaultModelDir() : dir; }

}  // namespace parley::app

// A build without CUDA: asking for it is an error that says what to do.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/backend.h"
#include "kernels/cuda_devices.h"

namespace parley::kernels {

namespace {

Error Absent() {
  return Fail(
      Code::kUnsupported,
      "this parley was built without CUDA: configure with -DPARLEY_CUDA=ON on a machine that "
      "has nvcc");
}

}  // namespace

Result<std::unique_ptr<Backend>> MakeCudaBackend(const CudaOptions& /*options*/) {
  return Absent();
}

Result<std::vector<CudaDevice>> ListCudaDevices() { return Absent(); }

Status JoinCudaRanks(std::span<const std::unique_ptr<Backend>> /*ranks*/, int32_t /*max_rows*/,
                     int32_t /*max_logit_rows*/, int32_t /*hidden*/, int32_t /*vocabulary*/) {
  return Absent();
}

Result<CudaCeilings> MeasureCudaCeilings(int /*device*/) { return Absent(); }

}  // namespace parley::kernels

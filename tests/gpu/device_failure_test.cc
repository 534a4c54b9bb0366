// What becomes of a GPU that hangs, and of one that a kernel has ruined while another one works on. A program of its own,
// and the ruin is its last test: a process can use such a device no more.
// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "gpu/bad_kernels.h"
#include "gpu/gpu_bed.h"
#include "kernels/cuda/cuda_backend.h"

namespace parley::kernels {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::unique_ptr<Backend> Open(const CudaOptions& options) {
  auto made = MakeCudaBackend(options);
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return made ? *std::move(made) : nullptr;
}

cudaStream_t StreamOf(Backend& backend) {
  return dynamic_cast<cuda::CudaBackend&>(backend).stream();
}

TEST(GpuFailure, WorkThatDoesNotEndIsAnErrorInTime) {
  const auto backend = Open({.patience = milliseconds(200)});
  ASSERT_NE(backend, nullptr);
  const Tensor value = backend->Allocate(DType::kF32, 1, 4);
  ASSERT_TRUE(backend->Poll().has_value());
  const auto begin = steady_clock::now();
  ASSERT_EQ(test::LaunchIdle(milliseconds(4000), StreamOf(*backend)), cudaSuccess);
  std::vector<float> seen(4, 7.0F);
  backend->Download(value.view(), seen);
  const Status polled = backend->Poll();
  ASSERT_FALSE(polled.has_value());
  EXPECT_EQ(polled.error().code, Code::kDevice);
  EXPECT_EQ(polled.error().message, "GPU 0 has not finished its work in 200 ms: it hangs");
  EXPECT_EQ(seen, std::vector<float>(4, 7.0F)) << "nothing was brought";
  // For good: nothing waits for it again.
  for (int i = 0; i < 100; ++i) {
    backend->Upload(seen, value.view());
    EXPECT_FALSE(backend->Poll().has_value());
  }
  EXPECT_LT(steady_clock::now() - begin, milliseconds(3000));
  cudaStreamSynchronize(StreamOf(*backend));  // this one does end
}

// Five products and a norm, as often as it is told: what a device still works out.
std::vector<float> WorkOn(Side& side, int rounds) {
  const auto w = Bf16Values(256 * 256, 3, 0.1F);
  const WeightPtr weight = side.Load(w, 256, 256);
  const TensorView x = side.Make(1, 256, Bf16Values(256, 4), 0, DType::kBf16);
  const TensorView y = side.Make(1, 256, {}, 0, DType::kBf16);
  const TensorView norm = side.Make(1, 256, std::vector<float>(256, 1.0F));
  for (int i = 0; i < rounds; ++i) {
    side.be->Linear(x, *weight, {}, y);
    side.be->RmsNorm(y, norm, 1e-5F, x);
  }
  return side.Values(x);
}

TEST(GpuFailure, AnIllegalAccessIsItsOwnDevicesOnly) {
  const auto there = ListCudaDevices();
  ASSERT_TRUE(there.has_value());
  if (there->size() < 2) GTEST_SKIP() << "needs two GPUs";
  Side first{Open({.device = 0})};
  Side second{Open({.device = 1})};
  const auto expected = WorkOn(second, 50);
  ASSERT_TRUE(testing::Identical(WorkOn(first, 50), expected));

  cudaSetDevice(0);
  ASSERT_EQ(test::LaunchIllegalWrite(StreamOf(*first.be)), cudaSuccess);
  const auto begin = steady_clock::now();
  const Status polled = first.be->Poll();
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(2));
  ASSERT_FALSE(polled.has_value());
  EXPECT_EQ(polled.error().code, Code::kDevice);
  EXPECT_NE(polled.error().message.find("illegal"), std::string::npos) << polled.error().message;

  EXPECT_TRUE(testing::Identical(WorkOn(second, 50), expected));
  const Status other = second.be->Poll();
  EXPECT_TRUE(other.has_value()) << other.error().message;
  const Tensor none = first.be->Allocate(DType::kF32, 1, 1);
  EXPECT_FALSE(first.be->Poll().has_value()) << "the driver gave this device up for our process";
}

}  // namespace
}  // namespace parley::kernels

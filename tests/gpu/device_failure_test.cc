// What becomes of a GPU that hangs, and of one that a kernel has ruined. A program of its own, and the ruin is its last test: a
// process can use GPUs no more then.
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

// Products and norms in turn: what a device still works out, with nothing allocated any more, as in a decode step.
class Work {
 public:
  explicit Work(Side& side)
      : side_(side),
        weight_(side.Load(Bf16Values(256 * 256, 3, 0.1F), 256, 256)),
        x_(side.Make(1, 256, {}, 0, DType::kBf16)),
        y_(side.Make(1, 256, {}, 0, DType::kBf16)),
        norm_(side.Make(1, 256, std::vector<float>(256, 1.0F))) {}
  std::vector<float> Do(int rounds) {
    side_.be->Upload(Bf16Values(256, 4), x_);
    for (int i = 0; i < rounds; ++i) {
      side_.be->Linear(x_, *weight_, {}, y_);
      side_.be->RmsNorm(y_, norm_, 1e-5F, x_);
    }
    return side_.Values(x_);
  }

 private:
  Side& side_;
  WeightPtr weight_;
  TensorView x_, y_, norm_;
};

// CUDA gives up the whole process for it, other GPUs too, also where neither reaches the other's memory. What is left to us: that
// everybody is told, at once, and that nothing wrong is taken for a result.
TEST(GpuFailure, AnIllegalAccessIsToldAtOnceByEveryGpuOfTheProcess) {
  const auto there = ListCudaDevices();
  ASSERT_TRUE(there.has_value());
  if (there->size() < 2) GTEST_SKIP() << "needs two GPUs";
  Side first{Open({.device = 0})};
  Side second{Open({.device = 1})};
  Work on_first(first);
  Work on_second(second);
  ASSERT_TRUE(testing::Identical(on_first.Do(50), on_second.Do(50)));

  cudaSetDevice(0);
  ASSERT_EQ(test::LaunchIllegalWrite(StreamOf(*first.be)), cudaSuccess);
  const auto begin = steady_clock::now();
  for (Side* side : {&first, &second}) {
    const Status polled = side->be->Poll();
    ASSERT_FALSE(polled.has_value());
    EXPECT_EQ(polled.error().code, Code::kDevice);
    EXPECT_NE(polled.error().message.find("illegal"), std::string::npos) << polled.error().message;
    const Tensor none = side->be->Allocate(DType::kF32, 1, 1);
    EXPECT_FALSE(side->be->Poll().has_value());
  }
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(2));
}

}  // namespace
}  // namespace parley::kernels

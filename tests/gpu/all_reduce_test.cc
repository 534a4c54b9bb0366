// The sum over ranks with the norm behind it: against plain arithmetic, the same bits on every rank, at several widths and
// numbers of rows, over many rounds; a rank that never comes is an error in time. Ranks share a GPU where there is only one.
// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "gpu/gpu_bed.h"
#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/launch.h"

namespace parley::kernels::cuda {
namespace {

#define CUDA_OK(call) ASSERT_EQ(call, cudaSuccess) << cudaGetErrorString(cudaGetLastError())

// Ranks with everything that the kernel needs; rank r is on device r modulo the devices there are.
class Ranks {
 public:
  Ranks(int count, int32_t rows, int32_t cols) : rows_(rows), cols_(cols) {
    int devices = 0;
    cudaGetDeviceCount(&devices);
    for (int r = 0; r < count; ++r) {
      Rank& rank = ranks_.emplace_back();
      rank.device = r % std::max(devices, 1);
      cudaSetDevice(rank.device);
      for (int other = 0; other < devices; ++other) {
        if (other != rank.device && other < count) cudaDeviceEnablePeerAccess(other, 0);
      }
      cudaGetLastError();  // enabled already is fine
      cudaStreamCreateWithFlags(&rank.stream, cudaStreamNonBlocking);
      const size_t bytes = static_cast<size_t>(rows) * static_cast<size_t>(cols) * 4;
      for (auto* memory : {&rank.x, &rank.delta, &rank.out, &rank.weight}) *memory = Zeroed(bytes);
      rank.inbox = Zeroed(InboxBytes(count, rows, cols));
      rank.rounds = Zeroed((static_cast<size_t>(rows) + 1) * 4);
      rank.lost = Zeroed(4);
    }
    cudaDeviceSynchronize();
  }
  ~Ranks() {
    for (Rank& rank : ranks_) {
      cudaSetDevice(rank.device);
      cudaStreamSynchronize(rank.stream);
      cudaStreamDestroy(rank.stream);
    }
  }

  Peers PeersOf(size_t r) {
    Peers peers{.rank = static_cast<int32_t>(r),
                .ranks = static_cast<int32_t>(ranks_.size()),
                .max_rows = rows_,
                .cols = cols_,
                .rounds = static_cast<uint32_t*>(ranks_[r].rounds.get()),
                .lost = static_cast<int32_t*>(ranks_[r].lost.get()),
                .patience_ns = patience_ns};
    for (size_t to = 0; to < ranks_.size(); ++to)
      peers.inbox[to] = static_cast<uint4*>(ranks_[to].inbox.get());
    return peers;
  }
  Rows View(const std::shared_ptr<void>& memory, int32_t rows, Type type) const {
    return {memory.get(), type, rows, cols_, cols_};
  }
  cudaError_t Launch(size_t r, int32_t rows) {
    Rank& rank = ranks_[r];
    cudaSetDevice(rank.device);
    return LaunchReduceNorm(View(rank.x, rows, Type::kF32), View(rank.delta, rows, Type::kBf16),
                            static_cast<const float*>(rank.weight.get()), 1e-5F,
                            View(rank.out, rows, Type::kF32), PeersOf(r), rank.stream);
  }
  void Set(const std::shared_ptr<void>& memory, const std::vector<float>& values, bool bf16,
           int device) const {
    cudaSetDevice(device);
    if (!bf16) {
      cudaMemcpy(memory.get(), values.data(), values.size() * 4, cudaMemcpyHostToDevice);
      return;
    }
    std::vector<uint16_t> bits;
    for (const float v : values) bits.push_back(ToBf16(v).bits);
    cudaMemcpy(memory.get(), bits.data(), bits.size() * 2, cudaMemcpyHostToDevice);
  }
  std::vector<float> Get(const std::shared_ptr<void>& memory, size_t n) const {
    std::vector<float> v(n);
    cudaMemcpy(v.data(), memory.get(), n * 4, cudaMemcpyDeviceToHost);
    return v;
  }

  struct Rank {
    int device = 0;
    cudaStream_t stream = nullptr;
    std::shared_ptr<void> x, delta, out, weight, inbox, rounds, lost;
  };
  std::vector<Rank>& all() { return ranks_; }
  uint64_t patience_ns = 2000000000;

 private:
  static std::shared_ptr<void> Zeroed(size_t bytes) {
    auto made = AllocateDevice(bytes);
    EXPECT_TRUE(made.has_value());
    cudaMemset(made->get(), 0, bytes);
    return *made;
  }
  int32_t rows_, cols_;
  std::vector<Rank> ranks_;
};

TEST(AllReduce, IsTheSumAndTheNormWithTheSameBitsEverywhere) {
  for (const int count : {1, 2, 4}) {
    for (const int32_t cols : {5120, 3584, 64}) {
      for (const int32_t rows : {1, 8, 3}) {
        const size_t n = static_cast<size_t>(rows) * static_cast<size_t>(cols);
        Ranks ranks(count, 8, cols);
        const auto weight = Bf16Values(static_cast<size_t>(cols), 3);
        std::vector<float> x = Bf16Values(n, 4, 3.0F);
        for (auto& rank : ranks.all()) {
          ranks.Set(rank.weight, weight, false, rank.device);
          ranks.Set(rank.x, x, false, rank.device);
        }
        for (int round = 0; round < 5; ++round) {
          std::vector<float> expected(n);
          for (size_t r = 0; r < ranks.all().size(); ++r) {
            const auto delta = Bf16Values(n, 100 * static_cast<uint64_t>(round) + r);
            ranks.Set(ranks.all()[r].delta, delta, true, ranks.all()[r].device);
            for (size_t i = 0; i < n; ++i) expected[i] += delta[i];
          }
          cudaDeviceSynchronize();
          for (size_t r = 0; r < ranks.all().size(); ++r) CUDA_OK(ranks.Launch(r, rows));
          std::vector<std::vector<float>> results;
          for (auto& rank : ranks.all()) {
            cudaSetDevice(rank.device);
            CUDA_OK(cudaStreamSynchronize(rank.stream));
            results.push_back(ranks.Get(rank.x, n));
            const auto normed = ranks.Get(rank.out, n);
            results.back().insert(results.back().end(), normed.begin(), normed.end());
          }
          for (const auto& other : results) EXPECT_TRUE(testing::Identical(other, results[0]));
          for (size_t i = 0; i < n; ++i) x[i] += expected[i];
          for (int32_t row = 0; row < rows; ++row) {
            double squares = 0.0;
            const auto at = static_cast<size_t>(row) * static_cast<size_t>(cols);
            for (size_t c = 0; c < static_cast<size_t>(cols); ++c)
              squares += static_cast<double>(x[at + c]) * x[at + c];
            const double scale = 1.0 / std::sqrt(squares / cols + 1e-5);
            for (size_t c = 0; c < static_cast<size_t>(cols); ++c) {
              ASSERT_NEAR(results[0][at + c], x[at + c], 1e-4);
              ASSERT_NEAR(results[0][n + at + c], x[at + c] * scale * weight[c], 1e-4);
            }
          }
        }
      }
    }
  }
}

TEST(AllReduce, ARankThatNeverComesIsAnErrorInTime) {
  Ranks ranks(2, 1, 5120);
  ranks.patience_ns = 50000000;
  CUDA_OK(ranks.Launch(0, 1));
  CUDA_OK(cudaStreamSynchronize(ranks.all()[0].stream));
  int32_t lost = 0;
  cudaMemcpy(&lost, ranks.all()[0].lost.get(), 4, cudaMemcpyDeviceToHost);
  EXPECT_EQ(lost, 1);
  // A step has more than a hundred of them: only the first one waits.
  ranks.patience_ns = 2000000000;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 128; ++i) CUDA_OK(ranks.Launch(0, 1));
  CUDA_OK(cudaStreamSynchronize(ranks.all()[0].stream));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

// Not a test of speed, which depends on the machine: prints what one costs in a graph of many.
TEST(AllReduce, PrintsItsTimeInAGraph) {
  for (const int32_t rows : {1, 8, 128, 2048}) {
    const int many = rows > 100 ? 16 : 256;
    Ranks ranks(2, rows, 5120);
    if (ranks.all()[0].device == ranks.all()[1].device)
      GTEST_SKIP() << "one GPU: nothing promises that both ranks' graphs run at the same time";
    std::vector<cudaGraphExec_t> graphs;
    for (size_t r = 0; r < 2; ++r) {
      auto& rank = ranks.all()[r];
      CUDA_OK(cudaSetDevice(rank.device));
      cudaGraph_t graph = nullptr;
      CUDA_OK(cudaStreamBeginCapture(rank.stream, cudaStreamCaptureModeThreadLocal));
      for (int i = 0; i < many; ++i) CUDA_OK(ranks.Launch(r, rows));
      CUDA_OK(cudaStreamEndCapture(rank.stream, &graph));
      graphs.emplace_back();
      CUDA_OK(cudaGraphInstantiate(&graphs.back(), graph, 0));
      cudaGraphDestroy(graph);
    }
    std::vector<float> times;
    for (int i = 0; i < 7; ++i) {
      cudaEvent_t begin = nullptr;
      cudaEvent_t end = nullptr;
      auto& first = ranks.all()[0];
      cudaSetDevice(first.device);
      cudaEventCreate(&begin);
      cudaEventCreate(&end);
      // Twice: the first replay takes up the difference between the two launches.
      for (int twice = 0; twice < 2; ++twice) {
        for (size_t r = 0; r < 2; ++r) {
          cudaSetDevice(ranks.all()[r].device);
          if (twice == 1 && r == 0) cudaEventRecord(begin, first.stream);
          CUDA_OK(cudaGraphLaunch(graphs[r], ranks.all()[r].stream));
        }
      }
      cudaSetDevice(first.device);
      cudaEventRecord(end, first.stream);
      CUDA_OK(cudaEventSynchronize(end));
      float ms = 0.0F;
      cudaEventElapsedTime(&ms, begin, end);
      times.push_back(ms * 1000.0F / static_cast<float>(many));
      cudaEventDestroy(begin);
      cudaEventDestroy(end);
    }
    std::sort(times.begin(), times.end());
    std::printf("all_reduce rows %d of 5120 over two GPUs: %.2f us with the norm\n", rows,
                static_cast<double>(times[times.size() / 2]));
    for (auto& rank : ranks.all()) {
      int32_t lost = 0;
      cudaMemcpy(&lost, rank.lost.get(), 4, cudaMemcpyDeviceToHost);
      EXPECT_EQ(lost, 0);
    }
    for (cudaGraphExec_t graph : graphs) cudaGraphExecDestroy(graph);
  }
}

}  // namespace
}  // namespace parley::kernels::cuda

// The peer of our sum over two GPUs: NCCL's, of the same values, in a CUDA graph of many; microseconds each. Ours are
// printed by parley_gpu_test (AllReduce.PrintsItsTimeInAGraph) and have the norm in them.
// Thread:   one for both GPUs.
// Memory:   40 MiB a GPU.
// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime_api.h>
#include <nccl.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr int kGpus = 2;
constexpr int32_t kCols = 5120;

void Must(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(error));
  std::exit(1);
}
void Must(ncclResult_t result, const char* what) {
  if (result == ncclSuccess) return;
  std::fprintf(stderr, "%s: %s\n", what, ncclGetErrorString(result));
  std::exit(1);
}

struct Gpu {
  cudaStream_t stream = nullptr;
  void* values = nullptr;
  ncclComm_t peers = nullptr;
  cudaGraphExec_t graph = nullptr;
};

void Sum(Gpu (&gpus)[kGpus], size_t count) {
  Must(ncclGroupStart(), "ncclGroupStart");
  for (Gpu& gpu : gpus) {
    Must(ncclAllReduce(gpu.values, gpu.values, count, ncclBfloat16, ncclSum, gpu.peers, gpu.stream),
         "ncclAllReduce");
  }
  Must(ncclGroupEnd(), "ncclGroupEnd");
}

void Wait(const Gpu (&gpus)[kGpus]) {
  for (int i = 0; i < kGpus; ++i) {
    Must(cudaSetDevice(i), "cudaSetDevice");
    Must(cudaStreamSynchronize(gpus[i].stream), "running");
  }
}

double Microseconds(Gpu (&gpus)[kGpus], int32_t rows) {
  const size_t count = static_cast<size_t>(rows) * kCols;
  const int many = rows > 100 ? 16 : 256;
  Sum(gpus, count);  // the very first collective must not be recorded
  Wait(gpus);
  for (Gpu& gpu : gpus) {
    Must(cudaStreamBeginCapture(gpu.stream, cudaStreamCaptureModeRelaxed), "recording");
  }
  for (int i = 0; i < many; ++i) Sum(gpus, count);
  for (int i = 0; i < kGpus; ++i) {
    Must(cudaSetDevice(i), "cudaSetDevice");
    cudaGraph_t graph = nullptr;
    Must(cudaStreamEndCapture(gpus[i].stream, &graph), "recording");
    Must(cudaGraphInstantiate(&gpus[i].graph, graph, 0), "recording");
    cudaGraphDestroy(graph);
  }
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  Must(cudaSetDevice(0), "cudaSetDevice");
  Must(cudaEventCreate(&begin), "cudaEventCreate");
  Must(cudaEventCreate(&end), "cudaEventCreate");
  std::vector<float> times;
  for (int i = 0; i < 9; ++i) {
    for (int twice = 0; twice < 2;
         ++twice) {  // the first takes up the difference between two launches
      for (int g = 0; g < kGpus; ++g) {
        Must(cudaSetDevice(g), "cudaSetDevice");
        if (twice == 1 && g == 0) Must(cudaEventRecord(begin, gpus[0].stream), "event");
        Must(cudaGraphLaunch(gpus[g].graph, gpus[g].stream), "launch");
      }
    }
    Must(cudaSetDevice(0), "cudaSetDevice");
    Must(cudaEventRecord(end, gpus[0].stream), "event");
    Wait(gpus);
    float ms = 0.0F;
    Must(cudaEventElapsedTime(&ms, begin, end), "event");
    if (i > 1) times.push_back(ms);
  }
  for (Gpu& gpu : gpus) cudaGraphExecDestroy(gpu.graph);
  std::sort(times.begin(), times.end());
  return 1e3 * static_cast<double>(times[times.size() / 2]) / many;
}

}  // namespace

int main() {
  int there = 0;
  Must(cudaGetDeviceCount(&there), "cudaGetDeviceCount");
  if (there < kGpus) {
    std::fprintf(stderr, "nccl_peer needs two GPUs; this machine has %d\n", there);
    return 1;
  }
  Gpu gpus[kGpus];
  ncclComm_t peers[kGpus];
  Must(ncclCommInitAll(peers, kGpus, nullptr), "ncclCommInitAll");
  constexpr int32_t kRows[] = {1, 8, 128, 2048};
  for (int i = 0; i < kGpus; ++i) {
    Must(cudaSetDevice(i), "cudaSetDevice");
    Must(cudaStreamCreateWithFlags(&gpus[i].stream, cudaStreamNonBlocking), "cudaStreamCreate");
    Must(cudaMalloc(&gpus[i].values, size_t{2048} * kCols * 2), "cudaMalloc");
    Must(cudaMemset(gpus[i].values, 0, size_t{2048} * kCols * 2), "cudaMemset");
    gpus[i].peers = peers[i];
  }
  int version = 0;
  Must(ncclGetVersion(&version), "ncclGetVersion");
  for (const int32_t rows : kRows) {
    std::printf("nccl %d all_reduce rows %d of %d over two GPUs: %.2f us\n", version, rows, kCols,
                Microseconds(gpus, rows));
    std::fflush(stdout);
  }
  return 0;
}

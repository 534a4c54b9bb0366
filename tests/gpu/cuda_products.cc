// Which product for which number of rows: our decode kernel in its variants and cuBLASLt's proposals, at the shapes of
// Step-Audio-R1, each verified first, then timed in a CUDA graph of launches that walk over weights larger than L2, and set
// against what the machine reads at most (measured first). One line a case.
//   cuda_products [all|quick]
// Thread:   one.
// Memory:   about 3 GiB of one GPU.
// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/launch.h"
#include "kernels/tensor.h"

namespace parley::kernels::cuda {
namespace {

void Must(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(error));
  std::exit(1);
}
void Must(const Status& status) {
  if (status) return;
  std::fprintf(stderr, "%s\n", status.error().message.c_str());
  std::exit(1);
}
std::shared_ptr<void> Device(size_t bytes) {
  auto made = AllocateDevice(bytes);
  if (!made) Must(Status(made.error()));
  return *std::move(made);
}

class Bench {
 public:
  Bench() {
    Must(cudaSetDevice(0), "cudaSetDevice");
    cudaDeviceProp properties;
    Must(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
    sms_ = properties.multiProcessorCount;
    Must(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    auto made = Gemm::Make();
    if (!made) Must(Status(made.error()));
    gemm_ = *std::move(made);
    weights_ = Device(kWeightBytes);
    scales_ = Device(size_t{1} << 22);
    x_ = Device(size_t{2048} * 27648 * 2);
    out_ = Device(size_t{2048} * 55296 * 4);
    Must(LaunchRandom(weights_.get(), kWeightBytes / 2 / 8192, 8192, 8192, 1, 0, 0.02F, stream_),
         "random");
    Must(LaunchRandom(x_.get(), 2048, 27648, 27648, 2, 0, 1.0F, stream_), "random");
    Must(cudaStreamSynchronize(stream_), "random");
    std::printf("%s, %d SMs\n", properties.name, sms_);
  }

  // Median milliseconds of one `step` among `steps` in a graph that is replayed.
  double Time(int steps, const std::function<void(int)>& step) {
    for (int i = 0; i < 2; ++i) step(i);
    Must(cudaStreamSynchronize(stream_), "warm-up");
    Must(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "capture");
    for (int i = 0; i < steps; ++i) step(i);
    cudaGraph_t graph = nullptr;
    Must(cudaStreamEndCapture(stream_, &graph), "capture");
    cudaGraphExec_t made = nullptr;
    Must(cudaGraphInstantiate(&made, graph, 0), "instantiate");
    cudaEvent_t begin = nullptr;
    cudaEvent_t end = nullptr;
    Must(cudaEventCreate(&begin), "event");
    Must(cudaEventCreate(&end), "event");
    std::vector<float> times;
    for (int i = 0; i < 9; ++i) {
      Must(cudaEventRecord(begin, stream_), "event");
      Must(cudaGraphLaunch(made, stream_), "launch");
      Must(cudaEventRecord(end, stream_), "event");
      Must(cudaEventSynchronize(end), "run");
      float ms = 0.0F;
      Must(cudaEventElapsedTime(&ms, begin, end), "event");
      if (i > 1) times.push_back(ms);
    }
    std::sort(times.begin(), times.end());
    cudaEventDestroy(begin);
    cudaEventDestroy(end);
    cudaGraphExecDestroy(made);
    cudaGraphDestroy(graph);
    return static_cast<double>(times[times.size() / 2]) / steps;
  }

  void Ceilings() {
    const size_t bytes = size_t{2} << 30;
    auto* seen = static_cast<uint32_t*>(scales_.get());
    const double read = Time(
        4, [&](int) { Must(LaunchReadProbe(weights_.get(), bytes, seen, sms_, stream_), "read"); });
    const double bulk = Time(
        4, [&](int) { Must(LaunchReadBulkProbe(weights_.get(), bytes, sms_, stream_), "read"); });
    std::printf("read_gb_s by registers %.0f by bulk copies %.0f\n",
                static_cast<double>(bytes) / read * 1e-6, static_cast<double>(bytes) / bulk * 1e-6);
    auto* base = static_cast<char*>(weights_.get());
    const double copy = Time(2, [&](int) {
      Must(cudaMemcpyAsync(base + bytes / 2, base, bytes / 2, cudaMemcpyDeviceToDevice, stream_),
           "copy");
    });
    read_ = static_cast<double>(bytes) / std::min(read, bulk) * 1e-6;
    std::printf("ceiling read_gb_s %.0f copy_gb_s %.0f\n", read_,
                2.0 * static_cast<double>(bytes / 2) / copy * 1e-6);
    Must(LaunchRandom(weights_.get(), kWeightBytes / 2 / 8192, 8192, 8192, 1, 0, 0.02F, stream_),
         "random");
  }

  Matrix At(int32_t out, int32_t in, bool fp8, int i) const {
    const size_t bytes = static_cast<size_t>(out) * static_cast<size_t>(in) * (fp8 ? 1 : 2);
    const size_t copies = kWeightBytes / bytes;
    return {.data = static_cast<char*>(weights_.get()) + bytes * (static_cast<size_t>(i) % copies),
            .row_scale = static_cast<const float*>(scales_.get()),
            .fp8 = fp8,
            .out = out,
            .in = in};
  }
  Rows X(int32_t rows, int32_t in) const { return {x_.get(), Type::kBf16, rows, in, in}; }
  static Rows Out(const std::shared_ptr<void>& to, int32_t rows, int32_t cols, Type type) {
    return {to.get(), type, rows, cols, cols};
  }

  void Line(const char* what, const std::string& variant, int32_t rows, const Matrix& m,
            double ms) const {
    const double bytes = static_cast<double>(m.out) * m.in * (m.fp8 ? 1 : 2);
    std::printf("%s %s rows %d out %d in %d us %.2f gb_s %.0f percent %.1f tflops %.0f\n", what,
                variant.c_str(), rows, m.out, m.in, ms * 1e3, bytes / ms * 1e-6,
                100 * bytes / ms * 1e-6 / read_, 2.0 * rows * m.out * m.in / ms * 1e-9);
    std::fflush(stdout);
  }

  void Decode(int32_t rows, int32_t out, int32_t in, bool swiglu, bool fp8, int32_t tiles) {
    const std::string variant = std::string(fp8 ? "fp8" : "bf16") + (swiglu ? "-swiglu" : "") +
                                " tiles " + std::to_string(tiles);
    const Rows to = Out(out_, rows, swiglu ? out / 2 : out, Type::kBf16);
    const auto launch = [&](int i) {
      return LaunchDecodeLinear(X(rows, in), At(out, in, fp8, i), nullptr, swiglu, to, sms_, tiles,
                                stream_);
    };
    if (launch(0) != cudaSuccess) {
      cudaGetLastError();
      return;
    }
    const auto values = static_cast<double>(out) * in;
    Line("decode", variant, rows, At(out, in, fp8, 0),
         Time(static_cast<int>(std::clamp(2e9 / values, 8.0, 48.0)),
              [&](int i) { Must(launch(i), "decode"); }));
  }

  void Library(int32_t rows, int32_t out, int32_t in, int choices) {
    double best = 1e9;
    int which = 0;
    for (int c = 0; c < choices; ++c) {
      const Rows to = Out(out_, rows, out, Type::kBf16);
      if (!gemm_->RunProposal(X(rows, in), At(out, in, false, 0), to, stream_, c)) break;
      const double ms = Time(rows > 256 ? 8 : 16, [&](int i) {
        Must(gemm_->RunProposal(X(rows, in), At(out, in, false, i), to, stream_, c));
      });
      if (c == 0) Line("cublaslt", "first", rows, At(out, in, false, 0), ms);
      if (ms < best) best = ms, which = c;
    }
    Line("cublaslt", "best-is-" + std::to_string(which), rows, At(out, in, false, 0), best);
  }

 private:
  static constexpr size_t kWeightBytes = size_t{2400} << 20;
  int32_t sms_ = 0;
  double read_ = 1.0;
  cudaStream_t stream_ = nullptr;
  std::unique_ptr<Gemm> gemm_;
  std::shared_ptr<void> weights_, scales_, x_, out_;
};

struct Shape {
  int32_t out, in;
  bool swiglu;
};
constexpr Shape kR1[] = {
    {7168, 5120, false}, {5120, 5120, false}, {55296, 5120, true}, {5120, 27648, false}};

int Run(bool quick) {
  Bench bench;
  bench.Ceilings();
  for (const Shape& s : kR1) {
    for (const bool fp8 : {false, true}) {
      for (const int32_t rows : {1, 8, 16}) {
        for (const int32_t tiles : {0, 4, 5, 6, 7}) {
          if (!quick || tiles == 0) bench.Decode(rows, s.out, s.in, s.swiglu, fp8, tiles);
        }
      }
    }
    for (const int32_t rows : {1, 8, 16, 32, 50, 128, 512, 2048})
      bench.Library(rows, s.out, s.in, quick ? 1 : 8);
  }
  bench.Decode(1, 158720, 5120, false, false, 0);
  bench.Decode(8, 158720, 5120, false, false, 0);
  bench.Decode(1, 158720, 5120, false, true, 0);
  return 0;
}

}  // namespace
}  // namespace parley::kernels::cuda

int main(int argc, char** argv) {
  return parley::kernels::cuda::Run(argc > 1 && std::string_view(argv[1]) == "quick");
}

// Which product for which number of rows: our decode kernel in its variants and cuBLASLt's proposals, at the shapes of
// Step-Audio-R1, timed in a CUDA graph of launches that walk over weights larger than L2, and set against what the machine reads at
// most (measured first). One line a case. GpuLinear.* proves them.
//   cuda_products [all|quick|own|between]
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
    scratch_ = Device(kScratchFloats * 4 + kCounters * 4);
    Must(cudaMemset(scratch_.get(), 0, kScratchFloats * 4 + kCounters * 4), "memset");
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

  // `way`: "decode", "eight" or "stream", of decode_linear.cu, eight_rows.cu or stream_linear.cu; a form that does not exist is left out.
  void Own(std::string_view way, int32_t rows, int32_t out, int32_t in, bool swiglu, bool fp8,
           int32_t form) {
    const std::string variant = std::string(fp8 ? "fp8" : "bf16") + (swiglu ? "-swiglu" : "") +
                                " form " + std::to_string(form);
    const Rows to = Out(out_, rows, swiglu ? out / 2 : out, Type::kBf16);
    const auto launch = [&](int i) {
      const Matrix w = At(out, in, fp8, i);
      if (way == "eight") {
        return form > 0 ? cudaErrorInvalidValue
                        : LaunchEightRows(X(rows, in), w, nullptr, swiglu, to, sms_, stream_);
      }
      return way == "decode"
                 ? LaunchDecodeLinear(X(rows, in), w, nullptr, swiglu, to, sms_, form, stream_)
                 : LaunchStreamLinear(X(rows, in), w, nullptr, swiglu, to, Scratch(), sms_, form,
                                      stream_);
    };
    if (launch(0) != cudaSuccess) {
      cudaGetLastError();
      return;
    }
    const auto values = static_cast<double>(out) * in;
    const int steps = static_cast<int>(std::clamp(2e9 / values, 8.0, 48.0));
    Line(way.data(), variant, rows, At(out, in, fp8, 0),
         Time(steps, [&](int i) { Must(launch(i), "a product"); }));
  }

  PartScratch Scratch() const {
    auto* floats = static_cast<float*>(scratch_.get());
    return {floats, kScratchFloats, reinterpret_cast<int32_t*>(floats + kScratchFloats), kCounters};
  }

  // What stands between the products of a step: R1's widths, a context of 1,024.
  void Between(int32_t rows) {
    constexpr int32_t kPages = 65;
    const Rows x{x_.get(), Type::kF32, rows, 5120, 5120};
    const Rows h = Out(out_, rows, 5120, Type::kBf16);
    const Rows qkv = Out(out_, rows, 7168, Type::kBf16);
    Rows q = qkv;
    q.cols = 5120;
    std::vector<int32_t> numbers;
    for (int32_t r = 0; r < rows; ++r) numbers.push_back(1030);  // positions
    for (int32_t r = 0; r < rows; ++r) numbers.push_back(r);     // sequences, and single rows
    for (int32_t p = 0; p < rows * kPages; ++p) numbers.push_back(p);
    const auto memory = Device(numbers.size() * 4);
    Must(cudaMemcpy(memory.get(), numbers.data(), numbers.size() * 4, cudaMemcpyHostToDevice),
         "copy");
    const auto* base = static_cast<const int32_t*>(memory.get());
    const Tables tables{.position = base,
                        .row_seq = base + rows,
                        .page_table = base + 2 * rows,
                        .max_pages = kPages,
                        .single = base + rows,
                        .singles = rows};
    const PartScratch attend = Scratch();
    const auto cache = [&](int i) {  // one layer after another
      const int64_t layer = int64_t{2} * 8 * 16 * 128;
      return Cache{.memory = weights_.get(),
                   .kv_heads = 8,
                   .head_dim = 128,
                   .page_stride = layer * 16,
                   .layer_offset = layer * (i % 16)};
    };
    const RopeOptions rope{.theta = 1e6F, .head_dim = 128};
    const auto line = [&](const char* name, double ms) {
      std::printf("between %s rows %d us %.2f\n", name, rows, ms * 1e3);
    };
    line("add_rms_norm",
         Time(32, [&](int) { Must(LaunchRmsNorm(x, h, nullptr, 1e-5F, h, stream_), "norm"); }));
    line("rope_append", Time(32, [&](int i) {
           Must(LaunchRopeAppend(qkv, 40, rope, cache(i), tables, stream_), "rope");
         }));
    for (const int32_t splits : {1, 2, 4, 8}) {
      line(("attend_splits_" + std::to_string(splits)).c_str(), Time(32, [&](int i) {
             Must(LaunchAttend(q, cache(i), tables, splits, h, attend, stream_), "attend");
           }));
    }
    for (const int32_t splits : {1, 2, 4, 8, 16}) {
      line(("rope_attend_splits_" + std::to_string(splits)).c_str(), Time(32, [&](int i) {
             Must(LaunchRopeAttend(qkv, rope, cache(i), tables, splits, h, attend, stream_),
                  "rope and attend");
           }));
    }
    const Rows logits{x_.get(), Type::kF32, rows, 158720, 158720};
    const SampleRow request{.uniform = 0.5, .temperature = 0.7F, .top_p = 0.95F, .limit = 158352};
    const std::vector<SampleRow> requests(static_cast<size_t>(rows), request);
    const auto device_requests = Device(requests.size() * sizeof(SampleRow));
    Must(cudaMemcpy(device_requests.get(), requests.data(), requests.size() * sizeof(SampleRow),
                    cudaMemcpyHostToDevice),
         "copy");
    const auto room = Device(static_cast<size_t>(rows) * 158720 * 12 + 4096);
    auto* orders = static_cast<uint64_t*>(room.get());
    auto* scores = reinterpret_cast<float*>(orders + static_cast<size_t>(rows) * 158720);
    line("sample", Time(4, [&](int) {
           Must(LaunchSample(
                    logits, static_cast<const SampleRow*>(device_requests.get()), nullptr, scores,
                    orders, reinterpret_cast<int32_t*>(scores + static_cast<size_t>(rows) * 158720),
                    stream_),
                "sample");
         }));
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
  static constexpr size_t kScratchFloats = size_t{8} << 20;
  static constexpr int32_t kCounters = 65536;
  static constexpr size_t kWeightBytes = size_t{2400} << 20;
  int32_t sms_ = 0;
  double read_ = 1.0;
  cudaStream_t stream_ = nullptr;
  std::unique_ptr<Gemm> gemm_;
  std::shared_ptr<void> weights_, scales_, x_, out_, scratch_;
};

struct Shape {
  int32_t out, in;
  bool swiglu;
};
constexpr Shape kR1[] = {
    {7168, 5120, false}, {5120, 5120, false}, {55296, 5120, true}, {5120, 27648, false}};
constexpr Shape kHalves[] = {  // what one of two ranks has
    {3584, 5120, false},
    {5120, 2560, false},
    {27648, 5120, true},
    {5120, 13824, false}};

constexpr Shape kHead = {158720, 5120, false};

int Run(std::string_view which) {
  const bool quick = which == "quick";
  Bench bench;
  bench.Ceilings();
  if (which != "own") {
    for (const int32_t rows : {1, 8, 32}) bench.Between(rows);
  }
  if (which == "between") return 0;
  const auto own = [&](const Shape& s, int32_t rows) {
    for (const bool fp8 : {false, true}) {
      for (int32_t form = -1; form < (quick ? 0 : 6); ++form) {
        for (const char* way : {"decode", "eight", "stream"})
          bench.Own(way, rows, s.out, s.in, s.swiglu, fp8, form);
      }
    }
  };
  for (const Shape& s : kR1) {
    for (const int32_t rows : {1, 8, 16, 32, 50}) own(s, rows);
    if (which == "own") continue;
    for (const int32_t rows : {1, 8, 16, 32, 50, 128, 512, 2048})
      bench.Library(rows, s.out, s.in, quick ? 1 : 8);
  }
  for (const int32_t rows : {1, 8}) own(kHead, rows);
  for (const Shape& s : kHalves) own(s, 1);
  return 0;
}

}  // namespace
}  // namespace parley::kernels::cuda

int main(int argc, char** argv) { return parley::kernels::cuda::Run(argc > 1 ? argv[1] : "all"); }

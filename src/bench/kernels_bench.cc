// SPDX-License-Identifier: Apache-2.0
#include "bench/kernels_bench.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <ostream>
#include <vector>

#include "bench/measure.h"
#include "kernels/backend.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/thread_pool.h"

namespace parley::bench {
namespace {

using kernels::Backend;
using kernels::DType;
using kernels::Storage;
using kernels::Tensor;
using kernels::TensorView;
using kernels::WeightFormat;
using kernels::WeightPtr;
using kernels::WeightSource;

struct Ceilings {
  double gb_per_s = 0.0;
  double gop_per_s = 0.0;  // byte dot products
};

std::vector<float> Values(size_t n, uint32_t seed) {
  std::vector<float> v(n);
  for (float& x : v) {
    seed = seed * 1664525U + 1013904223U;
    x = static_cast<float>(static_cast<int32_t>(seed)) * 0x1p-31F;
  }
  return v;
}

double MeasureGopPerSecond(int threads) {
  constexpr int32_t kRounds = 20000;
  const kernels::cpu::KernelTable& table = kernels::cpu::ChooseKernels(kernels::CpuIsa::kBest);
  kernels::cpu::ThreadPool pool(threads);
  const int32_t slices = 4 * pool.threads();
  int64_t operations = 0;
  const Spread spread = Measure([&] {
    pool.Run(slices, [&](int32_t slice, int) {
      const int64_t n = table.dot_bytes_peak(kRounds);
      if (slice == 0) operations = n;
    });
  });
  return static_cast<double>(operations) * slices / spread.median_us * 1e-3;
}

class KernelsBench {
 public:
  KernelsBench(const KernelsBenchOptions& options, std::ostream& out)
      : options_(options),
        out_(out),
        cpu_(kernels::MakeCpuBackend({.threads = options.threads})),
        reference_(kernels::MakeReferenceBackend()) {}

  Status Run();

 private:
  struct LinearCase {
    const char* name;
    WeightFormat format;
    Storage storage;
    int32_t rows, in, out;
  };
  struct DenseCase {
    const char* name;
    int32_t rows, keys, heads, head_dim;
  };

  bool Wanted(const std::string& name) const {
    return name.find(options_.filter) != std::string::npos;
  }
  Status Linear(const LinearCase& c);
  Status Dense(const DenseCase& c);
  Status Paged(const char* name, int32_t rows, int32_t position);
  void Rows();
  Tensor Filled(Backend& be, int32_t rows, int32_t cols, uint32_t seed) const {
    Tensor t = be.Allocate(DType::kF32, rows, cols);
    be.Upload(Values(static_cast<size_t>(rows) * static_cast<size_t>(cols), seed), t);
    return t;
  }
  // Largest difference of the first rows, relative to the largest value; all of it would take the reference minutes.
  Status Verify(const std::string& name, const TensorView& fast, const TensorView& reference,
                double tolerance) const;
  void Print(const std::string& name, const Spread& t, double bytes, double operations) const;

  KernelsBenchOptions options_;
  std::ostream& out_;
  std::unique_ptr<Backend> cpu_;
  std::unique_ptr<Backend> reference_;
  Ceilings ceilings_;
};

Status KernelsBench::Verify(const std::string& name, const TensorView& fast,
                            const TensorView& reference, double tolerance) const {
  double worst = 0.0;
  double largest = 0.0;
  for (int32_t r = 0; r < reference.rows; ++r) {
    for (int32_t c = 0; c < reference.cols; ++c) {
      worst = std::max(worst, std::fabs(static_cast<double>(fast.F32(r)[c]) - reference.F32(r)[c]));
      largest = std::max(largest, std::fabs(static_cast<double>(reference.F32(r)[c])));
    }
  }
  if (worst <= tolerance * largest) return {};
  return Fail(Code::kDevice, name + ": off by " + std::to_string(worst) + " of " +
                                 std::to_string(largest) + "; the parity tests will say where");
}

void KernelsBench::Print(const std::string& name, const Spread& t, double bytes,
                         double operations) const {
  const double gb = bytes / t.median_us * 1e-3;
  const double gop = operations / t.median_us * 1e-3;
  Report(name)
      .Text("backend", std::string(cpu_->name()))
      .Number("threads", options_.threads)
      .Times(t)
      .Number("gb_per_s", gb)
      .Number("gop_per_s", gop)
      .Number("percent_of_bandwidth", 100 * gb / ceilings_.gb_per_s)
      .Number("percent_of_dot_peak", 100 * gop / ceilings_.gop_per_s)
      .Print(out_, options_.json);
}

Status KernelsBench::Linear(const LinearCase& c) {
  constexpr int32_t kVerifiedRows = 2;
  constexpr size_t kBeyondCaches = size_t{96} << 20;
  const auto n = static_cast<size_t>(c.in) * static_cast<size_t>(c.out);
  const std::vector<float> w = Values(n, 7);
  // A Q4_1 file of random nibbles: 20 bytes a group, d = 2^-6, m = -2^-3.
  std::vector<uint8_t> q4(n / 32 * 20);
  for (size_t i = 0; i < q4.size(); ++i) q4[i] = static_cast<uint8_t>(i * 2654435761U >> 13);
  for (size_t g = 0; g < q4.size(); g += 20) {
    const uint8_t head[4] = {0x00, 0x24, 0x00, 0xb0};
    std::copy_n(head, 4, &q4[g]);
  }
  const WeightSource source{
      .format = c.format,
      .out = c.out,
      .in = c.in,
      .data = c.format == WeightFormat::kQ4_1 ? static_cast<const void*>(q4.data()) : w.data()};
  PARLEY_TRY(const WeightPtr own, cpu_->LoadWeight({&source, 1}, c.storage));
  PARLEY_TRY(const WeightPtr truth, reference_->LoadWeight({&source, 1}, c.storage));
  const Tensor x = Filled(*cpu_, c.rows, c.in, 3);
  const Tensor out = cpu_->Allocate(DType::kF32, c.rows, c.out);
  const int32_t verified = std::min(kVerifiedRows, c.rows);
  const Tensor expected = reference_->Allocate(DType::kF32, verified, c.out);
  cpu_->Linear(x, *own, {}, out);
  reference_->Linear(x.view().Rows(0, verified), *truth, {}, expected);
  PARLEY_TRY_STATUS(Verify(c.name, out, expected, c.storage == Storage::kBf16 ? 1e-2 : 1e-4));
  std::vector<WeightPtr> copies = {own};
  while (c.rows <= 4 && copies.size() * own->bytes() < kBeyondCaches) {
    PARLEY_TRY(WeightPtr copy, cpu_->LoadWeight({&source, 1}, c.storage));
    copies.push_back(std::move(copy));
  }
  size_t next = 0;
  const Spread t = Measure([&] { cpu_->Linear(x, *copies[next++ % copies.size()], {}, out); });
  Print(c.name, t, static_cast<double>(own->bytes()), 2.0 * c.rows * static_cast<double>(n));
  return {};
}

Status KernelsBench::Dense(const DenseCase& c) {
  const int32_t cols = c.heads * c.head_dim;
  const Tensor q = Filled(*cpu_, c.rows, cols, 1);
  const Tensor k = Filled(*cpu_, c.keys, cols, 2);
  const Tensor v = Filled(*cpu_, c.keys, cols, 3);
  const Tensor out = cpu_->Allocate(DType::kF32, c.rows, cols);
  const Tensor expected = reference_->Allocate(DType::kF32, 1, cols);
  cpu_->AttendDense(q, k, v, c.head_dim, false, out);
  reference_->AttendDense(q.view().Rows(0, 1), k, v, c.head_dim, false, expected);
  PARLEY_TRY_STATUS(Verify(c.name, out, expected, 1e-4));
  const Spread t = Measure([&] { cpu_->AttendDense(q, k, v, c.head_dim, false, out); });
  Print(c.name, t, 8.0 * c.keys * cols, 4.0 * c.rows * c.keys * cols);
  return {};
}

Status KernelsBench::Paged(const char* name, int32_t rows, int32_t position) {
  constexpr int32_t kHeads = 9;
  constexpr int32_t kKvHeads = 3;
  constexpr int32_t kDim = 64;
  const int32_t keys = position + rows;
  const int32_t pages = (keys + kernels::kPageTokens - 1) / kernels::kPageTokens;
  std::vector<int32_t> table(static_cast<size_t>(pages));
  std::iota(table.begin(), table.end(), 0);
  std::vector<int32_t> positions(static_cast<size_t>(keys));
  std::iota(positions.begin(), positions.end(), 0);
  const std::vector<int32_t> seq(static_cast<size_t>(keys), 0);
  const auto run = [&](Backend& be, int32_t first, int32_t count, const TensorView& q,
                       const kernels::KvPool& pool, const TensorView& out) {
    const kernels::StepBatch batch{.pool = &pool,
                                   .rows = count,
                                   .position = positions.data() + first,
                                   .row_seq = seq.data(),
                                   .seqs = 1,
                                   .page_table = table.data(),
                                   .max_pages = pages};
    be.Attend(q, batch, 0, out);
  };
  const auto fill = [&](Backend& be) -> Result<kernels::KvPool> {
    PARLEY_TRY(kernels::KvPool pool,
               be.AllocateKv({.layers = 1, .kv_heads = kKvHeads, .head_dim = kDim}, pages));
    const kernels::StepBatch all{.pool = &pool,
                                 .rows = keys,
                                 .position = positions.data(),
                                 .row_seq = seq.data(),
                                 .seqs = 1,
                                 .page_table = table.data(),
                                 .max_pages = pages};
    be.AppendKv(Filled(be, keys, kKvHeads * kDim, 4), Filled(be, keys, kKvHeads * kDim, 5), all, 0);
    return pool;
  };
  PARLEY_TRY(const kernels::KvPool own, fill(*cpu_));
  PARLEY_TRY(const kernels::KvPool truth, fill(*reference_));
  const Tensor q = Filled(*cpu_, rows, kHeads * kDim, 6);
  const Tensor out = cpu_->Allocate(DType::kF32, rows, kHeads * kDim);
  const Tensor expected = reference_->Allocate(DType::kF32, 1, kHeads * kDim);
  run(*cpu_, position, rows, q, own, out);
  run(*reference_, position, 1, q.view().Rows(0, 1), truth, expected);
  PARLEY_TRY_STATUS(Verify(name, out, expected, 1e-4));
  const Spread t = Measure([&] { run(*cpu_, position, rows, q, own, out); });
  const double seen = static_cast<double>(rows) * (position + 0.5 * (rows + 1));
  Print(name, t, 4.0 * keys * kKvHeads * kDim, 4.0 * seen * kHeads * kDim);
  return {};
}

void KernelsBench::Rows() {
  const Tensor x = Filled(*cpu_, 500, 2048, 1);
  const Tensor w = Filled(*cpu_, 1, 2048, 2);
  const Tensor out = cpu_->Allocate(DType::kF32, 500, 2048);
  const Tensor half = cpu_->Allocate(DType::kF32, 500, 1024);
  const Tensor logits = Filled(*cpu_, 1, 49152, 3);
  std::vector<int32_t> ids(40);
  std::vector<float> values(40);
  const double elements = 500.0 * 2048;
  if (Wanted("rms_norm"))
    Print("rms_norm_500x2048", Measure([&] { cpu_->RmsNorm(x, w, 1e-5F, out); }), 8 * elements,
          4 * elements);
  if (Wanted("layer_norm"))
    Print("layer_norm_500x2048", Measure([&] { cpu_->LayerNorm(x, w, w, 1e-5F, out); }),
          8 * elements, 8 * elements);
  if (Wanted("gelu"))
    Print("gelu_500x2048", Measure([&] { cpu_->Gelu(x); }), 8 * elements, 30 * elements);
  if (Wanted("swiglu"))
    Print("swiglu_500x1024", Measure([&] { cpu_->SwiGlu(x, half); }), 6 * elements, 15 * elements);
  if (Wanted("top_k"))
    Print("top_40_of_49152", Measure([&] { cpu_->TopK(logits, 40, ids, values); }), 4 * 49152.0,
          49152.0);
}

Status KernelsBench::Run() {
  constexpr auto kFour = WeightFormat::kQ4_1;
  constexpr auto kFloat = WeightFormat::kF32;
  if (options_.threads <= 0) options_.threads = kernels::cpu::ThreadPool(0).threads();
  ceilings_ = {.gb_per_s = MeasureReadGbPerSecond(options_.threads),
               .gop_per_s = MeasureGopPerSecond(options_.threads)};
  Report("ceilings")
      .Number("threads", options_.threads)
      .Number("read_gb_per_s", ceilings_.gb_per_s)
      .Number("dot_gop_per_s", ceilings_.gop_per_s)
      .Print(out_, options_.json);
  const LinearCase linears[] = {{"q4_1_1x576x3072", kFour, Storage::kAsIs, 1, 576, 3072},
                                {"q4_1_1x1536x576", kFour, Storage::kAsIs, 1, 1536, 576},
                                {"q4_1_4x576x3072", kFour, Storage::kAsIs, 4, 576, 3072},
                                {"q4_1_16x576x3072", kFour, Storage::kAsIs, 16, 576, 3072},
                                {"q4_1_128x576x3072", kFour, Storage::kAsIs, 128, 576, 3072},
                                {"q4_1_128x1536x576", kFour, Storage::kAsIs, 128, 1536, 576},
                                {"q8_0_1x576x49152", kFloat, Storage::kGroup8, 1, 576, 49152},
                                {"q8_0_4x576x49152", kFloat, Storage::kGroup8, 4, 576, 49152},
                                {"i8_row_1x512x2048", kFloat, Storage::kI8Row, 1, 512, 2048},
                                {"i8_row_500x512x2048", kFloat, Storage::kI8Row, 500, 512, 2048},
                                {"i8_row_500x2048x512", kFloat, Storage::kI8Row, 500, 2048, 512},
                                {"bf16_1x512x2048", kFloat, Storage::kBf16, 1, 512, 2048},
                                {"bf16_100x512x2048", kFloat, Storage::kBf16, 100, 512, 2048},
                                {"f32_500x1536x512", kFloat, Storage::kF32, 500, 1536, 512}};
  for (const LinearCase& c : linears) {
    if (Wanted(c.name)) PARLEY_TRY_STATUS(Linear(c));
  }
  const DenseCase dense[] = {{"attend_dense_500x500", 500, 500, 8, 64},
                             {"attend_dense_1x500", 1, 500, 8, 64}};
  for (const DenseCase& c : dense) {
    if (Wanted(c.name)) PARLEY_TRY_STATUS(Dense(c));
  }
  if (Wanted("attend_1_at_64")) PARLEY_TRY_STATUS(Paged("attend_1_at_64", 1, 64));
  if (Wanted("attend_1_at_1024")) PARLEY_TRY_STATUS(Paged("attend_1_at_1024", 1, 1024));
  if (Wanted("attend_128_at_0")) PARLEY_TRY_STATUS(Paged("attend_128_at_0", 128, 0));
  Rows();
  return {};
}

}  // namespace

Status RunKernelsBench(const KernelsBenchOptions& options, std::ostream& out) {
  return KernelsBench(options, out).Run();
}

}  // namespace parley::bench

// Every way in which a product of few rows is shared out over blocks and clusters, against sums in double on the host: at a
// test's sizes the launcher would take only some of them.
// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/stored_order.h"
#include "kernels/tensor.h"

namespace parley::kernels::cuda {
namespace {

constexpr int32_t kSms = 132;

double OfE4m3(uint8_t code) {
  const int exponent = code >> 3 & 15;
  const int mantissa = code & 7;
  const double size =
      exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
  return (code & 0x80) != 0 ? -size : size;
}

std::shared_ptr<void> Device(size_t bytes) {
  auto made = AllocateDevice(bytes);
  EXPECT_TRUE(made.has_value());
  return made ? *std::move(made) : nullptr;
}

template <class T>
std::vector<T> Download(const void* from, size_t count) {
  std::vector<T> values(count);
  EXPECT_EQ(cudaMemcpy(values.data(), from, count * sizeof(T), cudaMemcpyDeviceToHost),
            cudaSuccess);
  return values;
}

// Random bf16 on the device, and on the host as doubles.
std::vector<double> Fill(void* to, int32_t rows, int32_t cols, uint64_t seed) {
  EXPECT_EQ(LaunchRandom(to, rows, cols, cols, seed, 0, 1.0F, nullptr), cudaSuccess);
  std::vector<double> values;
  for (const uint16_t bits :
       Download<uint16_t>(to, static_cast<size_t>(rows) * static_cast<size_t>(cols))) {
    values.push_back(ToFloat(Bf16{bits}));
  }
  return values;
}

struct Case {
  int32_t rows, outs, in;
  bool swiglu, fp8;
};

// What a way computes must be what the weights say, value by value; a way that does not exist is refused.
void Check(const Case& c) {
  SCOPED_TRACE(::testing::Message() << c.rows << " rows of " << c.in << " to " << c.outs
                                    << (c.swiglu ? " swiglu" : "") << (c.fp8 ? " fp8" : ""));
  const int32_t w_rows = (c.swiglu ? 2 : 1) * c.outs;
  const auto in = static_cast<size_t>(c.in);
  const size_t count = static_cast<size_t>(w_rows) * in;
  const auto x = Device(static_cast<size_t>(c.rows) * in * 2);
  const auto w = Device(count * 2);
  const auto codes = Device(count);
  const auto scales = Device(static_cast<size_t>(w_rows) * 4);
  const auto bias = Device(static_cast<size_t>(c.outs) * 4);
  const size_t results = static_cast<size_t>(c.rows) * static_cast<size_t>(c.outs);
  const auto out = Device(results * 4);
  constexpr size_t kFloats = size_t{4} << 20;
  constexpr int32_t kCounters = 4096;
  const auto room = Device(kFloats * 4 + kCounters * 4);
  ASSERT_EQ(cudaMemset(room.get(), 0, kFloats * 4 + kCounters * 4), cudaSuccess);
  auto* floats = static_cast<float*>(room.get());
  const PartScratch scratch{floats, kFloats, reinterpret_cast<int32_t*>(floats + kFloats),
                            kCounters};
  const std::vector<double> xs = Fill(x.get(), c.rows, c.in, 1);
  std::vector<double> ws = Fill(w.get(), w_rows, c.in, 2);
  std::vector<float> biases(static_cast<size_t>(c.outs), 0.0F);
  for (size_t i = 0; i < biases.size() && !c.swiglu; ++i)
    biases[i] = 0.125F * static_cast<float>(i % 17);
  ASSERT_EQ(cudaMemcpy(bias.get(), biases.data(), biases.size() * 4, cudaMemcpyHostToDevice),
            cudaSuccess);
  if (c.fp8) {
    ASSERT_EQ(LaunchQuantise(w.get(), w_rows, c.in, static_cast<uint8_t*>(codes.get()),
                             static_cast<float*>(scales.get()), nullptr),
              cudaSuccess);
    const auto stored = Download<uint8_t>(codes.get(), count);
    const auto scale = Download<float>(scales.get(), static_cast<size_t>(w_rows));
    for (size_t row = 0; row < scale.size(); ++row) {
      for (int k = 0; k < c.in; ++k) {
        const double exact = ws[row * in + static_cast<size_t>(k)];
        double& v = ws[row * in + static_cast<size_t>(k)];
        v = OfE4m3(stored[row * in + static_cast<size_t>(StoredPlace(k))]) *
            static_cast<double>(scale[row]);
        ASSERT_NEAR(v, exact, 0.04)
            << "row " << row << " value " << k << " is not where it belongs";
      }
    }
  }
  std::vector<double> sums(static_cast<size_t>(c.rows) * static_cast<size_t>(w_rows));
  for (size_t r = 0; r < static_cast<size_t>(c.rows); ++r) {
    for (size_t o = 0; o < static_cast<size_t>(w_rows); ++o) {
      double sum = 0.0;
      for (size_t k = 0; k < in; ++k) sum += xs[r * in + k] * ws[o * in + k];
      sums[r * static_cast<size_t>(w_rows) + o] = sum;
    }
  }
  // f32 sums of `in` values of which none is above one: eight roundings' worth, grown over the square root of their number.
  const double bound = 0x1p-21 * c.in;
  const Rows rows{x.get(), Type::kBf16, c.rows, c.in, c.in};
  const Rows to{out.get(), Type::kF32, c.rows, c.outs, c.outs};
  const Matrix m{.data = c.fp8 ? codes.get() : w.get(),
                 .row_scale = c.fp8 ? static_cast<const float*>(scales.get()) : nullptr,
                 .fp8 = c.fp8,
                 .out = w_rows,
                 .in = c.in};
  const float* const added = c.swiglu ? nullptr : static_cast<const float*>(bias.get());
  int ways = 0;
  for (int32_t form = -1; form < 8; ++form) {  // -1: eight_rows.cu
    ASSERT_EQ(cudaMemset(out.get(), 0xFF, results * 4), cudaSuccess);
    const cudaError_t launched =
        form < 0 ? LaunchEightRows(rows, m, added, c.swiglu, to, kSms, nullptr)
                 : LaunchStreamLinear(rows, m, added, c.swiglu, to, scratch, kSms, form, nullptr);
    if (launched != cudaSuccess) {
      cudaGetLastError();
      continue;
    }
    ++ways;
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess) << "way " << form;
    const auto got = Download<float>(out.get(), results);
    int wrong = 0;
    for (size_t i = 0; i < results; ++i) {
      const size_t r = i / static_cast<size_t>(c.outs);
      const size_t o = i % static_cast<size_t>(c.outs);
      const double* row = &sums[r * static_cast<size_t>(w_rows)];
      const double gate = row[o];
      const double expected =
          c.swiglu ? gate / (1.0 + std::exp(-gate)) * row[o + static_cast<size_t>(c.outs)]
                   : gate + static_cast<double>(biases[o]);
      const double near =
          c.swiglu ? bound * (2.0 + std::fabs(row[o + static_cast<size_t>(c.outs)]) * 2.0 +
                              std::fabs(gate)) +
                         1e-5 * std::fabs(expected)
                   : bound;
      const double off = std::fabs(static_cast<double>(got[i]) - expected);
      if (!(off <= near) && ++wrong <= 4) {
        ADD_FAILURE() << "way " << form << " row " << r << " output " << o << ": " << got[i]
                      << ", expected " << expected << " within " << near;
      }
    }
    EXPECT_EQ(wrong, 0) << "of " << results << " by way " << form;
  }
  EXPECT_GE(ways, (c.swiglu ? 2 : 4) + (c.fp8 && c.rows <= kEightRows ? 1 : 0));
}

TEST(GpuWays, Bf16) {
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  for (const int32_t rows : {1, 8, 13, 32, 50}) {
    Check({rows, 300, 272, false, false});
    Check({rows, 5120, 80, false, false});
    Check({rows, 1000, 640, true, false});
  }
  Check({3, 300, 5120, false, false});
  Check({32, 2000, 1040, false, false});
  Check({2, 40000, 64, false, false});
}

TEST(GpuWays, Fp8) {
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  for (const int32_t rows : {1, 8, 13, 32}) {
    Check({rows, 300, 272, false, true});
    Check({rows, 5120, 80, false, true});
    Check({rows, 1000, 640, true, true});
  }
  Check({3, 300, 5120, false, true});
  Check({32, 2000, 1040, false, true});
  Check({2, 40000, 64, false, true});
}

}  // namespace
}  // namespace parley::kernels::cuda

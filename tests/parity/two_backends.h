// The reference and one fast backend side by side, fed with the same bits.
// Thread:   one test.
// Memory:   both backends' own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "kernels/backend.h"
#include "support/backend_host.h"
#include "support/compare.h"

namespace parley::kernels {

struct Device {
  CpuIsa isa = CpuIsa::kBest;
  int threads = 1;
};

inline std::string DeviceName(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kPortable:
      return "Portable";
    case CpuIsa::kAvx2:
      return "Avx2";
    case CpuIsa::kAvxVnni:
      return "AvxVnni";
    case CpuIsa::kAvx512:
      return "Avx512";
    case CpuIsa::kBest:
      break;
  }
  return "Best";
}

// Every instruction set of this machine: one thread each, and the best of them also with three.
inline std::vector<Device> Devices() {
  std::vector<Device> devices;
  for (CpuIsa isa : {CpuIsa::kPortable, CpuIsa::kAvx2, CpuIsa::kAvxVnni, CpuIsa::kAvx512}) {
    if (CpuHas(isa)) devices.push_back({isa, 1});
  }
  devices.push_back({CpuIsa::kBest, 3});
  return devices;
}

inline void PrintTo(const Device& d, std::ostream* out) {
  *out << DeviceName(d.isa) << " with " << d.threads << " threads";
}

inline std::string PrintDevice(const ::testing::TestParamInfo<Device>& info) {
  return DeviceName(info.param.isa) + std::to_string(info.param.threads);
}

class Parity : public ::testing::TestWithParam<Device> {
 protected:
  Host ref_{MakeReferenceBackend()};
  Host fast_{MakeCpuBackend({.threads = GetParam().threads, .isa = GetParam().isa})};
};

}  // namespace parley::kernels

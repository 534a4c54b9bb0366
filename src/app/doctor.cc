// SPDX-License-Identifier: Apache-2.0
#include "app/doctor.h"

#include <algorithm>
#include <cstdio>

#include "app/gpu_report.h"
#include "app/runtime.h"
#include "app/version.h"
#include "common/health.h"
#include "fetch/health.h"
#include "fetch/report.h"
#include "kernels/cuda_devices.h"

namespace parley::app {
namespace {

constexpr double kH200Gib = 139.8;

// Of the GPU with the least, where there are some.
int64_t GpuBytes(const DoctorOptions& options,
                 const Result<std::vector<kernels::CudaDevice>>& gpus) {
  const double gib = options.gpu_gib > 0 ? options.gpu_gib : kH200Gib;
  auto bytes = static_cast<int64_t>(gib * (1 << 30));
  if (options.gpu_gib > 0 || !gpus || gpus->empty()) return bytes;
  bytes = gpus->front().free_bytes;
  for (const kernels::CudaDevice& gpu : *gpus) bytes = std::min(bytes, gpu.free_bytes);
  return bytes;
}

// What a talk takes, part by part, measured by loading it.
std::vector<HealthRow> MemoryHealth(const AppConfig& config) {
  auto runtime = Runtime::Load(config, "", Pace::kRealtime);
  if (!runtime.has_value()) {
    return {{Health::kFail, "loading", runtime.error().message,
             "run `parley models fetch`, then again"}};
  }
  std::vector<HealthRow> rows;
  for (const MemoryShare& share : (*runtime)->memory()) {
    rows.push_back(
        {Health::kOk, share.what, fetch::PrintSize(static_cast<int64_t>(share.bytes)), ""});
  }
  return rows;
}

}  // namespace

Status RunDoctor(const DoctorOptions& options, const AppConfig& config) {
  std::printf("%s\n\n", VersionText().c_str());
  std::vector<HealthRow> rows = MachineHealth();
  auto models = fetch::ModelHealth(fetch::Manifest::BuiltIn(), config.models.Dir());
  const bool installed = std::none_of(models.begin(), models.end(), [](const HealthRow& row) {
    return row.health == Health::kFail;
  });
  const auto gpus = kernels::ListCudaDevices();
  const auto gpu_rows = GpuHealth(gpus);
  rows.insert(rows.end(), gpu_rows.begin(), gpu_rows.end());
  rows.insert(rows.end(), models.begin(), models.end());
  std::fputs(RenderHealth(rows).c_str(), stdout);
  const int64_t positions = config.talk.conversation.max_tokens;
  std::printf("\n%s", WhatFits(GpuBytes(options, gpus), positions).c_str());
  if (installed) {
    std::printf("\nmemory of a talk, by part\n");
    const auto memory = MemoryHealth(config);
    std::fputs(RenderHealth(memory).c_str(), stdout);
    rows.insert(rows.end(), memory.begin(), memory.end());
  }
  const bool failed = std::any_of(rows.begin(), rows.end(),
                                  [](const HealthRow& row) { return row.health == Health::kFail; });
  if (failed)
    return Fail(Code::kDevice, "something does not work: see the rows above that say fail");
  return {};
}

}  // namespace parley::app
